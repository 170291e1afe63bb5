package rlpf

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// A question for the favourite genre lists all genres if there are at most
// maxGenres, which is what letters can name, else fewGenres of them.
const (
	maxGenres = 26
	fewGenres = 12
)

// countGenres finds which genres count in FavGenre and how common they are among
// training events.
func (a *Asker) countGenres() {
	a.common = make([]float64, len(a.Data.Genres))
	a.counted = make([]bool, len(a.Data.Genres))
	for _, u := range a.Users.Train {
		for _, e := range a.Data.Users[u].Events {
			for _, g := range a.Data.Items[e.Item].Genres {
				a.common[g]++
			}
		}
	}
	order := make([]int, len(a.common))
	for g := range order {
		order[g] = g
	}
	slices.SortStableFunc(order, func(g, h int) int { return cmp.Compare(a.common[h], a.common[g]) })
	for _, g := range order[min(a.Config.SkipGenres, len(order)):] {
		a.counted[g] = true
	}
}

// FavGenres returns the commonest genres of the events among those that count:
// all that tie, ascending; none if no event has one.
func (a *Asker) FavGenres(events []history.Event) []int32 {
	counts := make([]int, len(a.counted))
	best := 0
	for _, e := range events {
		for _, g := range a.Data.Items[e.Item].Genres {
			if a.counted[g] {
				counts[g]++
				best = max(best, counts[g])
			}
		}
	}
	var favs []int32
	for g, n := range counts {
		if best > 0 && n == best {
			favs = append(favs, int32(g))
		}
	}
	return favs
}

// favourite makes a question of the favourite genre of events. Where there are
// too many genres, the wrong options are drawn by how common they are, and of
// several right answers one is an option.
func (a *Asker) favourite(r *rand.Rand, q Question, events []history.Event) (Question, bool) {
	favs := a.FavGenres(events)
	if len(favs) == 0 {
		return q, false
	}
	var options []int32
	for g, ok := range a.counted {
		if ok {
			options = append(options, int32(g))
		}
	}
	few := len(options) > maxGenres
	if few {
		options = slices.DeleteFunc(options, func(g int32) bool { return slices.Contains(favs, g) })
		options = draw(r, options, a.common, min(fewGenres-1, len(options)))
		options = append(options, favs[r.IntN(len(favs))])
	}
	for i, g := range options {
		q.Options = append(q.Options, a.Data.Genres[g])
		if slices.Contains(favs, g) {
			q.Answer = append(q.Answer, i)
		}
	}
	if few {
		q.permute(r)
	}
	return q, len(q.Options) > 1
}
