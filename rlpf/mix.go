package rlpf

import (
	"math"

	"github.com/noema-ml/noema/internal/parallel"
)

// doubtMix is how many more users are thought to have met each item for the sake of
// each of its genres: of an item that few have met its genres count alike.
const doubtMix = 1

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

// mix is what each genre of an item counts for those who choose it; it sums to 1.
type mix []float64

// setMixes finds the mix of each item: a romance with some war in it draws those who
// like romances. Who has met it tells, given their likings by all that they have met:
// this is the expectation-maximisation of a Poisson model in which each genre
// of an item brings its own users, of whom only the first time is seen (a user who is
// likely to have met it before long counts for as long as that takes).
func (a *Asker) setMixes() {
	const rounds, most = 10, 4e6 // users times items; else some of the users stand for all
	n := len(a.models)
	n = min(n, 1+int(most)/max(1, len(a.genres)))
	fits, met := make([]*fit, n), make([]map[int32]bool, n)
	parallel.For(n, 1, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			t := a.timeline(a.models[k*len(a.models)/n])
			fits[k], met[k] = t.fit, distinct(t.events)
		}
	})
	a.mixes = make([]mix, len(a.genres))
	parallel.For(len(a.genres), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			genres := a.genres[i]
			m := make(mix, len(genres))
			for k := range m {
				m[k] = 1 / float64(len(m))
			}
			a.mixes[i] = m
			came, could := make([]float64, len(m)), make([]float64, len(m))
			for range rounds {
				if len(m) < 2 {
					break
				}
				for k := range m {
					came[k], could[k] = doubtMix, doubtMix
				}
				for u, f := range fits {
					all := m.of(f.liking, genres)
					once := float64(f.items) * a.chosen[i]
					seen := once
					if times := once * all; times > 0 {
						seen *= -math.Expm1(-times) / times
					}
					for k, g := range genres {
						could[k] += seen * f.liking[g]
						if met[u][int32(i)] {
							came[k] += m[k] * f.liking[g] / all
						}
					}
				}
				var sum float64
				for k := range m {
					m[k] = came[k] / could[k]
					sum += m[k]
				}
				for k := range m {
					m[k] /= sum
				}
			}
		}
	})
}
