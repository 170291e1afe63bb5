package history

import (
	"math"
	"math/rand/v2"
)

// Infer returns the taste, [genres], that user u is to be thought to have after the
// events in [from, pos): the mean of the posterior, for one who knows the world but no
// user, takes tastes not to move, and of events before from knows that they do not come
// again, and what follows the last two of them. Ratings are not looked at. The mean is
// one of 200 draws by Metropolis' rule, the same at every call. It panics unless
// 0 <= from <= pos and pos is at most the timeline's length.
func (t *Truth) Infer(u, from, pos int) []float64 {
	seen := t.evidence(u, from, pos)
	r := rand.New(rand.NewPCG(uint64(u), uint64(pos)))
	logits, mean := make([]float64, len(t.mass)), make([]float64, len(t.mass))
	here := seen.logPosterior(logits)
	const burn, sweeps = 50, 250
	for sweep := range sweeps {
		for g := range logits {
			old := logits[g]
			logits[g] += 0.8 * r.NormFloat64()
			if there := seen.logPosterior(logits); math.Log(r.Float64()) < there-here {
				here = there
			} else {
				logits[g] = old
			}
		}
		if sweep >= burn {
			for g, p := range softmax(logits) {
				mean[g] += p / (sweeps - burn)
			}
		}
	}
	return mean
}

// evidence is what each of some events says of a taste.
type evidence []struct {
	follows float64   // the chance that it follows from the events before
	rest    float64   // the chance that the event is a draw by taste
	item    []float64 // by genre: what the item has of the popularity
	left    []float64 // by genre: what items not met before have
}

func (t *Truth) evidence(u, from, pos int) evidence {
	events := t.data.Users[u].Events[:pos]
	left := make([]float64, len(t.mass))
	for g := range left {
		left[g] = 1
	}
	met := make([]bool, len(t.pop))
	seen := make(evidence, pos-from)
	for k, e := range events {
		item := make([]float64, len(t.mass))
		for _, g := range t.mix[e.Item] {
			item[g.genre] = t.pop[e.Item] * g.weight / t.mass[g.genre]
		}
		if k >= from {
			s := &seen[k-from]
			s.rest, s.item, s.left = 1, item, append([]float64(nil), left...)
			for back, share := range t.shares {
				if back >= k {
					break
				}
				var all, this float64
				for j, next := range t.follow[events[k-1-back].Item] {
					if !met[next] {
						all += followWeights[j]
						if next == e.Item {
							this += followWeights[j]
						}
					}
				}
				if all > 0 {
					s.rest -= share
					s.follows += share * this / all
				}
			}
		}
		met[e.Item] = true
		for g, x := range item {
			left[g] -= x
		}
	}
	return seen
}

// logPosterior returns, up to a constant, the logarithm of the density of a taste's
// logits given the evidence.
func (seen evidence) logPosterior(logits []float64) float64 {
	taste := softmax(logits)
	var sum float64
	for _, x := range logits {
		sum -= x * x / (2 * tasteSpread * tasteSpread)
	}
	for _, s := range seen {
		var item, left float64
		for g, p := range taste {
			item += p * s.item[g]
			left += p * s.left[g]
		}
		sum += math.Log(s.follows + s.rest*item/left)
	}
	return sum
}
