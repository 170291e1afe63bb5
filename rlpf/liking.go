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
	fit    fit // of the events
}

// timeline returns that of a user.
func (a *Asker) timeline(user int) timeline {
	t := timeline{user: user, events: a.Data.Users[user].Events}
	if known := a.fits[user].Load(); known != nil {
		t.fit = *known
	} else {
		t.fit = a.fitTo(t.events)
		a.fits[user].Store(&t.fit)
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

// times returns how often someone chooses an item in n events on average, titles
// that were met before included. By Poisson's law the chance never to meet it is
// exp(-times).
func (a *Asker) times(l liking, n int, item int32) float64 {
	return float64(n) * a.chosen[item] * l.of(a.genres[item])
}

// fit is a liking with which someone would meet about as many items of each genre as
// they do. The steps towards it are Newton's for the logarithms, with the slopes that
// there would be if the other genres of an item moved along.
type fit struct {
	liking          liking
	missing, slopes []float64 // of each genre: how many more there should be, and there would be for a unit of the logarithm
}

// fitRounds are enough for likings and rates to settle, but for those of genres that
// bring too many items even if they are not liked at all.
const fitRounds = 10

// fitTo returns the fit of events.
func (a *Asker) fitTo(events []history.Event) fit {
	f, counts, met := newFit(len(a.Data.Genres)), a.genreCounts(events), make([]float64, len(a.Data.Items))
	for range fitRounds {
		a.look(f, counts, len(events), met)
		f.step()
	}
	a.look(f, counts, len(events), met)
	return f
}

func newFit(genres int) fit {
	f := fit{make(liking, genres), make([]float64, genres), make([]float64, genres)}
	for g := range f.liking {
		f.liking[g] = 1
	}
	return f
}

// look sets what is missing, and the slopes, for n events, counts of them of each
// genre, and adds to met the chance that each item is met.
func (a *Asker) look(f fit, counts []float64, n int, met []float64) {
	for g, l := range f.liking {
		f.missing[g], f.slopes[g] = counts[g]+doubtLiking*(1-l), doubtLiking*l
	}
	for i, genres := range a.genres {
		times := a.times(f.liking, n, int32(i))
		never := math.Exp(-times)
		met[i] += 1 - never
		each, slope := (1-never)/float64(len(genres)), times*never/float64(len(genres))
		for _, g := range genres {
			f.missing[g] -= each
			f.slopes[g] += slope
		}
	}
}

func (f fit) step() {
	for g := range f.liking {
		f.liking[g] *= math.Exp(max(-1, min(f.missing[g]/f.slopes[g], 1)))
	}
}

// without returns the liking as it would be if it were not known that an item of
// these genres, which is among the events, is met.
func (f fit) without(genres []int32) liking {
	f.liking, f.missing = slices.Clone(f.liking), slices.Clone(f.missing)
	for _, g := range genres {
		f.missing[g] -= 1 / float64(len(genres))
	}
	f.step()
	return f.liking
}

// genreCounts returns how many events there are of each genre. One of an item with
// several is divided among them.
func (a *Asker) genreCounts(events []history.Event) []float64 {
	counts := make([]float64, len(a.Data.Genres))
	for _, e := range events {
		genres := a.genres[e.Item]
		for _, g := range genres {
			counts[g] += 1 / float64(len(genres))
		}
	}
	return counts
}

// doubtLiking is how many more items of each genre everybody is thought to have met,
// who had the chance to meet as many: nobody's liking is 0.
const doubtLiking = 0.3

// setChosen finds the rates of the items with which, and with their own likings, the
// users after whom others are made up would meet each item as often as they do. They
// are not those of setModels, which hold where likings are the same or anything: by
// these, those who like a rare genre would meet its items more often than they do.
func (a *Asker) setChosen() {
	a.chosen = append([]float64(nil), a.rate...)
	met := make([]float64, len(a.chosen))
	for _, u := range a.models {
		for _, e := range a.Data.Users[u].Events {
			met[e.Item]++
		}
	}
	const most = 20e6 // users times items; else some of the users stand for all
	fits := make([]fit, min(len(a.models), 1+int(most)/max(1, len(met))))
	share := float64(len(fits)) / float64(len(a.models))
	events, counts := make([]int, len(fits)), make([][]float64, len(fits))
	for k := range fits {
		it := a.Data.Users[a.models[k*len(a.models)/len(fits)]].Events
		fits[k], events[k], counts[k] = newFit(len(a.Data.Genres)), len(it), a.genreCounts(it)
	}
	some := make([][]float64, 64) // chances of so many users at a time, to be added in their order
	for k := range some {
		some[k] = make([]float64, len(met))
	}
	for range fitRounds {
		sums := make([]float64, len(met))
		for first := 0; first < len(fits); first += len(some) {
			some := some[:min(len(some), len(fits)-first)]
			parallel.For(len(some), 1, func(lo, hi int) {
				for k := lo; k < hi; k++ {
					clear(some[k])
					a.look(fits[first+k], counts[first+k], events[first+k], some[k])
					fits[first+k].step()
				}
			})
			for _, chances := range some {
				for i, p := range chances {
					sums[i] += p
				}
			}
		}
		for i, m := range met {
			a.chosen[i] *= (m + rare) / (sums[i]/share + rare)
		}
	}
}
