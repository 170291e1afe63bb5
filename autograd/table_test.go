package autograd_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/internal/optable"
	"github.com/noema-ml/noema/tensor"
)

// everySample runs a test for each sample of the table.
func everySample(t *testing.T, test func(t *testing.T, sample *optable.Sample)) {
	for _, op := range optable.All {
		t.Run(op.Name, func(t *testing.T) {
			for _, sample := range op.Samples(rand.NewPCG(3, 5)) {
				t.Run(sample.Name, func(t *testing.T) { test(t, sample) })
			}
		})
	}
}

// pass is what one forward and backward pass gave, on the heap; the gradient
// of an operand that wants none, or that none reached, is nil.
type pass struct {
	y     *tensor.Tensor
	grads []*tensor.Tensor
}

// poisoned returns a scope whose released buffers turn into NaN, and are used
// again.
func poisoned() *autograd.Scope {
	s := autograd.NewScope(true)
	s.Arena().Poison = true
	return s
}

// run computes f and the gradients, for a fixed random gradient of the result,
// of the inputs for which wants is true (all if it is nil).
func run(s *autograd.Scope, f func(*autograd.Scope, ...*autograd.Var) *autograd.Var, wants []bool, inputs ...*tensor.Tensor) pass {
	s.Reset()
	xs := make([]*autograd.Var, len(inputs))
	for i, x := range inputs {
		if wants == nil || wants[i] {
			xs[i] = s.Leaf(x)
		} else {
			xs[i] = s.Const(x)
		}
	}
	y := f(s, xs...)
	dy := tensor.Uniform(rand.NewPCG(1, 1), tensor.Float64, -1, 1, y.Shape()...).Cast(y.DType())
	autograd.Sum(autograd.Mul(y, s.Const(dy))).Backward()
	p := pass{y: y.Detach(), grads: make([]*tensor.Tensor, len(xs))}
	for i, x := range xs {
		if g := x.Grad(); g != nil {
			p.grads[i] = g.Clone()
		}
	}
	return p
}

func floats(t *tensor.Tensor) []float64 {
	return tensor.Data[float64](t.Clone().Cast(tensor.Float64))
}

// near fails unless got and want differ by at most tol, relative to the larger
// of 1, scale and the largest element of want.
func near(t *testing.T, what string, want, got *tensor.Tensor, tol, scale float64) {
	t.Helper()
	require.Equal(t, want.Shape(), got.Shape(), what)
	a, b := floats(want), floats(got)
	scale = max(1, scale)
	for _, v := range a {
		scale = max(scale, math.Abs(v))
	}
	for i := range a {
		if !(math.Abs(a[i]-b[i]) <= tol*scale) {
			require.Failf(t, what, "element %d is %v, not %v (off by %.2g of %.2g)", i, b[i], a[i], math.Abs(a[i]-b[i]), scale)
		}
	}
}

// samePass fails unless two passes are equal bit for bit.
func samePass(t *testing.T, want, got pass) {
	t.Helper()
	sameBits(t, "value", want.y, got.y)
	for i := range want.grads {
		sameBits(t, fmt.Sprintf("gradient %d", i), want.grads[i], got.grads[i])
	}
}

func sameBits(t *testing.T, what string, want, got *tensor.Tensor) {
	t.Helper()
	if want == nil || got == nil {
		require.True(t, want == got, what)
		return
	}
	require.Equal(t, want.Shape(), got.Shape(), what)
	a, b := floats(want), floats(got)
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			require.Failf(t, what, "element %d is %v, not %v", i, b[i], a[i])
		}
	}
}

func size(ts ...*tensor.Tensor) float64 {
	most := 0.0
	for _, t := range ts {
		for _, v := range floats(t) {
			most = max(most, math.Abs(v))
		}
	}
	return most
}

func TestGradients(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		if sample.Big {
			slopes(t, sample)
			return
		}
		require.NoError(t, autograd.GradCheck(sample.Func, 1e-6, sample.Inputs...))
	})
}

// slopes compares the gradient with a central difference along one random
// direction in each operand.
func slopes(t *testing.T, sample *optable.Sample) {
	s := poisoned()
	grads := run(s, sample.Func, nil, sample.Inputs...).grads
	const h = 1e-5
	value := func(inputs []*tensor.Tensor) float64 { // what run differentiates
		y := run(s, sample.Func, make([]bool, len(inputs)), inputs...).y
		dy := tensor.Uniform(rand.NewPCG(1, 1), tensor.Float64, -1, 1, y.Shape()...)
		return tensor.Sum(tensor.Mul(y, dy)).Item()
	}
	for i, x := range sample.Inputs {
		u := tensor.Uniform(rand.NewPCG(2, 2), tensor.Float64, -1, 1, x.Shape()...)
		along := slices.Clone(sample.Inputs)
		along[i] = tensor.Add(x, tensor.Scale(u, h))
		up := value(along)
		along[i] = tensor.Sub(x, tensor.Scale(u, h))
		want, got := (up-value(along))/(2*h), tensor.Sum(tensor.Mul(grads[i], u)).Item()
		require.InDelta(t, want, got, 1e-5*max(1, math.Abs(want)), "gradient %d", i)
	}
}

func TestValues(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		s := poisoned()
		run(s, sample.Func, nil, sample.Inputs...) // leaves dirty buffers
		before := make([]*tensor.Tensor, len(sample.Inputs))
		for i, x := range sample.Inputs {
			before[i] = x.Clone()
		}
		got := run(s, sample.Func, nil, sample.Inputs...)
		if sample.Want != nil {
			near(t, "value", sample.Want(sample.Inputs...), got.y, 1e-11, size(sample.Inputs...))
		}
		for i, x := range sample.Inputs {
			sameBits(t, "operand", before[i], x)
			if got.grads[i] != nil {
				require.Equal(t, x.Shape(), got.grads[i].Shape())
				require.True(t, tensor.AllFinite(got.grads[i]), "gradient %d", i)
			}
		}
		s.Reset()
		now, _ := s.Arena().Bytes()
		require.Zero(t, now)

		in := autograd.Inference()
		xs := make([]*autograd.Var, len(sample.Inputs))
		for i, x := range sample.Inputs {
			xs[i] = in.Const(x)
		}
		sameBits(t, "inference", got.y, sample.Func(in, xs...).Value())
	})
}

func TestFloat32(t *testing.T) {
	const tol = 1e-5
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		narrow, wide := make([]*tensor.Tensor, len(sample.Inputs)), make([]*tensor.Tensor, len(sample.Inputs))
		for i, x := range sample.Inputs {
			narrow[i] = x.Cast(tensor.Float32)
			wide[i] = narrow[i].Cast(tensor.Float64)
		}
		want := run(autograd.NewScope(true), sample.Func, nil, wide...)
		got := run(poisoned(), sample.Func, nil, narrow...)
		scale := size(wide...)
		require.Equal(t, tensor.Float32, got.y.DType())
		near(t, "value", want.y, got.y, tol, scale)
		for i := range want.grads {
			require.Equal(t, want.grads[i] == nil, got.grads[i] == nil)
			if want.grads[i] != nil {
				require.Equal(t, tensor.Float32, got.grads[i].DType())
				near(t, fmt.Sprintf("gradient %d", i), want.grads[i], got.grads[i], tol, scale)
			}
		}
	})
}

// strided returns views of x's values that are not contiguous: one whose
// dimensions lie in the opposite order, and one cut out of something larger.
func strided(x *tensor.Tensor) []*tensor.Tensor {
	n := x.Rank()
	if n == 0 {
		return nil
	}
	shape, axes, wider := x.Shape(), make([]int, n), x.Shape()
	for i := range axes {
		axes[i] = n - 1 - i
		wider[i] = shape[i] + 2
	}
	turned := x.Permute(axes...).Clone().Permute(axes...)
	cut := tensor.Full(x.DType(), math.NaN(), wider...)
	for i, d := range shape {
		cut = cut.Slice(i, 1, d+1)
	}
	tensor.Copy(cut, x)
	return []*tensor.Tensor{turned, cut}
}

func TestViewsEqualContiguous(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		want := run(autograd.NewScope(true), sample.Func, nil, sample.Inputs...)
		s := poisoned()
		for kind := range 2 {
			inputs := slices.Clone(sample.Inputs)
			for i, x := range inputs {
				if views := strided(x); views != nil {
					inputs[i] = views[kind]
				}
			}
			got := run(s, sample.Func, nil, inputs...)
			near(t, "value", want.y, got.y, 1e-12, size(sample.Inputs...))
			for i := range want.grads {
				if want.grads[i] != nil {
					near(t, fmt.Sprintf("gradient %d", i), want.grads[i], got.grads[i], 1e-12, size(sample.Inputs...))
				}
			}
		}
	})
}

func TestOnlySomeOperandsNeedGradients(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		s := poisoned()
		want := run(s, sample.Func, nil, sample.Inputs...)
		for subset := range 1 << len(sample.Inputs) {
			wants := make([]bool, len(sample.Inputs))
			for i := range wants {
				wants[i] = subset>>i&1 == 1
			}
			got := run(s, sample.Func, wants, sample.Inputs...)
			sameBits(t, "value", want.y, got.y)
			for i, w := range wants {
				if w {
					sameBits(t, fmt.Sprintf("gradient %d of %v", i, wants), want.grads[i], got.grads[i])
				} else {
					require.Nil(t, got.grads[i])
				}
			}
		}
	})
}

func TestAccumulation(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		once := run(poisoned(), sample.Func, nil, sample.Inputs...)
		scale := size(sample.Inputs...)
		// Two calls that share their operands.
		twice := run(poisoned(), func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return autograd.Add(sample.Func(s, xs...), sample.Func(s, xs...))
		}, nil, sample.Inputs...)
		for i, g := range once.grads {
			if g != nil {
				near(t, "two calls", tensor.Scale(g, 2), twice.grads[i], 1e-12, scale)
			}
		}
		// Two passes into the same parameters.
		params := make([]*autograd.Param, len(sample.Inputs))
		for i, x := range sample.Inputs {
			params[i] = &autograd.Param{Value: x}
		}
		s := poisoned()
		for range 2 {
			run(s, func(s *autograd.Scope, _ ...*autograd.Var) *autograd.Var {
				xs := make([]*autograd.Var, len(params))
				for i, p := range params {
					xs[i] = s.Use(p)
				}
				return sample.Func(s, xs...)
			}, nil)
		}
		for i, g := range once.grads {
			if g != nil {
				near(t, "two passes", tensor.Scale(g, 2), params[i].Grad, 1e-12, scale)
			}
		}
	})
}

func TestOperandUsedTwice(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		n := len(sample.Inputs)
		for _, x := range sample.Inputs {
			if n < 2 || !x.SameShape(sample.Inputs[0]) {
				t.Skip("needs operands of one shape")
			}
		}
		same := slices.Repeat(sample.Inputs[:1], n)
		apart := run(poisoned(), sample.Func, nil, same...)
		joined := run(poisoned(), func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return sample.Func(s, slices.Repeat(xs, n)...)
		}, nil, same[0])
		sameBits(t, "value", apart.y, joined.y)
		want := tensor.New(tensor.Float64, same[0].Shape()...)
		for _, g := range apart.grads {
			tensor.AddTo(want, g)
		}
		near(t, "gradient", want, joined.grads[0], 1e-12, 1)
	})
}

// The split over cores must not show in the bits.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			inputs := make([]*tensor.Tensor, len(sample.Inputs))
			for i, x := range sample.Inputs {
				inputs[i] = x.Cast(dt)
			}
			runtime.GOMAXPROCS(1)
			want := run(autograd.NewScope(true), sample.Func, nil, inputs...)
			for _, cores := range []int{2, 3} {
				runtime.GOMAXPROCS(cores)
				samePass(t, want, run(autograd.NewScope(true), sample.Func, nil, inputs...))
			}
		}
	})
}

// A recomputed operation equals the plain one.
func TestRecomputedOperations(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		want := run(poisoned(), sample.Func, nil, sample.Inputs...)
		got := run(poisoned(), func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return autograd.Recompute(s, sample.Func, xs...)
		}, nil, sample.Inputs...)
		samePass(t, want, got)
	})
}

// BackwardFrom gives the same bits as a loss whose gradient is the given one,
// leaves that as it was, and may be called again in the same pass.
func TestBackwardFrom(t *testing.T) {
	everySample(t, func(t *testing.T, sample *optable.Sample) {
		want := run(autograd.NewScope(true), sample.Func, nil, sample.Inputs...)
		s := poisoned()
		for _, where := range []string{"heap", "arena"} {
			s.Reset()
			xs := make([]*autograd.Var, len(sample.Inputs))
			for i, x := range sample.Inputs {
				xs[i] = s.Leaf(x)
			}
			y := sample.Func(s, xs...)
			dy := tensor.Uniform(rand.NewPCG(1, 1), tensor.Float64, -1, 1, y.Shape()...).Cast(y.DType())
			before := dy.Clone()
			if where == "arena" {
				dy = s.New(dy.DType(), dy.Shape()...)
				tensor.Copy(dy, before)
			}
			y.BackwardFrom(dy)
			sameBits(t, where+": the gradient given", before, dy)
			got := pass{y: y.Detach(), grads: make([]*tensor.Tensor, len(xs))}
			for i, x := range xs {
				if g := x.Grad(); g != nil {
					got.grads[i] = g.Clone()
				}
			}
			samePass(t, want, got)
		}
	})
	s := autograd.NewScope(true)
	x, dy := s.Leaf(tensor.Of([]float64{1, 2})), tensor.Of([]float64{3, 4})
	for range 2 {
		x.BackwardFrom(dy)
	}
	require.Equal(t, []float64{6, 8}, floats(x.Grad()))
	require.Equal(t, []float64{3, 4}, floats(dy))
}
