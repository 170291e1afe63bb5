package autograd

import (
	"fmt"

	"github.com/noema-ml/noema/tensor"
)

// weight returns w's tensor, contiguous and in x's dtype, or nil for nil. A
// weight that wants no gradient may be of a type that stores weights and is
// widened into s's arena; unweight frees such a copy.
func (s *Scope) weight(op string, w, x *Var) *tensor.Tensor {
	if w == nil {
		return nil
	}
	dt := x.DType()
	wt := w.DType()
	_, stored := wt.Storage()
	switch {
	case dt.IsFloat() && wt == dt:
		return s.dense(w.t)
	case !dt.IsFloat() || !stored:
		tensor.Fail(op, fmt.Sprintf("dtypes %v and %v", dt, wt), x.t, w.t)
	case w.needs:
		tensor.Fail(op, fmt.Sprintf("a %v weight cannot be trained; freeze it", wt), x.t, w.t)
	}
	return s.widen(w.t, dt)
}

// widen returns t in another dtype, in s's arena.
func (s *Scope) widen(t *tensor.Tensor, dt tensor.DType) *tensor.Tensor {
	c := copyTo(s, t) // a cast lies beside its operand, which may be the heap
	defer s.arena.Free(c)
	return c.Cast(dt)
}

func (s *Scope) unweight(t *tensor.Tensor, w *Var) {
	if t != w.t {
		s.arena.Free(t)
	}
}
