package tensor

import (
	"fmt"
	"slices"
)

// Concat joins tensors of any one dtype along axis; their other dimensions are
// equal. It panics with *ShapeError if they are not, or if there is no tensor.
func Concat(axis int, ts ...*Tensor) *Tensor {
	const op = "concat"
	if len(ts) == 0 {
		Fail(op, "of no tensors")
	}
	first := ts[0]
	axis = first.Axis(op, axis)
	shape := first.Shape()
	shape[axis] = 0
	for _, t := range ts {
		t.check(op)
		fits := t.dt == first.dt && t.rank == first.rank
		for i, d := range t.dims() {
			fits = fits && (i == axis || d == shape[i])
		}
		if !fits {
			Fail(op, fmt.Sprintf("%v and %v do not join along axis %d", first.dt, t.dt, axis), first, t)
		}
		shape[axis] += t.shape[axis]
	}
	y := Like(first.dt, shape, first, ts[1:]...)
	at := 0
	for _, t := range ts {
		next := at + t.shape[axis]
		Copy(y.Slice(axis, at, next), t)
		at = next
	}
	return y
}

// Stack joins tensors of one shape and dtype along a new dimension before
// axis; axis may be their rank, or -1 for a new last one.
func Stack(axis int, ts ...*Tensor) *Tensor {
	const op = "stack"
	if len(ts) == 0 {
		Fail(op, "of no tensors")
	}
	views := make([]*Tensor, len(ts))
	for i, t := range ts {
		if !t.SameShape(ts[0]) {
			Fail(op, "shapes differ", ts[0], t)
		}
		views[i] = t.Unsqueeze(axis)
	}
	if axis < 0 {
		axis += ts[0].Rank() + 1
	}
	return Concat(axis, views...)
}

// Split returns views of successive parts of t along axis, of the given sizes.
// It panics with *ShapeError if they do not add up to Dim(axis).
func Split(t *Tensor, axis int, sizes ...int) []*Tensor {
	const op = "split"
	axis = t.Axis(op, axis)
	left := t.shape[axis]
	for _, n := range sizes {
		if n < 0 || n > left {
			left = -1
			break
		}
		left -= n
	}
	if left != 0 {
		Fail(op, fmt.Sprintf("parts of %v do not make up axis %d", slices.Clone(sizes), axis), t)
	}
	parts := make([]*Tensor, len(sizes))
	at := 0
	for i, n := range sizes {
		parts[i] = t.Slice(axis, at, at+n)
		at += n
	}
	return parts
}
