package history

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAhead(t *testing.T) {
	d, truth := SyntheticTruth(SyntheticConfig{Seed: 2, Users: 300, Drift: -1})
	_, never := SyntheticTruth(SyntheticConfig{Users: 6, Follow: -1})
	for _, pos := range []int{0, 1, 2, 30} {
		require.InDeltaSlice(t, truth.Next(5, pos), truth.Ahead(5, pos, 1)[0], 1e-12)
		require.InDeltaSlice(t, never.Next(5, pos), never.Ahead(5, pos, 1)[0], 1e-12)
	}
	// What is said of ten events later comes true as often as it should: the
	// mean chance of what came is that of the draws.
	var came, should float64
	for u := range d.Users {
		p := truth.Ahead(u, 20, 11)[10]
		var sum float64
		for _, x := range p {
			sum += x
			should += x * x / float64(len(d.Users))
		}
		require.InDelta(t, 1, sum, 1e-9)
		came += p[d.Users[u].Events[30].Item] / float64(len(d.Users))
	}
	require.InDelta(t, 1, came/should, .15)
}

func TestAheadByTaste(t *testing.T) {
	_, never := SyntheticTruth(SyntheticConfig{Users: 6, Follow: -1, Drift: -1})
	ahead := never.Ahead(5, 10, 5)
	for k, p := range never.AheadByTaste(never.Taste(5, 10), 5, 10, 5) {
		require.InDeltaSlice(t, ahead[k], p, 1e-12)
	}
}

// Inferred tastes are near those that there are, the nearer the more is known, and of
// no genre more than of another if nothing is.
func TestInfer(t *testing.T) {
	d, truth := SyntheticTruth(SyntheticConfig{Seed: 4, Users: 100, Drift: -1})
	off := func(from, pos int) (sum float64) {
		for u := range d.Users {
			taste, all := truth.Infer(u, from, pos), 0.0
			for g, p := range taste {
				sum += math.Abs(p-truth.Taste(u, 0)[g]) / float64(len(d.Users))
				all += p
			}
			require.InDelta(t, 1, all, 1e-9)
		}
		return sum
	}
	nothing, some, most := off(0, 0), off(10, 20), off(0, 40)
	t.Logf("off by %.3f, %.3f, %.3f", nothing, some, most)
	require.Less(t, some, .8*nothing)
	require.Less(t, most, .8*some)
	mean := make([]float64, len(d.Genres)) // of many, as draws differ by user
	for u := range d.Users {
		for g, p := range truth.Infer(u, 0, 0) {
			mean[g] += p / float64(len(d.Users))
		}
	}
	for _, p := range mean {
		require.InDelta(t, 1/float64(len(d.Genres)), p, .02)
	}
	require.Equal(t, truth.Infer(3, 5, 20), truth.Infer(3, 5, 20))
}

// In a world of two genres the mean of the posterior is that of an integral: over the
// logits' difference, with the chances that Next gives to the events.
func TestInferIntegral(t *testing.T) {
	d, truth := SyntheticTruth(SyntheticConfig{Seed: 5, Users: 40, Genres: 2, Events: 60, Follow: .6, Drift: -1})
	const from, pos = 10, 30
	var off float64
	for u := range d.Users {
		taste := slices.Clone(truth.tastes[u])
		var sum, mean float64
		for z := -12.0; z <= 12; z += .1 {
			p := 1 / (1 + math.Exp(-z))
			density := math.Exp(-z * z / (4 * tasteSpread * tasteSpread))
			for k := from; k < pos; k++ {
				truth.tastes[u][k] = []float64{p, 1 - p}
				density *= truth.Next(u, k)[d.Users[u].Events[k].Item] * float64(len(d.Items))
			}
			sum += density
			mean += density * p
		}
		copy(truth.tastes[u], taste)
		inferred := truth.Infer(u, from, pos)[0]
		require.InDelta(t, mean/sum, inferred, .1) // 200 draws have an error of .03
		off += (inferred - mean/sum) / float64(len(d.Users))
	}
	require.InDelta(t, 0, off, .015)
}

func TestSyntheticFollow(t *testing.T) {
	share := func(follow float64) (n float64) { // of events that are successors of the one before
		d, truth := SyntheticTruth(SyntheticConfig{Users: 50, Follow: follow})
		for _, u := range d.Users {
			for i := 1; i < len(u.Events); i++ {
				if slices.Contains(truth.follow[u.Events[i-1].Item][:], u.Events[i].Item) {
					n += 1 / float64(d.NumEvents())
				}
			}
		}
		return n
	}
	require.Less(t, share(-1), share(.3)-.1)
	require.Less(t, share(.3), share(1)-.1)
}
