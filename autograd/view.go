package autograd

import (
	"fmt"

	"github.com/noema-ml/noema/tensor"
)

// Reshape returns x with another shape of as many elements; one dimension may
// be -1 and is inferred. Like the other views it shares x's storage where it
// can, and its gradient is handed on without a copy.
func Reshape(x *Var, shape ...int) *Var { return reshaped("reshape", x, x.t.Reshape(shape...)) }

// Unsqueeze returns x with a dimension of size 1 inserted before axis; axis
// may be Rank(), or -1 for a new last dimension.
func Unsqueeze(x *Var, axis int) *Var { return reshaped("unsqueeze", x, x.t.Unsqueeze(axis)) }

// Squeeze returns x without dimension axis, which must be of size 1.
func Squeeze(x *Var, axis int) *Var { return reshaped("squeeze", x, x.t.Squeeze(axis)) }

func reshaped(op string, x *Var, t *tensor.Tensor) *Var {
	y := outView(op, t, x)
	if !y.needs { // saves the closure
		return y.record(0, nil)
	}
	return y.record(0, func(dy *tensor.Tensor) { x.Give(y.s.keep(dy).Reshape(x.Shape()...)) })
}

// Permute returns x with its dimensions reordered: dimension i is x's
// axes[i].
func Permute(x *Var, axes ...int) *Var {
	y := outView("permute", x.t.Permute(axes...), x)
	var inverse [tensor.MaxRank]int
	for i, a := range axes {
		inverse[x.t.Axis("permute", a)] = i
	}
	n := len(axes)
	return y.record(0, func(dy *tensor.Tensor) { x.Give(y.s.keep(dy).Permute(inverse[:n]...)) })
}

// Transpose returns x with dimensions i and j swapped.
func Transpose(x *Var, i, j int) *Var {
	y := outView("transpose", x.t.Transpose(i, j), x)
	return y.record(0, func(dy *tensor.Tensor) { x.Give(y.s.keep(dy).Transpose(i, j)) })
}

// Slice returns positions lo to hi (exclusive) along axis.
func Slice(x *Var, axis, lo, hi int) *Var {
	y := outView("slice", x.t.Slice(axis, lo, hi), x)
	return y.record(0, func(dy *tensor.Tensor) { tensor.AddTo(x.sink().Slice(axis, lo, hi), dy) })
}

// Expand returns x with dimensions of size 1, and new leading ones, repeated
// to the given shape.
func Expand(x *Var, shape ...int) *Var {
	y := outView("expand", x.t.Expand(shape...), x)
	return y.record(0, func(dy *tensor.Tensor) { x.giveSum(y.s.keep(dy)) })
}

// Split returns the consecutive parts of x of the given sizes along axis. It
// panics with *tensor.ShapeError unless they add up to x's size.
func Split(x *Var, axis int, sizes ...int) []*Var {
	ys := make([]*Var, len(sizes))
	at := 0
	for i, n := range sizes {
		ys[i] = Slice(x, axis, at, at+n)
		at += n
	}
	if at != x.Dim(axis) {
		tensor.Fail("split", fmt.Sprintf("parts %v of axis %d leave a rest", append([]int(nil), sizes...), axis), x.t)
	}
	return ys
}

// Concat returns xs joined along axis; their other dimensions are equal.
func Concat(axis int, xs ...*Var) *Var {
	if len(xs) == 0 {
		tensor.Fail("concat", "nothing to join")
	}
	axis = xs[0].t.Axis("concat", axis)
	shape := xs[0].Shape()
	for _, x := range xs[1:] {
		for i := range max(x.Rank(), len(shape)) {
			if x.Rank() != len(shape) || i != axis && x.Dim(i) != shape[i] {
				tensor.Fail("concat", fmt.Sprintf("shapes differ outside axis %d", axis), tensors(xs)...)
			}
		}
		shape[axis] += x.Dim(axis)
	}
	y := out("concat", shape, xs...)
	parts := func(t *tensor.Tensor, each func(x *Var, part *tensor.Tensor)) {
		at := 0
		for _, x := range xs {
			each(x, t.Slice(axis, at, at+x.Dim(axis)))
			at += x.Dim(axis)
		}
	}
	parts(y.t, func(x *Var, part *tensor.Tensor) { tensor.Copy(part, x.t) })
	return y.record(0, func(dy *tensor.Tensor) { parts(dy, (*Var).Lend) })
}

// Stack returns xs, all of one shape, joined along a new dimension axis.
func Stack(axis int, xs ...*Var) *Var {
	if len(xs) == 0 {
		tensor.Fail("stack", "nothing to join")
	}
	shape := xs[0].t.Unsqueeze(axis).Shape()
	if axis < 0 {
		axis += len(shape)
	}
	for _, x := range xs {
		if !x.t.SameShape(xs[0].t) {
			tensor.Fail("stack", "shapes differ", tensors(xs)...)
		}
	}
	shape[axis] = len(xs)
	y := out("stack", shape, xs...)
	for i, x := range xs {
		tensor.Copy(y.t.Select(axis, i), x.t)
	}
	return y.record(0, func(dy *tensor.Tensor) {
		for i, x := range xs {
			x.Lend(dy.Select(axis, i))
		}
	})
}

func tensors(xs []*Var) []*tensor.Tensor {
	ts := make([]*tensor.Tensor, len(xs))
	for i, x := range xs {
		ts[i] = x.t
	}
	return ts
}
