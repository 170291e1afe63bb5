package autograd_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func normal(seed uint64, dt tensor.DType, shape ...int) *tensor.Tensor {
	return tensor.Normal(rand.NewPCG(seed, 1), dt, 1, shape...)
}

func param(seed uint64, dt tensor.DType, shape ...int) *autograd.Param {
	return &autograd.Param{Value: normal(seed, dt, shape...)}
}

// caught returns what f panics with.
func caught(t *testing.T, f func()) (value any) {
	t.Helper()
	defer func() {
		value = recover()
		require.NotNil(t, value, "did not panic")
	}()
	f()
	return nil
}

func TestStaleVar(t *testing.T) {
	s := autograd.NewScope(true)
	x := s.Leaf(normal(1, tensor.Float64, 2, 3))
	y := autograd.Tanh(x)
	s.Reset()
	for name, use := range map[string]func(){
		"tanh":     func() { autograd.Tanh(y) },
		"add":      func() { autograd.Add(s.Const(normal(1, tensor.Float64, 2, 3)), x) },
		"sum":      func() { autograd.Sum(y) },
		"reshape":  func() { autograd.Reshape(y, 6) },
		"backward": func() { y2 := autograd.Sum(s.Leaf(normal(1, tensor.Float64, 3))); s.Reset(); y2.Backward() },
	} {
		t.Run(name, func(t *testing.T) {
			err, ok := caught(t, use).(error)
			require.True(t, ok)
			var released *tensor.ReleasedError
			require.ErrorAs(t, err, &released)
		})
	}
	require.Contains(t, caught(t, func() { autograd.Tanh(y) }).(error).Error(), "tanh: float64 tensor [2 3] was released")

	a := new(tensor.Arena)
	gone := a.New(tensor.Float64, 2)
	a.Reset()
	var released *tensor.ReleasedError
	require.ErrorAs(t, caught(t, func() { autograd.Neg(s.Const(gone)) }).(error), &released)
}

func TestTwoScopes(t *testing.T) {
	a, b := autograd.NewScope(true), autograd.NewScope(true)
	x := a.Leaf(normal(1, tensor.Float64, 3))
	y := b.Leaf(normal(1, tensor.Float64, 3))
	require.Contains(t, caught(t, func() { autograd.Add(x, y) }), "add: operands of two scopes")
	require.NotPanics(t, func() { autograd.Add(x, a.Const(y.Value())) })
}

func TestMistakesAreShapeErrors(t *testing.T) {
	s := autograd.NewScope(true)
	leaf := func(shape ...int) *autograd.Var { return s.Leaf(tensor.New(tensor.Float64, shape...)) }
	single := s.Leaf(tensor.New(tensor.Float32, 2))
	idx := func(v ...int32) *tensor.Tensor { return tensor.Of(v) }
	for name, f := range map[string]func(){
		"add":             func() { autograd.Add(leaf(2), leaf(3)) },
		"mixed dtypes":    func() { autograd.Add(leaf(2), single) },
		"integers":        func() { autograd.Tanh(s.Const(idx(1))) },
		"matmul":          func() { autograd.MatMul(leaf(2, 3), leaf(2, 3)) },
		"linear":          func() { autograd.Linear(leaf(2, 3), leaf(4, 2), nil) },
		"linear bias":     func() { autograd.Linear(leaf(2, 3), leaf(4, 3), leaf(3)) },
		"norm":            func() { autograd.RMSNorm(leaf(2, 3), leaf(2), 1e-5) },
		"axis":            func() { autograd.Softmax(leaf(2, 3), 2) },
		"reshape":         func() { autograd.Reshape(leaf(2, 3), 4) },
		"split":           func() { autograd.Split(leaf(4), 0, 1, 2) },
		"concat":          func() { autograd.Concat(0, leaf(2, 3), leaf(2, 4)) },
		"concat nothing":  func() { autograd.Concat(0) },
		"stack":           func() { autograd.Stack(0, leaf(2), leaf(3)) },
		"embedding index": func() { autograd.Embedding(leaf(3, 2), idx(0, 3)) },
		"negative index":  func() { autograd.Embedding(leaf(3, 2), idx(-1)) },
		"embedding dtype": func() { autograd.Embedding(leaf(3, 2), tensor.New(tensor.Int64, 2)) },
		"select index":    func() { autograd.IndexSelect(leaf(3, 2), 0, idx(7)) },
		"target":          func() { autograd.CrossEntropy(leaf(1, 3), idx(3), -1, 0) },
		"target shape":    func() { autograd.CrossEntropy(leaf(2, 3), idx(1), -1, 0) },
		"linear target":   func() { autograd.LinearCrossEntropy(leaf(2, 3), leaf(4, 3), nil, idx(0, 4), -1, 0) },
		"linear targets":  func() { autograd.LinearCrossEntropy(leaf(2, 3), leaf(4, 3), nil, idx(0), -1, 0) },
		"linear loss":     func() { autograd.LinearCrossEntropy(leaf(2, 3), leaf(4, 2), nil, idx(0, 0), -1, 0) },
		"smoothing":       func() { autograd.CrossEntropy(leaf(1, 3), idx(1), -1, 1.5) },
		"dropout":         func() { autograd.Dropout(leaf(2), 1) },
		"rope positions":  func() { autograd.Rope(leaf(1, 2, 1, 4), []int32{0}, 1e4) },
		"rope odd":        func() { autograd.Rope(leaf(1, 1, 1, 3), []int32{0}, 1e4) },
		"attention":       func() { autograd.Attention(leaf(1, 2, 3, 4), leaf(1, 2, 2, 4), leaf(1, 2, 2, 4), autograd.AttnMask{}) },
		"attention mask":  func() { x := leaf(2, 3, 1, 4); autograd.Attention(x, x, x, autograd.AttnMask{KeyLen: []int32{1}}) },
		"attention shared": func() {
			x := leaf(2, 3, 1, 4)
			autograd.Attention(x, x, x, autograd.AttnMask{Window: 2, Shared: []int32{1, 1}})
		},
		"swiglu":           func() { autograd.SwiGLU(leaf(2, 3), leaf(3)) },
		"bce":              func() { autograd.BCEWithLogits(leaf(2, 3), leaf(3)) },
		"topk":             func() { autograd.TopK(leaf(3), 4) },
		"backward of many": func() { leaf(3).Backward() },
		"backward from":    func() { leaf(3).BackwardFrom(tensor.New(tensor.Float64, 1, 3)) },
		"backward without recording": func() {
			autograd.Sum(autograd.Inference().Const(tensor.New(tensor.Float64, 2))).Backward()
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := tensor.Try(func() error { f(); return nil })
			var shape *tensor.ShapeError
			require.True(t, errors.As(err, &shape), "%v", err)
		})
	}
}

func TestFrozenParameters(t *testing.T) {
	w, b := param(1, tensor.Float64, 4, 3), param(2, tensor.Float64, 4)
	w.Frozen = true
	s := autograd.NewScope(true)
	x := s.Const(normal(3, tensor.Float64, 2, 3))
	y := autograd.Linear(x, s.Use(w), s.Use(b))
	require.True(t, y.Needs())
	before := s.FLOPs
	autograd.Sum(y).Backward()
	require.Nil(t, w.Grad)
	require.Equal(t, []float64{2, 2, 2, 2}, tensor.Data[float64](b.Grad))
	require.Equal(t, before, s.FLOPs, "no products for operands that want no gradient")

	b.Frozen = true
	s.Reset()
	y = autograd.Linear(s.Const(normal(3, tensor.Float64, 2, 3)), s.Use(w), s.Use(b))
	require.False(t, y.Needs())
	require.Nil(t, s.Use(nil))
}

// Weights stored narrow compute like their widened copies, up to the order of
// the sums and, for Q8_0, the rounding of what they are multiplied with; their
// gradients for the input are those of the copies.
func TestStorageWeights(t *testing.T) {
	for dt, off := range map[tensor.DType]float64{tensor.BFloat16: 1e-6, tensor.Float16: 1e-6, tensor.Q8_0: 0.01} {
		stored := func(seed uint64, shape ...int) (half, full *autograd.Param) {
			h := normal(seed, tensor.Float32, shape...).Cast(dt)
			return &autograd.Param{Value: h, Frozen: true}, &autograd.Param{Value: h.Cast(tensor.Float32), Frozen: true}
		}
		eh, ef := stored(1, 9, 32)
		nh, nf := stored(2, 32)
		wh, wf := stored(3, 64, 32)
		bh, bf := stored(4, 64)
		idx := tensor.Of([]int32{3, 8, 3})
		f := func(e, n, w, b *autograd.Param) pass {
			return run(poisoned(), func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
				h := autograd.Add(autograd.Embedding(s.Use(e), idx), xs[0])
				return autograd.Linear(autograd.RMSNorm(h, s.Use(n), 1e-5), s.Use(w), s.Use(b))
			}, nil, normal(5, tensor.Float32, 3, 32))
		}
		want, got := f(ef, nf, wf, bf), f(eh, nh, wh, bh)
		near(t, "value", want.y, got.y, off, 0)
		sameBits(t, "gradient", want.grads[0], got.grads[0])
		loss := func(w, b *autograd.Param) pass {
			return run(poisoned(), func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
				return autograd.LinearCrossEntropy(xs[0], s.Use(w), s.Use(b), idx, -1, 0)
			}, nil, normal(5, tensor.Float32, 3, 32))
		}
		full, half := loss(wf, bf), loss(wh, bh)
		near(t, "loss", full.y, half.y, off, 0)
		near(t, "gradient of the loss", full.grads[0], half.grads[0], 2*off, 0) // the softmax spreads it
		wh.Frozen = false
		var shape *tensor.ShapeError
		require.ErrorAs(t, tensor.Try(func() error { f(eh, nh, wh, bh); return nil }), &shape)
		require.Contains(t, shape.Reason, "freeze")
	}
}

// model is a small network over shared parameters.
type model struct {
	embed, w1, b1, w2, b2 *autograd.Param
}

func newModel(dt tensor.DType) model {
	return model{param(1, dt, 11, 8), param(2, dt, 16, 8), param(3, dt, 16), param(4, dt, 11, 16), param(5, dt, 11)}
}

func (m model) params() []*autograd.Param {
	return []*autograd.Param{m.embed, m.w1, m.b1, m.w2, m.b2}
}

func (m model) forward(s *autograd.Scope, idx *tensor.Tensor) *autograd.Var {
	h := autograd.Embedding(s.Use(m.embed), idx)
	h = autograd.GELU(autograd.Linear(h, s.Use(m.w1), s.Use(m.b1)))
	return autograd.Linear(autograd.Dropout(h, 0.2), s.Use(m.w2), s.Use(m.b2))
}

func TestConcurrentInference(t *testing.T) {
	m := newModel(tensor.Float32)
	idx := tensor.Of([]int32{1, 5, 7, 0})
	want := m.forward(autograd.Inference(), idx).Detach()
	var wg sync.WaitGroup
	got := make([]*tensor.Tensor, 8)
	for g := range got {
		wg.Go(func() {
			s := autograd.Inference()
			defer s.Close()
			for range 20 {
				s.Reset()
				got[g] = m.forward(s, idx).Detach()
			}
		})
	}
	wg.Wait()
	for _, y := range got {
		sameBits(t, "concurrent", want, y)
	}
	for _, p := range m.params() {
		require.Nil(t, p.Grad)
	}
}

func TestCustom(t *testing.T) {
	cube := func(x *autograd.Var) *autograd.Var {
		y := x.Scope().New(x.DType(), x.Shape()...)
		in, out := tensor.Data[float64](x.Value()), tensor.Data[float64](y)
		for i, v := range in {
			out[i] = v * v * v
		}
		return autograd.Custom("cube", y, func(dy *tensor.Tensor) {
			dx := x.Scope().New(x.DType(), x.Shape()...)
			d, g := tensor.Data[float64](dx), tensor.Data[float64](dy)
			for i, v := range in {
				d[i] = 3 * v * v * g[i]
			}
			x.Give(dx)
		}, x)
	}
	err := autograd.GradCheck(func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return autograd.Mul(cube(xs[0]), xs[0])
	}, 1e-6, normal(1, tensor.Float64, 3, 4))
	require.NoError(t, err)

	wrong := func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		x := xs[0]
		return autograd.Custom("wrong", x.Value(), func(dy *tensor.Tensor) { x.Give(tensor.Scale(dy, 2)) }, x)
	}
	require.ErrorContains(t, autograd.GradCheck(wrong, 1e-6, normal(1, tensor.Float64, 3)), "input 0 [3] element 0")
}

func TestGradCheckParams(t *testing.T) {
	m := newModel(tensor.Float64)
	target := tensor.Of([]int32{3, 1, 10})
	loss := func(s *autograd.Scope) *autograd.Var {
		return autograd.CrossEntropy(m.forward(s, tensor.Of([]int32{1, 4, 1})), target, -1, 0.1)
	}
	require.NoError(t, autograd.GradCheckParams(loss, 1e-6, m.params()...))
}

func TestFLOPs(t *testing.T) {
	const batch, seq, in, out, heads, dim = 2, 5, 6, 7, 3, 4
	for name, tc := range map[string]struct {
		f             func(s *autograd.Scope) *autograd.Var
		forward, back int64
	}{
		"linear": {func(s *autograd.Scope) *autograd.Var {
			return autograd.Linear(s.Leaf(normal(1, tensor.Float32, batch, seq, in)), s.Leaf(normal(2, tensor.Float32, out, in)), nil)
		}, 2 * batch * seq * in * out, 4 * batch * seq * in * out},
		"matmul": {func(s *autograd.Scope) *autograd.Var {
			return autograd.MatMul(s.Const(normal(1, tensor.Float32, batch, seq, in)), s.Leaf(normal(2, tensor.Float32, batch, in, out)))
		}, 2 * batch * seq * in * out, 2 * batch * seq * in * out},
		"attention": {func(s *autograd.Scope) *autograd.Var {
			x := s.Leaf(normal(1, tensor.Float32, batch, seq, heads, dim))
			return autograd.Attention(x, x, x, autograd.AttnMask{})
		}, 2 * 2 * batch * heads * seq * seq * dim, 5 * 2 * batch * heads * seq * seq * dim},
		"causal attention": {func(s *autograd.Scope) *autograd.Var {
			x := s.Leaf(normal(1, tensor.Float32, batch, seq, heads, dim))
			return autograd.Attention(x, x, x, autograd.AttnMask{Causal: true})
		}, 2 * 2 * batch * heads * seq * (seq + 1) / 2 * dim, 5 * 2 * batch * heads * seq * (seq + 1) / 2 * dim},
		"recompute": {func(s *autograd.Scope) *autograd.Var {
			return autograd.Recompute(s, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
				return autograd.Linear(xs[0], xs[1], nil)
			}, s.Leaf(normal(1, tensor.Float32, batch, seq, in)), s.Leaf(normal(2, tensor.Float32, out, in)))
		}, 2 * batch * seq * in * out, 6 * batch * seq * in * out},
	} {
		t.Run(name, func(t *testing.T) {
			s := autograd.NewScope(true)
			y := tc.f(s)
			require.Equal(t, tc.forward, s.FLOPs)
			s.FLOPs = 0
			autograd.Sum(y).Backward()
			require.Equal(t, tc.back, s.FLOPs)
		})
	}
}

func TestEqualOperandsShareTheGradient(t *testing.T) {
	for _, f := range []func(a, b *autograd.Var) *autograd.Var{autograd.Maximum, autograd.Minimum} {
		s := autograd.NewScope(true)
		a, b := s.Leaf(tensor.Of([]float64{1, 2})), s.Leaf(tensor.Of([]float64{1, 2}))
		autograd.Sum(f(a, b)).Backward()
		require.Equal(t, []float64{0.5, 0.5}, tensor.Data[float64](a.Grad()))
		require.Equal(t, []float64{0.5, 0.5}, tensor.Data[float64](b.Grad()))
	}
}

func TestDropout(t *testing.T) {
	const n, p = 100_000, 0.3
	s := autograd.Training(rand.NewPCG(1, 2))
	x := s.Leaf(tensor.Full(tensor.Float32, 1, n))
	y := autograd.Dropout(x, p)
	autograd.Sum(y).Backward()
	sameBits(t, "the gradient has the mask of the value", y.Value(), x.Grad())
	mask, kept := tensor.Data[float32](y.Value()), 0
	for _, v := range mask {
		if v != 0 {
			require.InDelta(t, 1/(1-p), v, 1e-6)
			kept++
		}
	}
	require.InDelta(t, (1-p)*n, kept, 6*math.Sqrt(n*p*(1-p)))
	const chunk = 1 << 14
	require.NotEqual(t, mask[:chunk], mask[chunk:2*chunk], "chunks have masks of their own")
	require.NotEqual(t, mask, tensor.Data[float32](autograd.Dropout(x, p).Value()), "so have calls")

	require.Same(t, x, autograd.Dropout(x, 0))
	s.Train = false
	require.Same(t, x, autograd.Dropout(x, p))
}

// A Backward that a panic ended does not spoil the next one of the pass.
func TestBackwardAfterAPanic(t *testing.T) {
	s := autograd.NewScope(true)
	x := s.Leaf(tensor.Of([]float64{2}))
	bad := autograd.Custom("bad", tensor.Of([]float64{1}), func(*tensor.Tensor) { panic("bad") }, autograd.Square(x))
	require.PanicsWithValue(t, "bad", func() { autograd.Scale(bad, 3).Backward() })
	autograd.Square(x).Backward()
	require.Equal(t, []float64{4}, floats(x.Grad()))
}
