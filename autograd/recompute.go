package autograd

import (
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// Recompute returns f(s, xs...) without keeping f's intermediate values: when
// Backward comes to it, f runs again with the same randomness (activation
// checkpointing; Chen et al. 2016, arXiv 1604.06174). Values and gradients
// have the bits of a plain call. f must use only the scope and the Vars that it
// is given: a captured Var panics.
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
	in := s.child(false)
	vs := make([]*Var, len(xs))
	for i, x := range xs {
		vs[i] = in.Const(x.t)
	}
	once := in.inside(s, f, vs)
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
		vs := make([]*Var, len(xs))
		for i, x := range xs {
			vs[i] = in.again(x, xs[:i], vs)
		}
		in.inside(s, f, vs).backward(copyTo(in, dy))
		s.FLOPs += in.FLOPs
		for i, x := range xs {
			if g := vs[i].grad; g != nil && x.grad == nil {
				x.Lend(g)
			}
		}
	})
}

// again returns x as a Var of the child scope in, which adds to the gradient
// that x has already: sums then run in the order of a plain call. An operand
// that was passed before is the same Var again.
func (in *Scope) again(x *Var, before, vs []*Var) *Var {
	if i := slices.Index(before, x); i >= 0 {
		return vs[i]
	}
	switch {
	case !x.needs:
		return in.Const(x.t)
	case x.param != nil:
		return in.Use(x.param)
	}
	v := in.Leaf(x.t)
	v.grad = x.grad
	return v
}

// inside runs f in the child scope in while s waits.
func (in *Scope) inside(s *Scope, f func(*Scope, ...*Var) *Var, vs []*Var) *Var {
	s.busy = true
	defer func() { s.busy = false }()
	y := f(in, vs...)
	if y.s != in {
		panic("recompute: the function's result is of another scope than it was given")
	}
	return y
}
