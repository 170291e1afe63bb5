package rlpf

import (
	"math"

	"github.com/noema-ml/noema/internal/parallel"
)

// doubtMix is how many more users are thought to have met each item, for the sake of all
// its genres alike: of an item that few have met they count about the same.
const doubtMix = 1

// mix is what each genre of an item counts for those who choose it; it sums to 1.
type mix []float64

// of returns how much more often than by its rate someone chooses an item: the mean of
// the likings for its genres, by the item's mix.
func (m mix) of(l liking, genres []int32) float64 {
	if len(genres) == 0 {
		return 1
	}
	var sum float64
	for k, g := range genres {
		sum += m[k] * l[g]
	}
	return sum
}

// setMixes finds the mix of each item: a romance with some war in it draws those who
// like romances. Who has met it tells, given their likings by all that they have met:
// each genre brings a user at a rate of its own, and only that somebody has come is
// seen, not when. This is expectation-maximisation for the rates, over the time until
// the first coming. On catalogues of ten thousand items some hundreds of users stand for
// all, and tell of the commonest items alone.
func (a *Asker) setMixes() {
	const most = 4e6 // users times items
	n := min(len(a.models), 1+int(most)/max(1, len(a.genres)))
	fits, met := make([]*fit, n), make([][]bool, n)
	parallel.For(n, 1, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			t := a.timeline(a.models[k*len(a.models)/n])
			fits[k], met[k] = t.fit, make([]bool, len(a.genres))
			for i := range distinct(t.events) {
				met[k][i] = true
			}
		}
	})
	a.mixes = make([]mix, len(a.genres))
	parallel.For(len(a.genres), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			a.mixes[i] = a.findMix(int32(i), fits, met)
		}
	})
}

// findMix finds the mix of an item from the fits of some users and whether each of
// them, [users][items], has met it.
func (a *Asker) findMix(item int32, fits []*fit, met [][]bool) mix {
	const rounds = 20
	genres := a.genres[item]
	m := make(mix, len(genres)) // as the rates, up to the item's own, until the end
	for k := range m {
		m[k] = 1 / float64(len(m))
	}
	if len(m) < 2 {
		return m
	}
	came, could := make([]float64, len(m)), make([]float64, len(m)) // how often, and in what time
	for range rounds {
		for k := range m {
			came[k], could[k] = doubtMix/float64(len(m)), doubtMix
		}
		for u, f := range fits {
			all, time := m.of(f.liking, genres), float64(f.items)*a.chosen[item]
			if time <= 0 {
				continue
			}
			if met[u][item] {
				for k, g := range genres {
					came[k] += m[k] * f.liking[g] / all
				}
				time = 1/all - time/math.Expm1(time*all) // the mean of when it happens, as it does
			}
			for k, g := range genres {
				could[k] += time * f.liking[g]
			}
		}
		for k := range m {
			m[k] = came[k] / could[k]
		}
	}
	var sum float64
	for _, x := range m {
		sum += x
	}
	for k := range m {
		m[k] /= sum
	}
	return m
}
