package rlpf

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/noema-ml/noema/userllm/history"
)

// nobody is the user of a question about a history that was made up.
const nobody = -1

// mostDecided is the greatest spread of the logarithms of a made-up user's
// liking for genres: of two genres one may be liked a hundred times as much.
const mostDecided = 3

// A persona is someone who was made up.
type persona struct {
	asker *Asker
	below []float64 // sums of the items' weights, up to each item
	draws []int     // how often it had chosen by the end of each event, titles met before included
}

// invent makes up someone with tastes of their own. An item's weight is how often
// it is chosen times the mean liking for its genres.
func (a *Asker) invent(r *rand.Rand) *persona {
	liking := make([]float64, len(a.Data.Genres))
	decided := mostDecided * r.Float64()
	for g := range liking {
		liking[g] = math.Exp(decided * r.NormFloat64())
	}
	who := &persona{asker: a, below: make([]float64, len(a.Data.Items))}
	var total float64
	for i := range who.below {
		weight := 1.0
		if genres := a.Data.Items[i].Genres; len(genres) > 0 {
			weight = 0
			for _, g := range genres {
				weight += liking[g] / float64(len(genres))
			}
		}
		total += weight * a.rate[i]
		who.below[i] = total
	}
	return who
}

// inventLife is invent with what the persona does, as many events as some training
// user has, and a place among them where that user would be asked. In shorter
// timelines, or asked earlier, the popular items, which most have met before long,
// would be right more often or more seldom than they are for users. It returns nil
// if there are too few events or items.
func (a *Asker) inventLife(r *rand.Rand) (who *persona, events []history.Event, pos int) {
	for range 8 {
		user := a.Users.Train[r.IntN(len(a.Users.Train))]
		n := min(len(a.Data.Users[user].Events), len(a.Data.Items)/2)
		first, last := a.Config.span(n)
		if last < first { // nobody asks this user
			first, last = n/2, n-1
		}
		if first < 1 {
			continue
		}
		pos = first + r.IntN(last-first+1)
		who = a.invent(r)
		if events = who.act(r, n); len(events) > pos {
			return who, events, pos
		}
	}
	return nil, nil, 0
}

// setRates finds how often training users would choose each item if their tastes
// were equal and they could choose it again: of those who choose it x times on
// average, a share of exp(-x) never does. The popularity of targets would not do:
// the commonest items are rarer among them, as most users have met these before.
func (a *Asker) setRates() {
	met := make([]float64, len(a.Data.Items))
	for _, u := range a.Users.Train {
		for _, e := range a.Data.Users[u].Events {
			met[e.Item]++
		}
	}
	for _, n := range met {
		share := (n + rare) / float64(len(a.Users.Train)+1)
		a.rate = append(a.rate, -math.Log1p(-min(share, 0.95)))
	}
}

// act returns what the persona does: up to n events and half of the items, no
// title twice.
func (who *persona) act(r *rand.Rand, n int) []history.Event {
	a := who.asker
	met := map[int32]bool{}
	var events []history.Event
	items := len(who.below)
	n = min(n, items/2)
	who.draws = nil
	for draws := 1; len(events) < n && draws <= 20*n; draws++ {
		item := int32(min(sort.SearchFloat64s(who.below, who.below[items-1]*r.Float64()), items-1))
		if met[a.same[item]] {
			continue
		}
		met[a.same[item]] = true
		e := history.Event{Item: item}
		if a.Data.HasRatings {
			e.Rating = float32(1 + r.IntN(5))
		}
		events, who.draws = append(events, e), append(who.draws, draws)
	}
	return events
}

// answer replaces the one option that is right, in a question about what the
// persona did, by the chance of each to be it, a far better teacher: the odds that
// this one is met first when it is, and the others never, over those with which it
// is drawn as an option. Items that share a title are taken for several.
func (who *persona) answer(q *Question) {
	if !q.Task.Future() {
		return
	}
	chance := who.asker.popular[q.Task].chance
	later := float64(who.draws[len(who.draws)-1] - who.draws[q.Pos+q.Task.ahead()])
	scores := make([]float64, len(q.Items))
	for k, i := range q.Items {
		rate := who.weight(i) / who.below[len(who.below)-1]
		scores[k] = math.Log(rate/chance[i]) + later*rate
	}
	q.chances = shares(scores)
}

// weight returns how likely an item is chosen, up to a factor.
func (who *persona) weight(item int32) float64 {
	if item == 0 {
		return who.below[0]
	}
	return who.below[item] - who.below[item-1]
}
