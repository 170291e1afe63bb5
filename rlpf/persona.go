package rlpf

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/noema-ml/noema/userllm/history"
)

// nobody is the user of a question about a history that was made up.
const nobody = -1

// tastePower is the power of a user's likings by which made-up users are as decided as
// users are, found on training users of synthetic data. Fits understate how much likings
// differ: doubtLiking draws them towards 1, and they weigh an item's genres alike, where
// the mixes do not.
const tastePower = 1.1

// A persona is someone who was made up.
type persona struct {
	asker   *Asker
	below   []float64 // sums of the items' weights, up to each item
	life    timeline  // what it did
	follows []bool    // whether each event followed from those before
	draws   []int     // how often it had chosen by taste at the end of each event, titles met before included
	total   int       // how often in all
}

// invent makes up someone who likes genres as a user does, as far as what that one met
// tells. An item's weight is its rate times the mean liking for its genres, by its mix.
func (a *Asker) invent(user int) *persona {
	likes := slices.Clone(a.timeline(user).fit.liking)
	for g := range likes {
		likes[g] = math.Pow(likes[g], tastePower)
	}
	who := &persona{asker: a, below: make([]float64, len(a.Data.Items))}
	var total float64
	for i := range who.below {
		total += a.rate[i] * a.mixes[i].of(likes, a.genres[i])
		who.below[i] = total
	}
	return who
}

// inventLife is invent after a training user who can be asked about the future, with a
// life of as many events as that one's, or fewer if the persona likes too little to find
// as many, and a place where that user could be asked. In shorter timelines, or asked
// earlier, the popular items, which most have met before long, would be right more often
// or more seldom than they are for users. It returns nil if there are too few events or
// items.
func (a *Asker) inventLife(r *rand.Rand) (who *persona, pos int) {
	for range 8 {
		user := a.models[r.IntN(len(a.models))]
		n := min(len(a.Data.Users[user].Events), a.most)
		first, last := a.Config.span(n)
		if last < first { // nobody can be asked, or there are too few items
			first, last = n/2, n-1
		}
		if first < 1 {
			continue
		}
		pos = first + r.IntN(last-first+1)
		who = a.invent(user)
		if events := who.act(r, n); len(events) > pos {
			who.life = timeline{user: nobody, events: events, fit: a.fitTo(events)}
			return who, pos
		}
	}
	return nil, 0
}

// setModels finds the training users after whom personas are made, who are those
// that can be asked about the future, or all if none can, and how often they would
// choose each item if their tastes were equal and they could choose it again: the
// rate x at which the mean of 1 - exp(-n·x) over users with n events is the share
// of them who have met it. The popularity of targets would not do: the commonest
// items are rarer among them, as most users have met these before.
func (a *Asker) setModels() {
	for _, u := range a.Users.Train {
		if first, last := a.Config.span(len(a.Data.Users[u].Events)); first <= last {
			a.models = append(a.models, u)
		}
	}
	if len(a.models) == 0 {
		a.models = a.Users.Train
	}
	titles := 0
	for i, first := range a.same {
		if int(first) == i {
			titles++
		}
	}
	a.most = titles / 2
	var lengths []float64
	met := make([]float64, len(a.Data.Items))
	by := make([]int, len(a.Data.Items)) // the last one who has met it, from 1
	for k, u := range a.models {
		events := a.Data.Users[u].Events
		lengths = append(lengths, float64(len(events)))
		for _, e := range events {
			if by[e.Item] <= k {
				by[e.Item] = k + 1
				met[e.Item]++
			}
		}
	}
	slices.Sort(lengths)
	const few = 32 // stand for all
	for k := range min(few, len(lengths)) {
		lengths[k] = lengths[k*len(lengths)/min(few, len(lengths))]
	}
	lengths = lengths[:min(few, len(lengths))]
	a.rate = make([]float64, len(met))
	for i, m := range met {
		a.rate[i] = rateOf((m+rare)/float64(len(a.models)+1), lengths)
	}
}

// rateOf returns the x at which the mean of 1 - exp(-n·x) is share, below 1.
func rateOf(share float64, lengths []float64) float64 {
	x := 0.0
	for range 50 { // Newton's method, from below as the mean is concave
		met, slope := 0.0, 0.0
		for _, n := range lengths {
			never := math.Exp(-max(n, 1) * x)
			met += (1 - never) / float64(len(lengths))
			slope += max(n, 1) * never / float64(len(lengths))
		}
		more := (share - met) / slope
		x += more
		if more < 1e-6*x {
			break
		}
	}
	return x
}

// act returns what the persona does: up to n events, no title twice. Some follow from
// the events before, as often as with users, the others are chosen by taste.
func (who *persona) act(r *rand.Rand, n int) []history.Event {
	a := who.asker
	met := map[int32]bool{}
	var events []history.Event
	items := len(who.below)
	n = min(n, a.most)
	who.follows, who.draws, who.total = nil, nil, 0
	for len(events) < n {
		item, follows := who.follow(r, events, met)
		for chosen := follows; !chosen; chosen = !met[a.same[item]] {
			if who.total++; who.total > 20*n {
				return events
			}
			item = int32(min(sort.SearchFloat64s(who.below, who.below[items-1]*r.Float64()), items-1))
		}
		met[a.same[item]] = true
		e := history.Event{Item: item}
		if a.Data.HasRatings {
			e.Rating = float32(1 + r.IntN(5))
		}
		events, who.follows, who.draws = append(events, e), append(who.follows, follows), append(who.draws, who.total)
	}
	return events
}

// follow draws whether something that is not met yet follows from the events, and what.
func (who *persona) follow(r *rand.Rand, events []history.Event, met map[int32]bool) (item int32, follows bool) {
	left := r.Float64()
	for item, share := range who.asker.successors.after(events) {
		if met[who.asker.same[item]] {
			continue
		}
		if left -= share; left < 0 {
			return item, true
		}
	}
	return 0, false
}

// followingPlace returns a place where the next event follows from those before; pos if
// there is none where questions are asked.
func (who *persona) followingPlace(r *rand.Rand, pos int) int {
	first, last := who.asker.Config.span(len(who.life.events))
	var places []int
	for at := first; at <= last; at++ {
		if who.follows[at] {
			places = append(places, at)
		}
	}
	if len(places) == 0 {
		return pos
	}
	return places[r.IntN(len(places))]
}

// answer replaces the one option that is right, in a question about what the
// persona did, by the chance of each to be it, a far better teacher: the odds that
// this one is met first when it is, and the others never, over those with which it
// is drawn as an option. Items that share a title are taken for several. That an event
// may follow from those before is thought of where it is the next one. Later ones may
// too, from events that nobody knows of; the chances leave that out, so items that
// often follow come somewhat more often than these say.
func (who *persona) answer(q *Question) {
	if !q.Task.Future() {
		return
	}
	a, p := who.asker, who.asker.popular[q.Task]
	// Up to what a step of the fit leaves over, this is the same whichever option is right.
	l := who.life.fit.without(a.genres[q.Target()])
	later := float64(who.total - who.draws[q.Pos+q.Task.ahead()])
	var sum float64
	rates, scores := make([]float64, len(q.Items)), make([]float64, len(q.Items))
	for k, i := range q.Items {
		rates[k] = who.weight(i) / who.below[len(who.below)-1]
		sum += rates[k]
	}
	comes := rates // the chance of each to be the target, up to a factor
	if q.Ask == asks[FutureActivity] {
		comes = who.next(q, rates)
	}
	for k, i := range q.Items {
		others := min(sum-rates[k], 1-1e-9) // who has nearly one choice may choose these with all but certainty
		scores[k] = math.Log(comes[k]/a.chance(p, l, who.life.fit.items, i)) + later*math.Log1p(-others)
	}
	q.chances = shares(scores)
}

// next returns the chance of each option to be the event after those before the
// question, from that with which each is drawn by taste.
func (who *persona) next(q *Question, rates []float64) []float64 {
	a, before := who.asker, who.life.events[:q.Pos]
	met := make(map[int32]bool, len(before))
	unmet := who.below[len(who.below)-1]
	all := unmet
	for _, e := range before {
		met[a.same[e.Item]] = true
		unmet -= who.weight(e.Item)
	}
	byTaste, chances := 1.0, make([]float64, len(rates))
	for item, share := range a.successors.after(before) {
		if met[a.same[item]] {
			continue
		}
		share = min(share, byTaste)
		byTaste -= share
		if k := slices.Index(q.Items, item); k >= 0 {
			chances[k] += share
		}
	}
	for k := range chances {
		chances[k] += byTaste * rates[k] * all / max(unmet, 1e-9*all)
	}
	return chances
}

// weight returns how likely an item is chosen, up to a factor.
func (who *persona) weight(item int32) float64 {
	if item == 0 {
		return who.below[0]
	}
	return who.below[item] - who.below[item-1]
}
