package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func plainLSE(xs vec) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += math.Exp(x)
	}
	return math.Log(sum)
}

func TestCrossEntropy(t *testing.T) {
	logits := noise(1, tensor.Float64, 2, 3, 4)
	target := tensor.Of([]int32{0, 3, -1, 2, -1, 1}, 2, 3)
	for _, smoothing := range []float64{0, 0.2} {
		want := 0.0
		for i, row := range vectors(logits) {
			y := tensor.Data[int32](target)[i]
			if y < 0 {
				continue
			}
			for c, x := range row {
				p := smoothing / 4
				if c == int(y) {
					p += 1 - smoothing
				}
				want -= p * (x - plainLSE(row))
			}
		}
		s := autograd.Inference()
		sum, n := CrossEntropy(s.Const(logits), target, -1, smoothing)
		require.Equal(t, 4, n)
		require.InDelta(t, want, sum.Value().Item(), 1e-12)
		require.NoError(t, autograd.GradCheck(func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			sum, _ := CrossEntropy(xs[0], target, -1, smoothing)
			return sum
		}, 1e-8, logits))
	}
}

func TestSampledSoftmax(t *testing.T) {
	h, w := noise(2, tensor.Float64, 3, 4), noise(3, tensor.Float64, 6, 4)
	target := tensor.Of([]int32{2, 0, 5})
	sampled := tensor.Of([]int32{1, 5, 3, 5})
	logQ := noise(4, tensor.Float64, 6)
	s := autograd.Inference()
	sum, n := SampledSoftmax(s.Const(h), s.Const(w), target, sampled, logQ, 0)
	require.Equal(t, 2, n, "class 0 is ignored")
	want := 0.0
	for r, y := range []int{2, 0, 5} {
		if y == 0 {
			continue
		}
		logit := func(c int) float64 {
			l := -logQ.At(c)
			for i := range 4 {
				l += h.At(r, i) * w.At(c, i)
			}
			return l
		}
		xs := vec{logit(y)}
		for _, c := range []int{1, 5, 3, 5} {
			if c != y {
				xs = append(xs, logit(c))
			}
		}
		want += plainLSE(xs) - xs[0]
	}
	require.InDelta(t, want, sum.Value().Item(), 1e-12)
	require.NoError(t, autograd.GradCheck(func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		sum, _ := SampledSoftmax(xs[0], xs[1], target, sampled, logQ, 0)
		return sum
	}, 1e-8, h, w))

	// With every class sampled once and q = 1 it is the full softmax.
	every := tensor.Of([]int32{0, 1, 2, 3, 4, 5})
	sum, _ = SampledSoftmax(s.Const(h), s.Const(w), target, every, tensor.New(tensor.Float64, 6), -1)
	full, _ := CrossEntropy(autograd.Linear(s.Const(h), s.Const(w), nil), target, -1, 0)
	require.InDelta(t, full.Value().Item(), sum.Value().Item(), 1e-12)

	for _, bad := range []func(){
		func() { SampledSoftmax(s.Const(h), s.Const(w), tensor.Of([]int32{2, 0, 6}), sampled, logQ, -1) },
		func() { SampledSoftmax(s.Const(h), s.Const(w), target, tensor.Of([]int32{-1}), logQ, -1) },
		func() { SampledSoftmax(s.Const(h), s.Const(w), target, sampled, tensor.New(tensor.Float64, 5), -1) },
	} {
		require.Error(t, tensor.Try(func() error { bad(); return nil }))
	}
}

func TestBCEAndMSE(t *testing.T) {
	x, y := noise(5, tensor.Float64, 2, 3), tensor.Of([]float64{0, 1, 0.3, 1, 0, 0.9}, 2, 3)
	bce, mse := 0.0, 0.0
	for i, v := range tensor.Data[float64](x) {
		p, t := 1/(1+math.Exp(-v)), tensor.Data[float64](y)[i]
		bce -= t*math.Log(p) + (1-t)*math.Log(1-p)
		mse += (v - t) * (v - t)
	}
	s := autograd.Inference()
	sum, n := BCE(s.Const(x), y)
	require.Equal(t, 6, n)
	require.InDelta(t, bce, sum.Value().Item(), 1e-12)
	sum, n = MSE(s.Const(x), y)
	require.Equal(t, 6, n)
	require.InDelta(t, mse, sum.Value().Item(), 1e-12)
	for _, f := range []func(*autograd.Var, *tensor.Tensor) (*autograd.Var, int){BCE, MSE} {
		require.NoError(t, autograd.GradCheck(func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			sum, _ := f(xs[0], y)
			return sum
		}, 1e-8, x))
	}
	require.Error(t, tensor.Try(func() error { MSE(s.Const(x), tensor.New(tensor.Float64, 3)); return nil }))
}
