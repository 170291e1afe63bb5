package autograd

import (
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// Recompute returns f(s, xs...) without keeping f's intermediate values: when
// Backward comes to it, f runs again with the same randomness (activation
// checkpointing; Chen et al. 2016, arXiv 1604.06174). f must use only the
// scope and the Vars that it is given: a captured Var panics.
func Recompute(s *Scope, f func(*Scope, ...*Var) *Var, xs ...*Var) *Var {
	if !s.grad {
		return f(s, xs...)
	}
	xs = slices.Clone(xs)
	rand := s.Rand
	if rand != nil {
		before := *rand
		rand = &before
	}
	run := func(in *Scope, wrap func(*tensor.Tensor) *Var) ([]*Var, *Var) {
		vs := make([]*Var, len(xs))
		for i, x := range xs {
			vs[i] = in.Const(x.t)
			if x.needs {
				vs[i] = wrap(x.t)
			}
		}
		s.busy = true
		defer func() { s.busy = false }()
		y := f(in, vs...)
		if y.s != in {
			panic("recompute: the function's result is of another scope than it was given")
		}
		return vs, y
	}
	in := s.child(false)
	_, once := run(in, in.Const)
	y := outView("recompute", copyTo(s, once.t), xs...)
	y.needs = y.needs || in.trained
	s.FLOPs += in.FLOPs
	s.trained = s.trained || in.trained
	in.Close()
	return y.record(0, func(dy *tensor.Tensor) {
		in := s.child(true)
		defer in.Close()
		if rand != nil {
			r := *rand
			in.Rand = &r
		}
		vs, again := run(in, in.Leaf)
		again.backward(copyTo(in, dy))
		s.FLOPs += in.FLOPs
		for i, x := range xs {
			if g := vs[i].grad; g != nil {
				x.Lend(g)
			}
		}
	})
}
