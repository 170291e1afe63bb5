package rlpf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/noema-ml/noema/userllm/history"
)

// madeUp returns pretraining example i: a history that nobody has, and what such
// a one does next. It comes of the catalogue and its popularity alone and depends
// on the data's seed and i. Some are plain, so that a few hundred of them teach
// how a question is read; the others are as hard as those about real users.
func (p *Predictor) madeUp(d PredictorData, i int) example {
	g := stream(d.Seed, fmt.Sprintf("predictor made-up %d", i))
	if rand.New(g).IntN(plainOf) == 0 {
		return p.plain(d, g)
	}
	return p.invented(d, g)
}

// plainOf: one of so many made-up users is plain.
const plainOf = 2

// invented is madeUp for someone with tastes like those of users, of whom there
// are too few to learn from them what a history or a summary says without learning
// them by heart.
func (p *Predictor) invented(d PredictorData, g *rand.PCG) example {
	r := rand.New(g)
	pos := min(1+r.IntN(d.Length), 1+len(p.Lang.Data.Items)/4)
	who := d.Asker.invent(r)
	events := who.act(r, pos+gap)
	if len(events) <= pos {
		return example{}
	}
	e := p.exampleAt(d, g, nobody, events, pos)
	for k := range e.questions {
		who.answer(&e.questions[k])
	}
	return e
}

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

// invent makes up someone with tastes of their own. An item's weight is its
// popularity times the mean liking for its genres.
func (a *Asker) invent(r *rand.Rand) *persona {
	liking := make([]float64, len(a.Data.Genres))
	decided := mostDecided * r.Float64()
	for g := range liking {
		liking[g] = math.Exp(decided * r.NormFloat64())
	}
	who := &persona{asker: a, below: make([]float64, len(a.Data.Items))}
	popular := a.popular[FutureActivity]
	var total float64
	for i := range who.below {
		weight := 1.0
		if genres := a.Data.Items[i].Genres; len(genres) > 0 {
			weight = 0
			for _, g := range genres {
				weight += liking[g] / float64(len(genres))
			}
		}
		if popular != nil {
			weight *= popular.weight[i]
		}
		total += weight
		who.below[i] = total
	}
	return who
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

// plain is madeUp for someone with a taste for one genre.
func (p *Predictor) plain(d PredictorData, g *rand.PCG) example {
	r := rand.New(g)
	data := p.Lang.Data
	taste := int32(r.IntN(max(1, len(data.Genres))))
	var events []history.Event
	add := func(item int32) {
		e := history.Event{Item: item}
		if data.HasRatings {
			e.Rating = float32(1 + r.IntN(5))
		}
		events = append(events, e)
	}
	liked, other := p.byGenre(taste)
	if len(liked) == 0 || len(other) < 3 {
		return example{}
	}
	for range 1 + r.IntN(12) {
		if r.IntN(5) == 0 {
			add(int32(r.IntN(len(data.Items))))
		} else {
			add(liked[r.IntN(len(liked))])
		}
	}
	e := example{context: p.Lang.anyContext(g, events)}
	if r.IntN(3) == 0 {
		e.context = data.Genres[taste]
	}
	for range p.Config.Questions {
		if r.IntN(4) == 0 {
			if q, ok := d.Asker.favourite(r, Question{Task: FavGenre, Ask: asks[FavGenre]}, events); ok {
				e.questions = append(e.questions, q)
			}
			continue
		}
		q := Question{Task: FutureActivity, Ask: asks[FutureActivity], Options: make([]string, 4), Answer: []int{r.IntN(4)}}
		for k := range q.Options {
			from := other
			if k == q.Answer[0] {
				from = liked
			}
			q.Options[k] = data.Items[from[r.IntN(len(from))]].Title
		}
		e.questions = append(e.questions, q)
	}
	return e
}

// byGenre returns the items that have a genre and those that have not.
func (p *Predictor) byGenre(genre int32) (in, out []int32) {
	for i, item := range p.Lang.Data.Items {
		has := false
		for _, g := range item.Genres {
			has = has || g == genre
		}
		if has {
			in = append(in, int32(i))
		} else {
			out = append(out, int32(i))
		}
	}
	return in, out
}
