package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// ulps is the distance from want to got in units of the last place of want.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if got == w || (got != got && w != w) {
		return 0
	}
	unit := math.Ldexp(1, max(math.Ilogb(want), -126)-23)
	return math.Abs(float64(got)-want) / unit
}

func TestMath32(t *testing.T) {
	for _, c := range []struct {
		name   string
		f      func(dst, x []float32)
		want   func(float64) float64
		lo, hi float64
		ulp    float64
	}{
		{"exp", Exp[float32], math.Exp, -87.3, 88.7, 2},
		{"exp/subnormal", Exp[float32], math.Exp, -104, -87, 1},
		{"log", Log[float32], math.Log, 1e-30, 3, 2},
		{"log/large", Log[float32], math.Log, 3, 1e30, 1},
		{"tanh", Tanh[float32], math.Tanh, -10, 10, 6},
		{"tanh/small", Tanh[float32], math.Tanh, -0.01, 0.01, 6},
		{"erf", active.f32.erf, math.Erf, -5, 5, 8},
		{"erf/small", active.f32.erf, math.Erf, -0.01, 0.01, 8},
		{"sigmoid", Sigmoid[float32], func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, -80, 80, 4},
		{"softplus", Softplus[float32], func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, -80, 80, 4},
		{"sqrt", Sqrt[float32], math.Sqrt, 0, 100, 0.51},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 200_001
			x, y := make([]float32, n), make([]float32, n)
			for i := range x {
				x[i] = float32(c.lo + (c.hi-c.lo)*float64(i)/(n-1))
			}
			c.f(y, x)
			worst, at := 0.0, float32(0)
			for i, v := range x {
				if u := ulps(y[i], c.want(float64(v))); !(u <= worst) {
					worst, at = u, v
				}
			}
			t.Logf("worst %.2f ulp at %v", worst, at)
			require.LessOrEqual(t, worst, c.ulp, "at %v", at)
		})
	}
}

func TestMathSpecialValues(t *testing.T) {
	t.Run("float32", testSpecial[float32])
	t.Run("float64", testSpecial[float64])
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

func TestTanhAndErfStayWithinOne(t *testing.T) {
	for _, f := range []func(dst, x []float32){Tanh[float32], active.f32.erf} {
		x := make([]float32, 100_000)
		for i := range x {
			x[i] = float32(i) * 1e-4
		}
		f(x, x)
		require.LessOrEqual(t, MaxOf(x), float32(1))
		require.GreaterOrEqual(t, MinOf(x), float32(0))
	}
}
