package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// ulps is the distance from want to got in units of the last place of want as
// a T. In float64 want has an error of its own, of up to one.
func ulps[T Float](got T, want float64) float64 {
	w := T(want)
	if got == w || (got != got && w != w) {
		return 0
	}
	low, bits := -126, 23
	if !single[T]() {
		low, bits = -1022, 52
	}
	unit := math.Ldexp(1, max(math.Ilogb(want), low)-bits)
	return math.Abs(float64(got)-want) / unit
}

func TestMath(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", testMath[float32])
		t.Run("float64", testMath[float64])
	})
}

func testMath[T Float](t *testing.T) {
	tb := tableOf[T]()
	for _, c := range []struct {
		name       string
		f          func(dst, x []T)
		want       func(float64) float64
		lo, hi     float64
		ulp, ulp64 float64
	}{
		{"exp", tb.exp, math.Exp, -87.3, 88.7, 2, 2},
		{"exp/subnormal", tb.exp, math.Exp, -104, -87, 1, 2},
		{"exp/float64", tb.exp, math.Exp, -708, 709, 2, 2},
		{"log", tb.log, math.Log, 1e-30, 3, 2, 2},
		{"log/large", tb.log, math.Log, 3, 1e30, 1, 2},
		{"tanh", tb.tanh, math.Tanh, -10, 10, 6, 4},
		{"erf", tb.erf, math.Erf, -5, 5, 8, 4},
		{"sigmoid", tb.sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -80, 80, 4, 4},
		{"softplus", tb.softplus, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, -80, 80, 4, 4},
		{"sqrt", tb.sqrt, math.Sqrt, 0, 100, 0.51, 0.51},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := c.ulp
			if !single[T]() {
				limit = c.ulp64
			}
			const n = 50_001
			x, y := make([]T, 0, 2*n), make([]T, 2*n)
			for i := range n {
				v := c.lo + (c.hi-c.lo)*float64(i)/(n-1)
				x = append(x, T(v), T(v*math.Ldexp(1, -i%120))) // evenly, and towards zero
			}
			c.f(y, x)
			worst, at := 0.0, T(0)
			for i, v := range x {
				if float64(v) < c.lo || float64(v) > c.hi {
					continue
				}
				if u := ulps(y[i], c.want(float64(v))); !(u <= worst) {
					worst, at = u, v
				}
			}
			t.Logf("worst %.2f ulp at %v", worst, at)
			require.LessOrEqual(t, worst, limit, "at %v", at)
		})
	}
}

func TestMathSpecialValues(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", testSpecial[float32])
		t.Run("float64", testSpecial[float64])
	})
}

func testSpecial[T Float](t *testing.T) {
	inf, nan, zero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	for _, c := range []struct {
		name string
		f    func(dst, x []T)
		x, y []float64
	}{
		{"Exp", Exp[T], []float64{inf, -inf, nan, 0, zero, 1e30, -1e30}, []float64{inf, 0, nan, 1, 1, inf, 0}},
		{"Log", Log[T], []float64{inf, -1, nan, 0, zero, 1}, []float64{inf, nan, nan, -inf, -inf, 0}},
		{"Tanh", Tanh[T], []float64{inf, -inf, nan, 0, zero}, []float64{1, -1, nan, 0, zero}},
		{"Sigmoid", Sigmoid[T], []float64{inf, -inf, nan, 0}, []float64{1, 0, nan, 0.5}},
		{"Softplus", Softplus[T], []float64{inf, -inf, nan}, []float64{inf, 0, nan}},
		{"GELU", GELU[T], []float64{inf, nan, zero, 30, -30}, []float64{inf, nan, zero, 30, zero}},
		{"GELUTanh", GELUTanh[T], []float64{inf, nan, zero, 30, -30}, []float64{inf, nan, zero, 30, zero}},
		{"SiLU", SiLU[T], []float64{inf, nan, zero, 200}, []float64{inf, nan, zero, 200}},
		{"ReLU", ReLU[T], []float64{inf, -inf, nan, -1, 2}, []float64{inf, 0, nan, 0, 2}},
		{"Abs", Abs[T], []float64{-inf, nan, zero, -3}, []float64{inf, nan, 0, 3}},
		{"Neg", Neg[T], []float64{inf, 0, zero}, []float64{-inf, zero, 0}},
		{"Sqrt", Sqrt[T], []float64{inf, -1, zero, 4}, []float64{inf, nan, zero, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := make([]T, len(c.x))
			for i, v := range c.x {
				x[i] = T(v)
			}
			c.f(x, x)
			for i, want := range c.y {
				got := float64(x[i])
				if want != want {
					require.True(t, got != got, "f(%v) = %v, want NaN", c.x[i], got)
					continue
				}
				if got == 0 && want == 0 {
					require.Equal(t, math.Signbit(want), math.Signbit(got), "f(%v) has the wrong sign", c.x[i])
					continue
				}
				require.True(t, got == want || math.Abs(got-want) < 1e-6, "f(%v) = %v, want %v", c.x[i], got, want)
			}
		})
	}
}

func TestTanhAndErfEndAtOne(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", testAtMostOne[float32])
		t.Run("float64", testAtMostOne[float64])
	})
}

func testAtMostOne[T Float](t *testing.T) {
	for _, f := range []func(dst, x []T){tableOf[T]().tanh, tableOf[T]().erf} {
		x := make([]T, 300_000)
		for i := range x {
			x[i] = T(i) * 1e-4
		}
		f(x, x)
		require.LessOrEqual(t, MaxOf(x), T(1))
		require.GreaterOrEqual(t, MinOf(x), T(0))
		require.Equal(t, T(1), MinOf(x[200_000:]))
		Neg(x, x)
		require.Equal(t, T(-1), MaxOf(x[200_000:]))
	}
}
