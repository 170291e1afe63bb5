package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// slopes checks that grad is the gradient of the sum of f()*dy at x, in
// float64, by central differences. f reads x.
func slopes(t *testing.T, name string, x, grad, dy []float64, f func() []float64) {
	t.Helper()
	const h = 1e-5
	for i := range x {
		old := x[i]
		var want float64
		x[i] = old + h
		want += Dot(f(), dy)
		x[i] = old - h
		want -= Dot(f(), dy)
		x[i] = old
		want /= 2 * h
		require.InDelta(t, want, grad[i], 1e-7*max(1, math.Abs(want)), "%s[%d]", name, i)
	}
}

// widen converts to float64.
func widen[T Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

var colSizes = []int{1, 2, 7, 64, 255, 700}

// The float32 kernels agree with the float64 ones, which are checked against
// their definition and by differences.
func TestRowsFloat32(t *testing.T) {
	const rows = 3
	r := rng(20)
	for _, cols := range colSizes {
		x, dy, w := randn[float32](r, rows*cols), randn[float32](r, rows*cols), randn[float32](r, cols)
		run32, run64 := rowKernels(x, dy, w, cols), rowKernels(widen(x), widen(dy), widen(w), cols)
		for i, a := range run32 {
			b := run64[i]
			require.Equal(t, a.name, b.name)
			for j := range a.out {
				near(t, b.out[j], float64(a.out[j]), 1e-5, "%s cols=%d [%d]", a.name, cols, j)
			}
		}
	}
}

type output[T Float] struct {
	name string
	out  []T
}

func rowKernels[T Float](x, dy, w []T, cols int) []output[T] {
	n, rows := len(x), len(x)/cols
	target := make([]int32, rows)
	for i := range target {
		target[i] = int32(i*5%(cols+1)) - 1 // now and then ignored
	}
	pos := []int32{0, 5, 70}[:rows]
	var all []output[T]
	add := func(name string, size int, f func(out []T)) []T {
		out := make([]T, size)
		f(out)
		all = append(all, output[T]{name, out})
		return out
	}
	p := add("Softmax", n, func(o []T) { Softmax(o, x, cols) })
	add("SoftmaxGrad", n, func(o []T) { SoftmaxGrad(o, p, dy, cols) })
	l := add("LogSoftmax", n, func(o []T) { LogSoftmax(o, x, cols) })
	add("LogSoftmaxGrad", n, func(o []T) { LogSoftmaxGrad(o, l, dy, cols) })
	add("LogSumExp", rows, func(o []T) { LogSumExp(o, x, cols) })
	mean, rstd := make([]T, rows), make([]T, rows)
	db, dx := make([]T, cols), make([]T, n)
	add("LayerNorm", n, func(o []T) { LayerNorm(o, x, w, w, mean, rstd, cols, 1e-2) })
	add("LayerNormGrad dw", cols, func(o []T) { LayerNormGrad(dx, o, db, x, w, mean, rstd, dy, cols) })
	all = append(all, output[T]{"LayerNormGrad dx", dx}, output[T]{"db", db})
	dx = make([]T, n)
	add("RMSNorm", n, func(o []T) { RMSNorm(o, x, w, rstd, cols, 1e-2) })
	add("RMSNormGrad dw", cols, func(o []T) { RMSNormGrad(dx, o, x, w, rstd, dy, cols) })
	all = append(all, output[T]{"RMSNormGrad dx", dx})
	lse := make([]T, rows)
	add("CrossEntropy", rows, func(o []T) { CrossEntropy(o, lse, x, target, cols, -1, 0.1) })
	add("CrossEntropyGrad", n, func(o []T) { CrossEntropyGrad(o, x, lse, target, dy[:rows], cols, -1, 0.1) })
	if cols%2 == 0 {
		add("Rope", n, func(o []T) { Rope(o, x, 1, cols, pos, 100, false) })
	}
	return all
}

func TestSoftmax(t *testing.T) {
	r := rng(21)
	for _, cols := range colSizes {
		x, dy := randn[float64](r, 2*cols), randn[float64](r, 2*cols)
		y, l, s := make([]float64, 2*cols), make([]float64, 2*cols), make([]float64, 2)
		Softmax(y, x, cols)
		LogSoftmax(l, x, cols)
		LogSumExp(s, x, cols)
		for i := range 2 {
			var sum float64
			for _, v := range x[i*cols : (i+1)*cols] {
				sum += math.Exp(v)
			}
			require.InDelta(t, math.Log(sum), s[i], 1e-13)
			for j := i * cols; j < (i+1)*cols; j++ {
				require.InDelta(t, math.Exp(x[j])/sum, y[j], 1e-14)
				require.InDelta(t, x[j]-math.Log(sum), l[j], 1e-13)
			}
		}
		dx := make([]float64, 2*cols)
		SoftmaxGrad(dx, y, dy, cols)
		slopes(t, "softmax", x, dx, dy, func() []float64 { z := make([]float64, 2*cols); Softmax(z, x, cols); return z })
		LogSoftmaxGrad(dx, l, dy, cols)
		slopes(t, "log softmax", x, dx, dy, func() []float64 { z := make([]float64, 2*cols); LogSoftmax(z, x, cols); return z })
		SoftmaxGrad(dy, y, dy, cols) // in place
		Softmax(x, x, cols)
		require.Equal(t, y, x)
	}
}

func TestSoftmaxEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{-inf, -inf, -inf, 0, -inf, 0, 3e38, -3e38, 3e38, 1, nan, 2, inf, 0, 0}
	y, l, s := make([]float32, len(x)), make([]float32, len(x)), make([]float32, 5)
	Softmax(y, x, 3)
	LogSoftmax(l, x, 3)
	LogSumExp(s, x, 3)
	require.Equal(t, []float32{0, 0, 0, 0.5, 0, 0.5, 0.5, 0, 0.5}, y[:9])
	require.Equal(t, []float32{-inf, -inf, -inf}, l[:3])
	require.Equal(t, -inf, s[0])
	require.InDelta(t, math.Ln2, float64(s[1]), 1e-7)
	for _, v := range append(append([]float32{s[3]}, y[9:12]...), l[9:12]...) {
		require.True(t, v != v)
	}
	require.True(t, y[12] != y[12])
}

func TestNorms(t *testing.T) {
	r := rng(22)
	const rows, eps = 3, 1e-3
	for _, cols := range []int{1, 2, 7, 33} {
		n := rows * cols
		x, w, b, dy := randn[float64](r, n), randn[float64](r, cols), randn[float64](r, cols), randn[float64](r, n)
		mean, rstd := make([]float64, rows), make([]float64, rows)
		layer := func() []float64 {
			y := make([]float64, n)
			LayerNorm(y, x, w, b, mean, rstd, cols, eps)
			return y
		}
		y := layer()
		for i := range rows {
			row := x[i*cols : (i+1)*cols]
			mu, variance := Sum(row)/float64(cols), 0.0
			for _, v := range row {
				variance += (v - mu) * (v - mu) / float64(cols)
			}
			for j, v := range row {
				require.InDelta(t, (v-mu)/math.Sqrt(variance+eps)*w[j]+b[j], y[i*cols+j], 1e-12)
			}
		}
		dx, dw, db := make([]float64, n), make([]float64, cols), make([]float64, cols)
		LayerNormGrad(dx, dw, db, x, w, mean, rstd, dy, cols)
		slopes(t, "layer dx", x, dx, dy, layer)
		slopes(t, "layer dw", w, dw, dy, layer)
		slopes(t, "layer db", b, db, dy, layer)

		rms := func() []float64 {
			y := make([]float64, n)
			RMSNorm(y, x, w, rstd, cols, eps)
			return y
		}
		y = rms()
		for i, v := range y {
			row := x[i/cols*cols : (i/cols+1)*cols]
			require.InDelta(t, x[i]*w[i%cols]/math.Sqrt(SumSq(row)/float64(cols)+eps), v, 1e-12)
		}
		clear(dw)
		RMSNormGrad(dx, dw, x, w, rstd, dy, cols)
		slopes(t, "rms dx", x, dx, dy, rms)
		slopes(t, "rms dw", w, dw, dy, rms)

		// Without weights; gradients that are not wanted; in place.
		ones := make([]float64, cols)
		fill(ones, 1)
		got, want := make([]float64, n), make([]float64, n)
		LayerNorm(want, x, ones, nil, mean, rstd, cols, eps)
		LayerNorm(got, x, nil, nil, mean, rstd, cols, eps)
		require.InDeltaSlice(t, want, got, 1e-13)
		LayerNormGrad(want, nil, nil, x, ones, mean, rstd, dy, cols)
		LayerNormGrad(got, nil, nil, x, nil, mean, rstd, dy, cols)
		require.InDeltaSlice(t, want, got, 1e-13)
		LayerNormGrad(nil, dw, db, x, nil, mean, rstd, dy, cols)
		RMSNorm(want, x, ones, rstd, cols, eps)
		RMSNorm(got, x, nil, rstd, cols, eps)
		require.InDeltaSlice(t, want, got, 1e-13)
		RMSNormGrad(want, nil, x, ones, rstd, dy, cols)
		RMSNormGrad(dy, nil, x, nil, rstd, dy, cols)
		require.InDeltaSlice(t, want, dy, 1e-13)
		RMSNorm(x, x, nil, rstd, cols, eps)
		require.Equal(t, got, x)
	}
}

func TestCrossEntropy(t *testing.T) {
	r := rng(23)
	for _, cols := range []int{1, 2, 9, 300} {
		for _, smoothing := range []float64{0, 0.1, 1} {
			target := []int32{0, int32(cols - 1), -100, int32(cols / 2)}
			rows := len(target)
			x, dloss := randn[float64](r, rows*cols), randn[float64](r, rows)
			lse := make([]float64, rows)
			f := func() []float64 {
				loss := make([]float64, rows)
				CrossEntropy(loss, lse, x, target, cols, -100, smoothing)
				return loss
			}
			l := make([]float64, len(x))
			LogSoftmax(l, x, cols)
			for i, loss := range f() {
				var want float64
				if target[i] >= 0 {
					row := l[i*cols : (i+1)*cols]
					want = -(1-smoothing)*row[target[i]] - smoothing*Sum(row)/float64(cols)
				}
				require.InDelta(t, want, loss, 1e-12)
			}
			dx := make([]float64, len(x))
			CrossEntropyGrad(dx, x, lse, target, dloss, cols, -100, smoothing)
			slopes(t, "cross entropy", x, dx, dloss, f)
			f() // the differences have moved lse
			CrossEntropyGrad(x, x, lse, target, dloss, cols, -100, smoothing)
			require.Equal(t, dx, x)
		}
	}
	require.Panics(t, func() {
		CrossEntropy(make([]float32, 1), make([]float32, 1), make([]float32, 3), []int32{3}, 3, -1, 0)
	})
}

func TestRope(t *testing.T) {
	r := rng(24)
	const heads, dim, theta = 3, 10, 500.0
	pos := []int32{0, 1, 63, 64, 5000, ropeMax - 1, ropeMax, 1 << 20, -3}
	x := randn[float64](r, len(pos)*heads*dim)
	y, back := make([]float64, len(x)), make([]float64, len(x))
	Rope(y, x, heads, dim, pos, theta, false)
	for i, p := range pos {
		for h := range heads {
			for j := range dim / 2 {
				at := (i*heads+h)*dim + j
				s, c := math.Sincos(float64(p) * math.Pow(theta, -2*float64(j)/dim))
				a, b := x[at], x[at+dim/2]
				require.InDelta(t, a*c-b*s, y[at], 1e-12)
				require.InDelta(t, b*c+a*s, y[at+dim/2], 1e-12)
			}
		}
	}
	Rope(back, y, heads, dim, pos, theta, true)
	require.InDeltaSlice(t, x, back, 1e-12)
	Rope(x, x, heads, dim, pos, theta, false)
	require.Equal(t, y, x)
}

func TestGatherAndScatter(t *testing.T) {
	src := []float32{0, 1, 10, 11, 20, 21}
	idx := []int32{2, 0, 2}
	dst := make([]float32, 6)
	GatherRows(dst, src, idx, 2)
	require.Equal(t, []float32{20, 21, 0, 1, 20, 21}, dst)
	acc := []float32{1, 1, 1, 1, 1, 1}
	ScatterAddRows(acc, dst, idx, 2)
	require.Equal(t, []float32{1, 2, 1, 1, 41, 43}, acc)
	require.Panics(t, func() { GatherRows(dst, src, []int32{3}, 2) })
	require.Panics(t, func() { ScatterAddRows(dst, src, []int32{-1}, 2) })
}

func TestDropout(t *testing.T) { eachVariant(t, testDropout) }

func testDropout(t *testing.T) {
	const n = 100_000
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	fill(x, 2)
	for _, p := range []float64{0, 0.1, 0.5, 0.9, 1} {
		Dropout(y, x, 7, 1000, p)
		kept := 0
		for _, v := range y {
			if v != 0 {
				require.InDelta(t, 2/(1-p), float64(v), 1e-5)
				kept++
			}
		}
		require.InDelta(t, (1-p)*n, float64(kept), 5*math.Sqrt(n*p*(1-p)))
		Dropout(z[:30], x[:30], 7, 1000, p) // in chunks, the same
		Dropout(z[30:], x[30:], 7, 1030, p)
		require.Equal(t, y, z)
	}
	Dropout(z, x, 8, 1000, 0.9)
	Dropout(y, x, 7, 1000, 0.9)
	require.NotEqual(t, y, z)
	Dropout(x, x, 7, 1000, 0.9)
	require.Equal(t, y, x)
}

func TestAdamW(t *testing.T) {
	const n, steps = 17, 5
	s := AdamStep{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Decay: 0.01, L2: 0.02, Scale: 0.5}
	r := rng(25)
	w := randn[float64](r, n)
	m, v, want := make([]float64, n), make([]float64, n), append([]float64(nil), w...)
	wm, wv := make([]float64, n), make([]float64, n)
	for step := 1; step <= steps; step++ {
		grad := randn[float64](r, n)
		s.Corr1, s.Corr2 = 1-math.Pow(s.Beta1, float64(step)), 1-math.Pow(s.Beta2, float64(step))
		AdamW(w, grad, m, v, s)
		for i := range want {
			g := s.Scale*grad[i] + s.L2*want[i]
			wm[i] = s.Beta1*wm[i] + (1-s.Beta1)*g
			wv[i] = s.Beta2*wv[i] + (1-s.Beta2)*g*g
			want[i] -= s.LR * (s.Decay*want[i] + wm[i]/s.Corr1/(math.Sqrt(wv[i]/s.Corr2)+s.Eps))
		}
	}
	require.InDeltaSlice(t, want, w, 1e-12)
}

func TestMomentum(t *testing.T) {
	const n, steps = 17, 5
	for _, s := range []MomentumStep{
		{LR: 0.1, Momentum: 0.9, Scale: 1},
		{LR: 0.1, Momentum: 0.9, L2: 0.02, Scale: 0.5, Nesterov: true},
	} {
		r := rng(26)
		w, b := randn[float64](r, n), make([]float64, n)
		want, wb := append([]float64(nil), w...), make([]float64, n)
		for range steps {
			grad := randn[float64](r, n)
			Momentum(w, grad, b, s)
			for i := range want {
				g := s.Scale*grad[i] + s.L2*want[i]
				wb[i] = s.Momentum*wb[i] + g
				if g = wb[i]; s.Nesterov {
					g = s.Scale*grad[i] + s.L2*want[i] + s.Momentum*wb[i]
				}
				want[i] -= s.LR * g
			}
		}
		require.InDeltaSlice(t, want, w, 1e-12)
	}
}
