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

func TestVectorLoopsMatchPortable(t *testing.T) {
	twins(t, func(t *testing.T, fast, plain *table[float32]) {
		r := rng(31)
		for _, n := range append(lengths, 6, 7, 9, 17, 24, 33, 1025, 3000) {
			a, b, c := randn[float32](r, n+1)[1:], randn[float32](r, n+3)[3:], randn[float32](r, n+2)[2:]
			for _, f := range []struct {
				name string
				call func(tb *table[float32], dst []float32)
			}{
				{"add", func(tb *table[float32], dst []float32) { tb.add(dst, a, b) }},
				{"mul", func(tb *table[float32], dst []float32) { tb.mul(dst, a, b) }},
				{"addMul", func(tb *table[float32], dst []float32) { tb.addMul(dst, a, b) }},
				{"addScaled", func(tb *table[float32], dst []float32) { tb.addScaled(dst, a, -1.5) }},
				{"scale", func(tb *table[float32], dst []float32) { tb.scale(dst, dst, 0.3) }},
				{"subMul", func(tb *table[float32], dst []float32) { tb.subMul(dst, a, 0.3, 7) }},
				{"expSum", func(tb *table[float32], dst []float32) { dst[0] = tb.expSum(dst[1:], a, 1) / max(1, float32(n)) }},
				{"adamW", func(tb *table[float32], dst []float32) {
					m, v := append([]float32(nil), b...), append([]float32(nil), c...)
					tb.mul(v, v, v)
					tb.adamW(dst[1:], a, m, v, 1e-2, 0.9, 0.99, 1e-8, 0.1, 0.2, 0.3)
					tb.add(m, m, v)
					dst[0] = tb.dot(m, b) / max(1, float32(n))
				}},
			} {
				size := n
				if f.name == "expSum" || f.name == "adamW" {
					size++
				}
				got := randn[float32](rng(32), size+1)
				want := append([]float32(nil), got...)
				f.call(fast, got[:size])
				f.call(plain, want[:size])
				for i := range want {
					near(t, want[i], got[i], 2e-6, "%s n=%d [%d]", f.name, n, i)
				}
			}
			scale := math.Sqrt(float64(n + 1))
			for _, f := range []struct {
				name        string
				fast, plain float32
			}{
				{"sum", fast.sum(a), plain.sum(a)}, {"dot", fast.dot(a, b), plain.dot(a, b)},
				{"centredSq", fast.centredSq(a, 0.5), plain.centredSq(a, 0.5)},
			} {
				near(t, f.plain, f.fast, 1e-6*scale, "%s n=%d", f.name, n)
			}
			for range 10 {
				require.Equal(t, plain.maxOf(a), fast.maxOf(a))
				if n > 0 {
					a[r.IntN(n)] += 3
				}
			}
			for i := range a {
				old := a[i]
				a[i] = float32(math.NaN())
				require.True(t, fast.maxOf(a) != fast.maxOf(a), "NaN at %d of %d is lost", i, n)
				require.True(t, fast.sum(a) != fast.sum(a))
				a[i] = old
			}
		}
	})
}
