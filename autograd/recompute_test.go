package autograd_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

type block = func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var

// network is two blocks of linear layers and dropout, each inside wrap, and
// the outer one inside it again.
func network(wrap func(s *autograd.Scope, f block, xs ...*autograd.Var) *autograd.Var, ps []*autograd.Param) block {
	inner := func(w *autograd.Param) block {
		return func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			h := autograd.Dropout(autograd.Tanh(autograd.Linear(xs[0], s.Use(w), nil)), 0.4)
			return autograd.Add(autograd.RMSNorm(h, xs[1], 1e-5), xs[0])
		}
	}
	outer := func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		h := wrap(s, inner(ps[0]), xs[0], xs[1])
		h = autograd.Dropout(h, 0.1)
		return wrap(s, inner(ps[1]), h, xs[1])
	}
	return func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		h := wrap(s, outer, xs...)
		return autograd.Add(wrap(s, outer, h, xs[1]), autograd.Dropout(h, 0.5))
	}
}

func plain(s *autograd.Scope, f block, xs ...*autograd.Var) *autograd.Var { return f(s, xs...) }

func TestRecomputeEqualsPlain(t *testing.T) {
	in := []*tensor.Tensor{normal(1, tensor.Float32, 5, 8), normal(2, tensor.Float32, 8)}
	results := make([]pass, 2)
	grads := make([][]*autograd.Param, 2)
	after := make([]uint64, 2)
	for i, wrap := range []func(*autograd.Scope, block, ...*autograd.Var) *autograd.Var{plain, autograd.Recompute} {
		grads[i] = []*autograd.Param{param(3, tensor.Float32, 8, 8), param(4, tensor.Float32, 8, 8)}
		r := rand.NewPCG(9, 9)
		s := autograd.Training(r)
		s.Arena().Poison = true
		for range 2 {
			results[i] = run(s, network(wrap, grads[i]), nil, in...)
		}
		after[i] = r.Uint64()
	}
	samePass(t, results[0], results[1])
	for i := range grads[0] {
		sameBits(t, "parameter", grads[0][i].Grad, grads[1][i].Grad)
	}
	require.Equal(t, after[0], after[1], "the randomness that is left")
}

// Nothing but the block's result and operands stays alive until Backward.
func TestRecomputeKeepsLittle(t *testing.T) {
	deep := func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		x := xs[0]
		for range 50 {
			x = autograd.Tanh(x)
		}
		return x
	}
	alive := func(f block) int {
		s := autograd.NewScope(true)
		f(s, s.Leaf(normal(1, tensor.Float32, 1024)))
		now, _ := s.Arena().Bytes()
		return now
	}
	require.GreaterOrEqual(t, alive(deep), 50*4096)
	require.LessOrEqual(t, alive(func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return autograd.Recompute(s, deep, xs...)
	}), 2*4096)
}

func TestRecomputeOfParametersAlone(t *testing.T) {
	p, frozen := param(1, tensor.Float64, 3), &autograd.Param{Value: normal(2, tensor.Float64, 3), Frozen: true}
	f := func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return autograd.Mul(xs[0], s.Use(p)) }
	s := autograd.NewScope(true)
	x := s.Const(tensor.Full(tensor.Float64, 2, 3))
	y := autograd.Recompute(s, f, x)
	require.True(t, y.Needs())
	autograd.Sum(y).Backward()
	require.Equal(t, []float64{2, 2, 2}, tensor.Data[float64](p.Grad))

	y = autograd.Recompute(s, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return autograd.Mul(xs[0], s.Use(frozen))
	}, x)
	require.False(t, y.Needs())
}

func TestRecomputeRefusesCapturedVars(t *testing.T) {
	for name, f := range map[string]func(s *autograd.Scope, captured *autograd.Var) block{
		"operand": func(_ *autograd.Scope, captured *autograd.Var) block {
			return func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return autograd.Add(xs[0], captured) }
		},
		"alone": func(_ *autograd.Scope, captured *autograd.Var) block {
			return func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return autograd.Tanh(captured) }
		},
		"result": func(_ *autograd.Scope, captured *autograd.Var) block {
			return func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return captured }
		},
		"scope": func(outer *autograd.Scope, _ *autograd.Var) block {
			return func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
				return autograd.Tanh(outer.Const(tensor.New(tensor.Float64, 3)))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := autograd.NewScope(true)
			x, captured := s.Leaf(normal(1, tensor.Float64, 3)), s.Leaf(normal(2, tensor.Float64, 3))
			require.Panics(t, func() { autograd.Recompute(s, f(s, captured), x) })
			require.NotPanics(t, func() { autograd.Tanh(x) }, "the scope works on")
		})
	}
}
