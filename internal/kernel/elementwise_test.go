package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// lengths has empty, single and ragged ones, below and above a block.
var lengths = []int{0, 1, 2, 3, 5, 8, 15, 31, 64, 255, 256, 257, 700}

// near fails unless got is within tol of want, relative to the larger of the
// two and one.
func near[T Float](t *testing.T, want, got T, tol float64, msg string, args ...any) {
	t.Helper()
	w, g := float64(want), float64(got)
	if w == g || (w != w && g != g) {
		return
	}
	if !(math.Abs(w-g) <= tol*max(1, math.Abs(w), math.Abs(g))) {
		require.Failf(t, "not near", "got %v, want %v: "+msg, append([]any{g, w}, args...)...)
	}
}

func TestBinary(t *testing.T) {
	t.Run("float32", testBinary[float32])
	t.Run("float64", testBinary[float64])
}

func testBinary[T Float](t *testing.T) {
	r := rng(10)
	for _, c := range []struct {
		name string
		f    func(dst, a, b []T)
		want func(a, b T) T
	}{
		{"Add", Add[T], func(a, b T) T { return a + b }},
		{"Sub", Sub[T], func(a, b T) T { return a - b }},
		{"Mul", Mul[T], func(a, b T) T { return a * b }},
		{"Div", Div[T], func(a, b T) T { return a / b }},
		{"Max", Max[T], func(a, b T) T { return T(math.Max(float64(a), float64(b))) }},
		{"Min", Min[T], func(a, b T) T { return T(math.Min(float64(a), float64(b))) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range lengths {
				for _, shape := range [][2]int{{n, n}, {n, 1}, {1, n}, {1, 1}} {
					for alias := range 3 {
						a, b := randn[T](r, shape[0]+1)[1:], randn[T](r, shape[1]+1)[1:]
						if n > 3 && len(a) > 1 {
							a[2], a[3] = T(math.NaN()), T(math.Inf(1))
						}
						want := make([]T, n)
						for i := range want {
							want[i] = c.want(a[i%len(a)], b[i%len(b)])
						}
						dst := make([]T, n)
						if alias == 1 && len(a) == n {
							dst = a
						} else if alias == 2 && len(b) == n {
							dst = b
						}
						c.f(dst, a, b)
						for i := range want {
							near(t, want[i], dst[i], 0, "n=%d shape=%v i=%d", n, shape, i)
						}
					}
				}
			}
			require.Panics(t, func() { c.f(make([]T, 3), make([]T, 2), make([]T, 3)) })
		})
	}
}

// unaries are the functions with their derivative kernels. grad takes the
// output if fromOutput is true, else the input.
type unary[T Float] struct {
	name       string
	f          func(dst, x []T)
	want       func(x float64) float64
	grad       func(dx, xy, dy []T)
	fromOutput bool
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func geluTanh64(x float64) float64 {
	return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func unaries[T Float]() []unary[T] {
	return []unary[T]{
		{"Neg", Neg[T], func(x float64) float64 { return -x }, nil, false},
		{"Exp", Exp[T], math.Exp, nil, false},
		{"Log", Log[T], math.Log, nil, false},
		{"Sqrt", Sqrt[T], math.Sqrt, nil, false},
		{"Square", Square[T], func(x float64) float64 { return x * x }, nil, false},
		{"Abs", Abs[T], math.Abs, nil, false},
		{"Tanh", Tanh[T], math.Tanh, TanhGrad[T], true},
		{"Sigmoid", Sigmoid[T], sigmoid64, SigmoidGrad[T], true},
		{"ReLU", ReLU[T], func(x float64) float64 { return max(x, 0) }, ReLUGrad[T], false},
		{"GELU", GELU[T], func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, GELUGrad[T], false},
		{"GELUTanh", GELUTanh[T], geluTanh64, GELUTanhGrad[T], false},
		{"SiLU", SiLU[T], func(x float64) float64 { return x * sigmoid64(x) }, SiLUGrad[T], false},
		{"Softplus", Softplus[T], func(x float64) float64 { return math.Log1p(math.Exp(x)) }, SoftplusGrad[T], false},
	}
}

func TestUnary(t *testing.T) {
	t.Run("float32", testUnary[float32])
	t.Run("float64", testUnary[float64])
}

func testUnary[T Float](t *testing.T) {
	r := rng(11)
	const h = 1e-6
	for _, u := range unaries[T]() {
		t.Run(u.name, func(t *testing.T) {
			for _, n := range lengths {
				x, dy := randn[T](r, n+1)[1:], randn[T](r, n)
				for i := range x {
					x[i] *= 2
				}
				y := make([]T, n)
				u.f(y, x)
				for i, v := range x {
					near(t, T(u.want(float64(v))), y[i], 8*epsilon[T](), "f(%v)", v)
				}
				if u.grad != nil {
					dx, from := make([]T, n), x
					if u.fromOutput {
						from = y
					}
					u.grad(dx, from, dy)
					for i, v := range x {
						slope := (u.want(float64(v)+h) - u.want(float64(v)-h)) / (2 * h)
						near(t, T(slope)*dy[i], dx[i], 1e-8+16*epsilon[T](), "f'(%v)", v)
					}
					u.grad(dy, from, dy) // in place
					require.Equal(t, dx, dy)
				}
				u.f(x, x)
				for i := range x {
					near(t, y[i], x[i], 0, "in place")
				}
			}
		})
	}
}

func TestGatedUnits(t *testing.T) {
	t.Run("float32", testGated[float32])
	t.Run("float64", testGated[float64])
}

func testGated[T Float](t *testing.T) {
	r := rng(12)
	const h = 1e-6
	for _, c := range []struct {
		name string
		f    func(dst, gate, up []T)
		grad func(dgate, dup, gate, up, dy []T)
		act  func(float64) float64
	}{
		{"SwiGLU", SwiGLU[T], SwiGLUGrad[T], func(x float64) float64 { return x * sigmoid64(x) }},
		{"GeGLU", GeGLU[T], GeGLUGrad[T], geluTanh64},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, n := range lengths {
				g, u, dy := randn[T](r, n), randn[T](r, n), randn[T](r, n)
				y, dg, du := make([]T, n), make([]T, n), make([]T, n)
				c.f(y, g, u)
				c.grad(dg, du, g, u, dy)
				for i := range n {
					a := float64(g[i])
					tol := 1e-8 + 16*epsilon[T]()
					near(t, T(c.act(a)*float64(u[i])), y[i], tol, "value")
					near(t, T(c.act(a)*float64(dy[i])), du[i], tol, "dup")
					slope := (c.act(a+h) - c.act(a-h)) / (2 * h)
					near(t, T(slope*float64(u[i])*float64(dy[i])), dg[i], tol, "dgate")
				}
				c.grad(g, u, g, u, dy) // in place
				require.Equal(t, dg, g)
				require.Equal(t, du, u)
			}
		})
	}
}

func TestScaling(t *testing.T) {
	for _, n := range lengths {
		x, y := randn[float32](rng(13), n), randn[float32](rng(14), n)
		sum, scaled := append([]float32(nil), y...), make([]float32, n)
		AddScaled(sum, x, 0.5)
		Scale(scaled, x, -2)
		for i := range n {
			near(t, y[i]+0.5*x[i], sum[i], epsilon[float32](), "AddScaled")
			near(t, -2*x[i], scaled[i], 0, "Scale")
		}
	}
}

func TestReductions(t *testing.T) {
	t.Run("float32", testReductions[float32])
	t.Run("float64", testReductions[float64])
}

func testReductions[T Float](t *testing.T) {
	r := rng(15)
	for _, n := range append(lengths, 100_003) {
		x, y := randn[T](r, n+1)[1:], randn[T](r, n+1)[1:]
		var sum, dot, sq, size float64
		lo, hi := math.Inf(1), math.Inf(-1)
		for i, v := range x {
			sum += float64(v)
			size += math.Abs(float64(v))
			dot += float64(v) * float64(y[i])
			sq += float64(v) * float64(v)
			lo, hi = min(lo, float64(v)), max(hi, float64(v))
		}
		tol := 16 * epsilon[T]() * max(1, size)
		require.InDelta(t, sum, float64(Sum(x)), tol)
		require.InDelta(t, dot, float64(Dot(x, y)), tol+16*epsilon[T]()*sq)
		require.InDelta(t, sq, float64(SumSq(x)), 16*epsilon[T]()*max(1, sq))
		require.Equal(t, T(hi), MaxOf(x))
		require.Equal(t, T(lo), MinOf(x))
		require.True(t, AllFinite(x))
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if n > 0 {
				at := r.IntN(n)
				old := x[at]
				x[at] = T(bad)
				require.False(t, AllFinite(x))
				if bad != bad {
					require.True(t, MaxOf(x) != MaxOf(x) && MinOf(x) != MinOf(x), "NaN is lost")
				}
				x[at] = old
			}
		}
	}
}
