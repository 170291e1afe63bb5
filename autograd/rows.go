package autograd

import (
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/tensor"
)

// grain is the number of elements below which work is not split over cores.
const grain = 1 << 14

// split calls body for chunks of n rows of cols elements. The chunks depend on
// the sizes alone.
func split(n, cols int, body func(lo, hi int)) {
	parallel.For(n, max(1, grain/max(cols, 1)), body)
}

// rowCount returns the number of rows along t's last dimension.
func rowCount(t *tensor.Tensor) int {
	n := 1
	for i := range t.Rank() - 1 {
		n *= t.Dim(i)
	}
	return n
}

// rows returns t as a matrix of rows along its last dimension.
func rows(t *tensor.Tensor) *tensor.Tensor { return t.Reshape(rowCount(t), t.Dim(-1)) }

// dense returns t itself if it is contiguous, else a copy in s's arena.
func (s *Scope) dense(t *tensor.Tensor) *tensor.Tensor {
	if t.IsContiguous() {
		return t
	}
	return copyTo(s, t)
}

// like returns a tensor of t's dtype and shape, with undefined contents.
func (s *Scope) like(t *tensor.Tensor) *tensor.Tensor { return s.New(t.DType(), t.Shape()...) }

// copyTo returns a copy of t in s's arena.
func copyTo(s *Scope, t *tensor.Tensor) *tensor.Tensor {
	c := s.like(t)
	tensor.Copy(c, t)
	return c
}

// sink returns v's gradient buffer for an operation that adds to parts of it:
// Into with the zeros written.
func (v *Var) sink() *tensor.Tensor {
	dst, beta := v.Into()
	if beta == 0 {
		tensor.Fill(dst, 0)
	}
	return dst
}

// toLast returns x with axis moved to the end.
func toLast(op string, x *Var, axis int) *Var {
	axis = x.t.Axis(op, axis)
	if axis == x.Rank()-1 {
		return x
	}
	axes := make([]int, 0, tensor.MaxRank)
	for i := range x.Rank() {
		if i != axis {
			axes = append(axes, i)
		}
	}
	return Permute(x, append(axes, axis)...)
}

// rowwise computes y, of x's shape, from the rows of x with a kernel that
// takes their length.
func rowwise(y, x *tensor.Tensor, f32 func(y, x []float32, cols int), f64 func(y, x []float64, cols int)) {
	if x.DType() == tensor.Float32 {
		rowwiseTyped(y, x, f32)
	} else {
		rowwiseTyped(y, x, f64)
	}
}

func rowwiseTyped[T tensor.Float](y, x *tensor.Tensor, f func(y, x []T, cols int)) {
	d, s, cols := tensor.Data[T](y), tensor.Data[T](x), x.Dim(-1)
	if len(s) == 0 {
		return
	}
	split(len(s)/cols, cols, func(lo, hi int) { f(d[lo*cols:hi*cols], s[lo*cols:hi*cols], cols) })
}

// rowwiseGrad computes dx, which may be dy, from the rows of y and dy.
func rowwiseGrad(dx, y, dy *tensor.Tensor, f32 func(dx, y, dy []float32, cols int), f64 func(dx, y, dy []float64, cols int)) {
	if y.DType() == tensor.Float32 {
		rowwiseGradTyped(dx, y, dy, f32)
	} else {
		rowwiseGradTyped(dx, y, dy, f64)
	}
}

func rowwiseGradTyped[T tensor.Float](dx, y, dy *tensor.Tensor, f func(dx, y, dy []T, cols int)) {
	d, o, g, cols := tensor.Data[T](dx), tensor.Data[T](y), tensor.Data[T](dy), y.Dim(-1)
	if len(o) == 0 {
		return
	}
	split(len(o)/cols, cols, func(lo, hi int) {
		f(d[lo*cols:hi*cols], o[lo*cols:hi*cols], g[lo*cols:hi*cols], cols)
	})
}

// perRow computes y, one element a row of x.
func perRow(y, x *tensor.Tensor, f32 func(y, x []float32, cols int), f64 func(y, x []float64, cols int)) {
	if x.DType() == tensor.Float32 {
		perRowTyped(y, x, f32)
	} else {
		perRowTyped(y, x, f64)
	}
}

func perRowTyped[T tensor.Float](y, x *tensor.Tensor, f func(y, x []T, cols int)) {
	d, s, cols := tensor.Data[T](y), tensor.Data[T](x), x.Dim(-1)
	split(len(d), cols, func(lo, hi int) { f(d[lo:hi], s[lo*cols:hi*cols], cols) })
}
