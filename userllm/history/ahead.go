package history

// Ahead returns the distributions over items, [n][items], of the n events of
// user u from position pos on, for one who knows the events before pos and the
// user's tastes. The first is Next's. Those after it are close and not exact:
// they follow from the distributions before them, as if the events between were
// independent, and an item may come in as far as it has not come before.
//
// It panics if the events from pos to pos+n-1 are not all in the timeline.
func (t *Truth) Ahead(u, pos, n int) [][]float64 {
	last, prior := t.certain(u, pos-1), t.certain(u, pos-2)
	ahead, unseen := make([][]float64, n), t.unseen(u, pos)
	for k := range ahead {
		p := t.spread(t.tastes[u][pos+k], last, prior, unseen)
		happen(unseen, p)
		ahead[k], last, prior = p, p, last
	}
	return ahead
}

// AheadByTaste is Ahead for one who believes the user to have the given taste,
// [genres], throughout, and does not know that events may follow from those before. It
// panics if there are not pos events.
func (t *Truth) AheadByTaste(taste []float64, u, pos, n int) [][]float64 {
	ahead, unseen := make([][]float64, n), t.unseen(u, pos)
	for k := range ahead {
		ahead[k] = t.spread(taste, nil, nil, unseen)
		happen(unseen, ahead[k])
	}
	return ahead
}

// unseen returns the chance of each item not to be among the first pos events: 0 or 1.
func (t *Truth) unseen(u, pos int) []float64 {
	events := t.data.Users[u].Events[:pos]
	unseen := make([]float64, len(t.pop))
	for i := range unseen {
		unseen[i] = 1
	}
	for _, e := range events {
		unseen[e.Item] = 0
	}
	return unseen
}

// happen takes the chances of an event from those to be unseen.
func happen(unseen, p []float64) {
	for i, x := range p {
		unseen[i] *= 1 - min(x, 1)
	}
}

// certain returns the distribution of the event at a position that is known, nil if
// there is none.
func (t *Truth) certain(u, pos int) []float64 {
	if pos < 0 {
		return nil
	}
	p := make([]float64, len(t.pop))
	p[t.data.Users[u].Events[pos].Item] = 1
	return p
}

// spread returns the distribution of an event after those of the last two; nil
// is no event.
func (t *Truth) spread(taste, last, prior, unseen []float64) []float64 {
	p := make([]float64, len(t.pop))
	rest := 1.0
	for k, from := range [][]float64{last, prior} {
		share := t.shares[k]
		for j, x := range from {
			if x == 0 {
				continue
			}
			var sum float64
			for m, next := range t.follow[j] {
				sum += followWeights[m] * unseen[next]
			}
			if sum == 0 {
				continue
			}
			rest -= share * x
			for m, next := range t.follow[j] {
				p[next] += share * x * followWeights[m] * unseen[next] / sum
			}
		}
	}
	byTaste := make([]float64, len(t.pop))
	var total float64
	for i := range byTaste {
		for _, g := range t.mix[i] {
			byTaste[i] += taste[g.genre] * g.weight / t.mass[g.genre]
		}
		byTaste[i] *= t.pop[i] * unseen[i]
		total += byTaste[i]
	}
	for i, x := range byTaste {
		p[i] += rest * x / total
	}
	return p
}
