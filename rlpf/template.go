package rlpf

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/noema-ml/noema/userllm/history"
)

// Part is a sentence of a Template.
type Part struct {
	Fact    Fact
	Count   int  // the most things that the sentence names
	Wording int  // index into the fact's wordings in templates/facts.txt, modulo their number
	Brief   bool // titles without their year and what else is in brackets
}

// Template writes summaries by rule: which facts, in which order, how many of
// each and in which words.
type Template struct {
	Parts []Part
	Limit int // the most tokens of a summary, by the language's tokenizer; 0: any number
}

// Write returns the summary of the events. A part of which the data set knows
// nothing is left out, and so is what would exceed the limit: first the end of
// a part's list, then the part. Everything that it says holds (see
// [Profile.Holds]). AnyTitles draws its titles by r, which may be nil if the
// template has no such part. Titles of First- and AnyTitles stand in the order of
// the events, those of LastTitles the last one first; genres and decades the most
// frequent first; rated titles the most extreme first, then the most recent.
func (t Template) Write(l *Language, events []history.Event, r *rand.PCG) string {
	p := NewProfile(l, events)
	text, named := "", map[int]bool{}
	for _, part := range t.Parts {
		things := l.things(p, part, named, r)
		for n := min(part.Count, len(things)); n > 0; n-- {
			longer := strings.TrimLeft(text+" "+l.sentence(part, things[:n]), " ")
			if t.Limit > 0 && len(l.Encode(longer)) > t.Limit {
				continue
			}
			text = longer
			if part.Fact == MostGenres {
				for _, g := range things[:n] {
					named[g.ID] = true
				}
			}
			break
		}
	}
	return text
}

// sentence writes things in the order in which they are to stand.
func (l *Language) sentence(part Part, things []thing) string {
	things = slices.Clone(things)
	slices.SortStableFunc(things, func(a, b thing) int { return cmp.Compare(a.at, b.at) })
	said := make([]string, len(things))
	for i, t := range things {
		said[i] = l.say(part.Fact, t.Tally, part.Brief)
	}
	w := l.wordings[part.Fact]
	n := len(w)
	return w[(part.Wording%n+n)%n].list(said)
}

// A thing can be named. Of a list of things, those at the front matter most.
type thing struct {
	Tally
	at int // place in a sentence, ties as they matter
}

// things returns what a part can say of the events, what matters most first.
// SomeGenres leaves out the genres that were named.
func (l *Language) things(p *Profile, part Part, named map[int]bool, r *rand.PCG) []thing {
	var out []thing
	f := part.Fact
	put := func(at int, t Tally, items ...int32) {
		if p.Holds(Claim{Fact: f, Tally: t, Items: items, Readable: true}) {
			out = append(out, thing{t, at})
		}
	}
	tallies := func(ts []Tally) {
		for _, t := range ts {
			if f != SomeGenres || !named[t.ID] {
				put(0, t)
			}
		}
	}
	switch f {
	case MostGenres, SomeGenres, GenreCounts:
		tallies(p.Genres)
	case RecentGenres:
		tallies(p.RecentGenres)
	case MostDecades, DecadeCounts:
		tallies(p.Decades)
	case RecentDecades:
		tallies(p.RecentDecades)
	case RareGenres:
		for _, g := range l.common {
			if n := count(p.Genres, g); n > 0 {
				put(0, Tally{g, n})
			}
		}
	case NoGenres:
		for _, g := range l.common {
			put(0, Tally{ID: g})
		}
	case NumEvents:
		if len(p.Events) > 0 {
			put(0, Tally{Count: len(p.Events)})
		}
	default:
		for _, k := range p.order(f, r) {
			at := k
			switch f {
			case LastTitles:
				at = -k
			case BestTitles, WorstTitles:
				at = 0
			}
			t := Tally{ID: int(p.Events[k].Item)}
			text := l.say(f, t, part.Brief)
			if !slices.ContainsFunc(out, func(o thing) bool { return l.say(f, o.Tally, part.Brief) == text }) {
				put(at, t, p.Events[k].Item)
			}
		}
	}
	return out
}

// order returns the places of the events whose titles matter, most first.
func (p *Profile) order(f Fact, r *rand.PCG) []int {
	n := len(p.Events)
	order := make([]int, n) // the last first
	for i := range order {
		order[i] = n - 1 - i
	}
	switch f {
	case LastTitles:
		return order[:min(n, edge)]
	case FirstTitles:
		slices.Reverse(order)
		return order[:min(n, edge)]
	case AnyTitles:
		return rand.New(r).Perm(n)
	case BestTitles:
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.Events[b].Rating, p.Events[a].Rating) })
	case WorstTitles:
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.Events[a].Rating, p.Events[b].Rating) })
	}
	return order
}
