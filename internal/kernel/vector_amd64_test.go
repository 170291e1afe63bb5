//go:build !noasm

package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// extremes are values where a vector function may go a way of its own.
var extremes = []float32{
	0, float32(math.Copysign(0, -1)), 1e-45, -1e-40, 0x1p-126, 1e-20, -88, 88.72, 88.73, 89.1, -87.4, -103.9, -104.1, -200,
	4, -4.01, 7.9, -7.95, 9, 1e30, -1e30, math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

func TestVectorFunctionsMatchPortable(t *testing.T) {
	twins(t, func(t *testing.T, fast, plain *table[float32]) {
		r := rng(30)
		for _, f := range []struct {
			name        string
			fast, plain func(dst, x []float32)
		}{
			{"exp", fast.exp, plain.exp}, {"tanh", fast.tanh, plain.tanh},
			{"erf", fast.erf, plain.erf}, {"sigmoid", fast.sigmoid, plain.sigmoid},
		} {
			for _, n := range append(lengths, 6, 7, 9, 1025) {
				x := randn[float32](r, n+1)[1:]
				for i := range x {
					if x[i] *= 3; r.IntN(3) == 0 {
						x[i] = extremes[r.IntN(len(extremes))]
					}
				}
				want, got := make([]float32, n), make([]float32, n+1)
				got[n] = 5
				f.plain(want, x)
				f.fast(got[:n], x)
				require.Equal(t, float32(5), got[n], "%s writes past the end", f.name)
				for i, w := range want {
					near(t, w, got[i], 4e-7, "%s(%v), n=%d", f.name, x[i], n)
					if w == w {
						require.Equal(t, math.Signbit(float64(w)), math.Signbit(float64(got[i])), "sign of %s(%v)", f.name, x[i])
					}
					one := []float32{x[i]}
					f.fast(one, one)
					sameBits(t, got[i:i+1], one, "%s at another place", f.name)
				}
			}
		}
	})
}
