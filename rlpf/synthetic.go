package rlpf

import (
	"math"

	"github.com/noema-ml/noema/userllm/history"
)

// SyntheticData returns the made-up world that the method is shown on, with the
// truth behind it. Tastes do not move and decide most of what is done, so that
// what a profile says of a user holds 50 activities later too, and there are
// enough titles for everybody to find some of the favourite genre to the end.
// There are no ratings: they would be half of what a history takes to tell, and
// say little that the titles do not. A few hundred users would be learnt by heart;
// these are enough to show what follows what. quick is a smaller world for smoke
// tests.
func SyntheticData(seed uint64, quick bool) (*history.Dataset, *history.Truth) {
	c := syntheticWorld(seed, 4000)
	if quick {
		c.Users, c.Items, c.Events = 160, 300, 110
	}
	d, truth := history.SyntheticTruth(c)
	d.HasRatings = false
	for u := range d.Users {
		for i := range d.Users[u].Events {
			d.Users[u].Events[i].Rating = 0
		}
	}
	return d, truth
}

// syntheticWorld is the world of SyntheticData with so many of its users.
func syntheticWorld(seed uint64, users int) history.SyntheticConfig {
	return history.SyntheticConfig{Seed: seed, Users: users, Items: 600, Events: 120, Genres: 8, Drift: -1, Follow: 0.15}
}

// A Reader answers questions about the future without a language model: it
// returns a score for each option. Readers are ceilings and yardsticks for
// predictors. Several goroutines may use one.
type Reader func(q Question) []float64

// OracleReader knows the tastes of all users and what follows what, and the
// history in full. Its score of an option is, up to a constant, the logarithm of
// the chance that this one is the target and the others are never met, given
// that options are drawn as they are; for later events than the next it is an
// approximation (see [history.Truth.Ahead]). Nobody can be expected to do
// better by more than a little.
func (a *Asker) OracleReader(truth *history.Truth) Reader {
	return a.foresee(truth.Ahead, func(q Question, t timeline) liking { return t.fit.without(a.genres[q.Target()]) })
}

// TasteReader is OracleReader for one who infers tastes from what is past, knowing the
// world, and does not think of what follows what when it answers: a strong yardstick for
// accounts of a history that tell of tastes alone, and not a bound of theirs. Tastes are
// the mean of draws, and later events than the next follow from others too. Of the
// future it knows, as the oracle does, how many events are to come.
func (a *Asker) TasteReader(truth *history.Truth) Reader {
	return a.foresee(func(u, pos, n int) [][]float64 {
		return truth.AheadByTaste(truth.Infer(u, max(0, pos-a.Config.History), pos), u, pos, n)
	}, func(q Question, t timeline) liking { return a.fitTo(t.events[:q.Pos]).liking })
}

// foresee answers by the distributions of the n events of a user from pos on, and
// the liking by which options are thought to be drawn.
func (a *Asker) foresee(ahead func(user, pos, n int) [][]float64, drawn func(Question, timeline) liking) Reader {
	return func(q Question) []float64 {
		t := a.timeline(q.User)
		l, events := drawn(q, t), ahead(q.User, q.Pos, len(t.events)-q.Pos)
		scores := make([]float64, len(q.Items))
		for k, i := range q.Items {
			scores[k] = math.Log(max(events[q.Task.ahead()][i], 1e-30)) - math.Log(a.chance(a.popular[q.Task], l, t.fit.items, i))
			for _, next := range events {
				scores[k] -= math.Log(max(1-next[i], 1e-30))
			}
		}
		return scores
	}
}

// GenreReader counts the genres of the history, all there is to say of it in a
// histogram: an option's score is how much commoner its genres are there than
// among training users, in logarithms.
func (a *Asker) GenreReader() Reader {
	total := float64(len(a.common)) // as if everything had been met once more
	for _, n := range a.common {
		total += n
	}
	const doubt = 10 // genres that are thought to have come as everywhere
	return func(q Question) []float64 {
		counts := make([]float64, len(a.common))
		var n float64
		for _, e := range a.History(q.User, q.Pos) {
			for _, g := range a.Data.Items[e.Item].Genres {
				counts[g]++
				n++
			}
		}
		scores := make([]float64, len(q.Items))
		for k, i := range q.Items {
			genres := a.Data.Items[i].Genres
			for _, g := range genres {
				usual := (a.common[g] + 1) / total
				scores[k] += math.Log((counts[g]+doubt*usual)/(n+doubt)/usual) / float64(len(genres))
			}
		}
		return scores
	}
}

// SuccessorReader knows which items training users met after which, and looks at
// the last two of the history alone.
func (a *Asker) SuccessorReader() Reader {
	type pair struct{ from, to int32 }
	follow := [2]map[pair]float64{{}, {}}
	for _, u := range a.Users.Train {
		events := a.Data.Users[u].Events
		for i := range events {
			for back := range follow {
				if j := i - 1 - back; j >= 0 {
					follow[back][pair{events[j].Item, events[i].Item}]++
				}
			}
		}
	}
	const doubt = 1
	return func(q Question) []float64 {
		events := a.History(q.User, q.Pos)
		scores := make([]float64, len(q.Items))
		for k, i := range q.Items {
			for back, times := range follow {
				if j := len(events) - 1 - back; j >= 0 {
					scores[k] += times[pair{events[j].Item, i}]
				}
			}
			scores[k] = math.Log((scores[k] + doubt) / (a.popular[q.Task].weight[i] + doubt))
		}
		return scores
	}
}
