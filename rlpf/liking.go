package rlpf

import (
	"math"
	"slices"

	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/userllm/history"
)

// timeline is all that somebody does.
type timeline struct {
	user   int // or nobody
	events []history.Event
	fit    *fit // of the events
}

// timeline returns that of a user.
func (a *Asker) timeline(user int) timeline {
	t := timeline{user: user, events: a.Data.Users[user].Events, fit: a.fits[user].Load()}
	if t.fit == nil {
		t.fit = a.fitTo(t.events)
		a.fits[user].Store(t.fit) // others may have stored the same
	}
	return t
}

// liking is how much more often than by the items' rates someone chooses those of
// each genre.
type liking []float64

// of returns how much more often than by its rate someone chooses an item of the
// genres: the mean, 1 if there are none.
func (l liking) of(genres []int32) float64 {
	if len(genres) == 0 {
		return 1
	}
	var sum float64
	for _, g := range genres {
		sum += l[g]
	}
	return sum / float64(len(genres))
}

// fit is a liking with which someone who meets so many items would meet about as many
// of each genre as they do. The steps towards it are Newton's for the logarithms, with
// the slopes that there would be if the other genres of an item moved along.
type fit struct {
	items   int       // met, each counted once
	counts  []float64 // of them, by genre
	liking  liking
	missing []float64 // by genre: how many more there should be
	slopes  []float64 // by genre: how many more there would be for a unit of the logarithm
}

// newFit returns that of events before the first step. An item of several genres is
// divided among them.
func (a *Asker) newFit(events []history.Event) *fit {
	genres := len(a.Data.Genres)
	f := &fit{counts: make([]float64, genres), liking: make(liking, genres), missing: make([]float64, genres), slopes: make([]float64, genres)}
	for g := range f.liking {
		f.liking[g] = 1
	}
	met := make(map[int32]bool, len(events))
	for _, e := range events {
		if met[e.Item] {
			continue
		}
		met[e.Item] = true
		genres := a.genres[e.Item]
		for _, g := range genres {
			f.counts[g] += 1 / float64(len(genres))
		}
	}
	f.items = len(met)
	return f
}

// fitRounds are enough for likings and rates to settle, but for those of genres that
// bring too many items even if they are not liked at all.
const fitRounds = 10

// fitTo returns the fit of events. On large catalogues, of which hardly anyone meets
// much, it is a rough one.
func (a *Asker) fitTo(events []history.Event) *fit {
	const most = 60000 // items, in all rounds
	f, met := a.newFit(events), make([]float64, len(a.genres))
	for range max(3, min(fitRounds, most/max(1, len(a.genres)))) {
		a.look(f, met)
		f.step()
	}
	a.look(f, met)
	return f
}

// times returns how often someone who meets so many items chooses this one on average,
// items that were met before included. By Poisson's law the chance never to meet it
// is exp(-times).
func (a *Asker) times(l liking, items int, item int32) float64 {
	return float64(items) * a.chosen[item] * l.of(a.genres[item])
}

// doubtLiking is how many more items of each genre everybody is thought to have met,
// who had the chance to meet as many: nobody's liking is 0.
const doubtLiking = 0.3

// look sets what is missing and the slopes, and adds to met the chance that each item
// is met.
func (a *Asker) look(f *fit, met []float64) {
	for g, l := range f.liking {
		f.missing[g], f.slopes[g] = f.counts[g]+doubtLiking*(1-l), doubtLiking*l
	}
	for i, genres := range a.genres {
		times := a.times(f.liking, f.items, int32(i))
		never := math.Exp(-times)
		met[i] += 1 - never
		each, slope := (1-never)/float64(len(genres)), times*never/float64(len(genres))
		for _, g := range genres {
			f.missing[g] -= each
			f.slopes[g] += slope
		}
	}
}

// step moves the liking.
func (f *fit) step() {
	for g := range f.liking {
		f.liking[g] *= math.Exp(max(-1, min(f.missing[g]/f.slopes[g], 1)))
	}
}

// without returns, after one more step, the liking as it would be if it were not known
// that an item of these genres, which is one of those met, is met.
func (f *fit) without(genres []int32) liking {
	other := *f
	other.liking, other.missing = slices.Clone(f.liking), slices.Clone(f.missing)
	for _, g := range genres {
		other.missing[g] -= 1 / float64(len(genres))
	}
	other.step()
	return other.liking
}

// setChosen finds the rates of the items with which, and with their own likings, the
// users after whom others are made up would meet each item as often as they do. They
// are not those of setModels, which hold where likings are the same or anything: by
// these, those who like a rare genre would meet its items more often than they do.
// It sets with them how common each item is.
func (a *Asker) setChosen() {
	a.chosen = slices.Clone(a.rate)
	counts := make([]float64, len(a.chosen)) // of users who have met each item
	fits := make([]*fit, len(a.models))
	for _, u := range a.models {
		for i := range distinct(a.Data.Users[u].Events) {
			counts[i]++
		}
	}
	const most = 20e6 // users times items; else some of the users stand for all
	fits = fits[:min(len(fits), 1+int(most)/max(1, len(counts)))]
	share := float64(len(fits)) / float64(len(a.models))
	for k := range fits {
		fits[k] = a.newFit(a.Data.Users[a.models[k*len(a.models)/len(fits)]].Events)
	}
	part := make([][]float64, min(64, len(fits))) // chances of so many users at a time, to be added in their order
	for k := range part {
		part[k] = make([]float64, len(counts))
	}
	for range fitRounds {
		sums := make([]float64, len(counts))
		for first := 0; first < len(fits); first += len(part) {
			now := part[:min(len(part), len(fits)-first)]
			parallel.For(len(now), 1, func(lo, hi int) {
				for k := lo; k < hi; k++ {
					clear(now[k])
					a.look(fits[first+k], now[k])
					fits[first+k].step()
				}
			})
			for _, chances := range now {
				for i, p := range chances {
					sums[i] += p
				}
			}
		}
		for i, n := range counts {
			a.chosen[i] *= (n + rare) / (sums[i]/share + rare)
		}
	}
	for i := range counts {
		counts[i] += rare
	}
	a.usual = counts
}

// distinct returns the items of some events.
func distinct(events []history.Event) map[int32]bool {
	items := make(map[int32]bool, len(events))
	for _, e := range events {
		items[e.Item] = true
	}
	return items
}
