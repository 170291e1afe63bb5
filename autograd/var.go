package autograd

import (
	"fmt"
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// Var is a value of a pass: a tensor, the scope that made it and, if the scope
// records, the way back to what it was computed from. It is immutable.
type Var struct {
	t     *tensor.Tensor
	s     *Scope
	param *Param
	grad  *tensor.Tensor // dense, in the scope's arena; Params keep their own
	op    string
	pass  uint32
	needs bool // a gradient is wanted
}

// Value returns the tensor, valid until the scope is Reset.
func (v *Var) Value() *tensor.Tensor { return v.t }

// Detach returns a copy on the heap, which outlives the pass.
func (v *Var) Detach() *tensor.Tensor { return v.t.Clone() }

// Grad returns a Leaf's gradient after Backward, valid until Reset; nil if
// none reached it. It is a Tensor, so second order is refused by type.
func (v *Var) Grad() *tensor.Tensor {
	if v.param != nil {
		return v.param.Grad
	}
	return v.grad
}

// Scope returns the scope that made v.
func (v *Var) Scope() *Scope { return v.s }

// Shape returns a copy of the dimensions.
func (v *Var) Shape() []int { return v.t.Shape() }

// Dim returns the size of dimension i; a negative i counts from the end.
func (v *Var) Dim(i int) int { return v.t.Dim(i) }

// Rank returns the number of dimensions.
func (v *Var) Rank() int { return v.t.Rank() }

// Len returns the number of elements.
func (v *Var) Len() int { return v.t.Len() }

// DType returns the element type.
func (v *Var) DType() tensor.DType { return v.t.DType() }

// Needs reports whether a gradient is wanted, so that a back function may skip
// the work for an operand that does not.
func (v *Var) Needs() bool { return v != nil && v.needs }

// String describes the value and where it came from.
func (v *Var) String() string { return fmt.Sprintf("%s: %v", v.op, v.t) }

// out starts an operation on xs, all float32 or all float64: it returns the
// result with a tensor of that dtype and undefined contents. It panics if the
// operands are of two scopes or of an earlier pass.
func out(op string, shape []int, xs ...*Var) *Var {
	y := start(op, xs...)
	dt := xs[0].t.DType()
	for _, x := range xs {
		if x.t.DType() != dt || !dt.IsFloat() {
			tensor.Fail(op, fmt.Sprintf("dtypes %v and %v", dt, x.t.DType()), xs[0].t, x.t)
		}
	}
	y.t = y.s.arena.New(dt, shape...)
	return y
}

// outView is out for a result whose tensor is there already, of any dtype.
func outView(op string, t *tensor.Tensor, xs ...*Var) *Var {
	y := start(op, xs...)
	y.t = t
	return y
}

// start is out without the tensor; nils among xs but the first are skipped.
func start(op string, xs ...*Var) *Var {
	s := xs[0].s
	if s.busy {
		panic(op + ": in a scope that waits for Recompute; its function must use the scope and the Vars that it is given")
	}
	y := s.newVar(Var{op: op})
	for _, x := range xs {
		if x == nil {
			continue
		}
		if x.s != s {
			panic(fmt.Sprintf("%s: operands of two scopes (%s and %s); pass a Var into Recompute as an argument, and a tensor between scopes with Const", op, xs[0].op, x.op))
		}
		if x.pass != s.pass || !x.t.Valid() {
			panic(&tensor.ReleasedError{Op: op, DType: x.t.DType(), Shape: x.Shape()})
		}
		y.needs = y.needs || x.needs
	}
	if s.CheckFinite {
		s.inputs = append(s.inputs[:0], xs...)
	}
	return y
}

// record is the single exit of every operation: it counts the FLOPs, looks for
// non-finite values if the scope is asked to, and puts back on the tape if a
// gradient is wanted. back gets dy, the dense gradient of y, which is lent: it
// may be kept (Scope.keep) but not changed otherwise.
func (y *Var) record(flops int, back func(dy *tensor.Tensor)) *Var {
	s := y.s
	s.FLOPs += int64(flops)
	if s.CheckFinite {
		s.blame(y)
	}
	if y.needs {
		e := entry{y: y, back: back}
		if s.CheckFinite {
			e.inputs = slices.Clone(s.inputs)
		}
		s.tape = append(s.tape, e)
	}
	return y
}

// Custom records an operation written elsewhere: y was computed from in, and
// back hands the inputs that need it (Var.Needs) their gradients, with Lend or
// with Give of a tensor of its own: dy, the dense gradient of y, is lent. y must
// live in the scope's arena (Scope.New) or on the heap.
func Custom(op string, y *tensor.Tensor, back func(dy *tensor.Tensor), in ...*Var) *Var {
	return outView(op, y, in...).record(0, back)
}

// Give hands v its gradient dx (or one more addend of it), of v's shape. dx
// now belongs to v; the caller must not use it again.
func (v *Var) Give(dx *tensor.Tensor) {
	switch {
	case !v.Needs():
		v.s.arena.Free(dx)
	case v.param == nil && v.grad == nil:
		if v.grad = v.s.dense(dx); v.grad != dx {
			v.s.arena.Free(dx)
		}
	default:
		v.Lend(dx)
		v.s.arena.Free(dx)
	}
}

// Lend adds dx, which stays the caller's, to v's gradient.
func (v *Var) Lend(dx *tensor.Tensor) {
	if !v.Needs() {
		return
	}
	dst, beta := v.Into()
	if beta == 0 {
		tensor.Copy(dst, dx)
	} else {
		tensor.AddTo(dst, dx)
	}
}

// Into returns the gradient buffer of v for an operation that accumulates into
// its destination: dst = … + beta·dst. With beta 0 the contents are undefined
// and must all be written.
func (v *Var) Into() (dst *tensor.Tensor, beta float64) {
	if v.param != nil {
		return v.param.into()
	}
	if v.grad == nil {
		v.grad = v.s.arena.New(v.t.DType(), v.t.Shape()...)
		return v.grad, 0
	}
	return v.grad, 1
}

// keep takes over the gradient that was lent to the running back function, so
// that it or a view of it can be given on without a copy.
func (s *Scope) keep(dy *tensor.Tensor) *tensor.Tensor {
	if dy == s.lent {
		return copyTo(s, dy)
	}
	s.kept = s.kept || dy == s.dy
	return dy
}

// over is keep for a function that writes another gradient over dy, element by
// element: the contents of the result are dy's or undefined.
func (s *Scope) over(dy *tensor.Tensor) *tensor.Tensor {
	if dy == s.lent {
		return s.like(dy)
	}
	return s.keep(dy)
}

// Backward adds the gradient of v, a single element, to every Param and Leaf
// that it depends on. It consumes the tape: a second Backward in the same pass
// sees only what was recorded since. It panics with *tensor.ShapeError if v
// has more than one element, or if its scope does not record.
func (v *Var) Backward() {
	if !v.s.grad {
		tensor.Fail("backward", "the scope does not record", v.t)
	}
	if v.Len() != 1 {
		tensor.Fail("backward", "needs a single element; sum the loss first", v.t)
	}
	seed := v.s.New(v.DType(), v.Shape()...)
	tensor.Fill(seed, 1)
	v.backward(seed)
}

// BackwardFrom is Backward for a v of any size: dy, of v's dtype and shape, is
// the gradient of the loss with respect to it. dy stays the caller's and is
// not changed.
func (v *Var) BackwardFrom(dy *tensor.Tensor) {
	switch {
	case !v.s.grad:
		tensor.Fail("backward", "the scope does not record", v.t)
	case dy.DType() != v.DType() || !dy.SameShape(v.t):
		tensor.Fail("backward", "the gradient does not fit", v.t, dy)
	}
	s := v.s
	s.lent = s.dense(dy)
	defer func() { s.lent = nil }()
	v.backward(s.lent)
}

// backward is Backward from a given gradient of v, which it takes over unless
// it is lent.
func (v *Var) backward(seed *tensor.Tensor) {
	s := v.s
	switch {
	case v.pass != s.pass:
		panic(&tensor.ReleasedError{Op: "backward", DType: v.DType(), Shape: v.Shape()})
	case seed == s.lent && (!v.needs || v.param != nil || v.op == "leaf" || v.grad != nil):
		v.Lend(seed)
	default:
		v.Give(seed)
	}
	for i := len(s.tape) - 1; i >= 0; i-- {
		e := s.tape[i]
		s.tape[i] = entry{}
		s.tape = s.tape[:i] // so that a panic leaves no gap
		dy := e.y.grad
		if dy == nil {
			continue
		}
		e.y.grad, s.dy, s.kept = nil, dy, false
		e.back(dy)
		if !s.kept && dy != s.lent {
			s.arena.Free(dy)
		}
		if s.CheckFinite {
			s.blameGrad(e)
		}
	}
	s.dy = nil
}
