package rlpf

import (
	"cmp"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// What is recent: the last events as far as genres and decades go. The last and
// first titles are more, since a summary names up to so many.
const (
	recent = 10
	edge   = 16
)

// Profile is what a history amounts to, counted. All orders are settled: ties go
// to the smaller genre or decade.
type Profile struct {
	Events        []history.Event
	Genres        []Tally // genres that occur, the most frequent first
	Decades       []Tally // decades of release that occur, the most frequent first
	RecentGenres  []Tally // of the last 10 events
	RecentDecades []Tally
}

// NewProfile counts the events.
func NewProfile(l *Language, events []history.Event) *Profile {
	p := &Profile{Events: events}
	p.Genres, p.Decades = l.tally(events)
	p.RecentGenres, p.RecentDecades = l.tally(events[max(0, len(events)-recent):])
	return p
}

// tally counts genres and decades.
func (l *Language) tally(events []history.Event) (genres, decades []Tally) {
	g, d := map[int]int{}, map[int]int{}
	for _, e := range events {
		item := &l.Data.Items[e.Item]
		for _, genre := range item.Genres {
			g[int(genre)]++
		}
		if item.Year > 0 {
			d[item.Year/10*10]++
		}
	}
	return ranked(g), ranked(d)
}

func ranked(counts map[int]int) []Tally {
	var out []Tally
	for id, n := range counts {
		out = append(out, Tally{id, n})
	}
	slices.SortFunc(out, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Holds reports whether a claim is right by its fact's rule. What is not
// readable is not right.
func (p *Profile) Holds(c Claim) bool {
	if !c.Readable {
		return false
	}
	switch c.Fact {
	case MostGenres:
		return leads(p.Genres, c.ID, 3)
	case SomeGenres:
		n := count(p.Genres, c.ID)
		return n > 0 && 10*n >= len(p.Events)
	case RareGenres:
		return 10*count(p.Genres, c.ID) <= len(p.Events)
	case NoGenres:
		return count(p.Genres, c.ID) == 0
	case GenreCounts:
		return p.near(count(p.Genres, c.ID), c.Count)
	case RecentGenres:
		return leads(p.RecentGenres, c.ID, 3)
	case MostDecades:
		return leads(p.Decades, c.ID, 2)
	case DecadeCounts:
		return p.near(count(p.Decades, c.ID), c.Count)
	case RecentDecades:
		return leads(p.RecentDecades, c.ID, 2)
	case LastTitles:
		return acted(p.Events[max(0, len(p.Events)-edge):], c.Items)
	case FirstTitles:
		return acted(p.Events[:min(edge, len(p.Events))], c.Items)
	case AnyTitles:
		return acted(p.Events, c.Items)
	case BestTitles:
		return p.extreme(c.Items, func(a, b float32) bool { return a > b })
	case WorstTitles:
		return p.extreme(c.Items, func(a, b float32) bool { return a < b })
	case NumEvents:
		return c.Count == len(p.Events)
	}
	return false
}

// count returns how often id occurs.
func count(tallies []Tally, id int) int {
	for _, t := range tallies {
		if t.ID == id {
			return t.Count
		}
	}
	return 0
}

// leads reports whether id occurs and fewer than places are more frequent.
func leads(tallies []Tally, id, places int) bool {
	n := count(tallies, id)
	return n > 0 && (len(tallies) <= places || tallies[places-1].Count <= n)
}

// near reports whether a number that was said is close enough to a true one.
func (p *Profile) near(truth, said int) bool {
	off := max(1, len(p.Events)/20)
	return truth > 0 && said > 0 && truth-off <= said && said <= truth+off
}

// acted reports whether one of the events is of one of the items.
func acted(events []history.Event, items []int32) bool {
	return slices.ContainsFunc(events, func(e history.Event) bool { return slices.Contains(items, e.Item) })
}

// extreme reports whether an event of one of the items is rated better than some
// event and worse than fewer than 5 or a fifth.
func (p *Profile) extreme(items []int32, better func(a, b float32) bool) bool {
	for _, e := range p.Events {
		if e.Rating == 0 || !slices.Contains(items, e.Item) {
			continue
		}
		rated, above, below := 0, 0, 0
		for _, other := range p.Events {
			switch {
			case other.Rating == 0:
				continue
			case better(other.Rating, e.Rating):
				above++
			case better(e.Rating, other.Rating):
				below++
			}
			rated++
		}
		if below > 0 && above < max(5, rated/5) {
			return true
		}
	}
	return false
}
