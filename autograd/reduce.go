package autograd

import "github.com/noema-ml/noema/tensor"

// Sum returns the sum over the given axes, which are removed; over all of
// them, to rank 0, if none is given.
func Sum(x *Var, axes ...int) *Var {
	y := outView("sum", tensor.Sum(x.t, axes...), x)
	shape := kept(x.t, axes)
	return y.record(0, func(dy *tensor.Tensor) {
		x.Lend(dy.Reshape(shape[:x.Rank()]...).Expand(x.Shape()...))
	})
}

// Mean returns the mean over the given axes, which are removed; over all of
// them, to rank 0, if none is given.
func Mean(x *Var, axes ...int) *Var {
	y := outView("mean", tensor.Mean(x.t, axes...), x)
	shape := kept(x.t, axes)
	return y.record(0, func(dy *tensor.Tensor) {
		if x.Len() == 0 {
			return
		}
		dx := scaled(y.s.keep(dy), float64(y.Len())/float64(x.Len()))
		x.Give(dx.Reshape(shape[:x.Rank()]...).Expand(x.Shape()...))
	})
}

// kept returns t's shape with the reduced axes, all if none is given, of size
// 1.
func kept(t *tensor.Tensor, axes []int) (shape [tensor.MaxRank]int) {
	for i := range t.Rank() {
		if shape[i] = t.Dim(i); len(axes) == 0 {
			shape[i] = 1
		}
	}
	for _, a := range axes {
		shape[t.Axis("sum", a)] = 1
	}
	return shape
}

// Max returns the largest elements along axis, which is removed; the first of
// equal ones gets the gradient. It panics with *tensor.ShapeError on an axis
// of size 0.
func Max(x *Var, axis int) *Var {
	values, index := tensor.Max(x.t, axis)
	return extreme("max", x, axis, values, index)
}

// Min returns the smallest elements along axis, as Max does.
func Min(x *Var, axis int) *Var {
	values, index := tensor.Min(x.t, axis)
	return extreme("min", x, axis, values, index)
}

func extreme(op string, x *Var, axis int, values, index *tensor.Tensor) *Var {
	axis = x.t.Axis(op, axis)
	y := outView(op, values, x)
	return y.record(0, func(dy *tensor.Tensor) {
		tensor.ScatterAdd(x.sink(), axis, index.Unsqueeze(axis), dy.Unsqueeze(axis))
	})
}

// CumSum returns the sums of the elements up to and including each one along
// axis.
func CumSum(x *Var, axis int) *Var {
	y := outView("cumsum", tensor.CumSum(x.t, axis), x)
	return y.record(0, func(dy *tensor.Tensor) { x.Give(tensor.CumSumReverse(dy, axis)) })
}

// Variance returns the population variance along axis, which is removed: the
// mean of (x - mean)².
func Variance(x *Var, axis int) *Var {
	axis = x.t.Axis("variance", axis)
	y := outView("variance", tensor.Variance(x.t, axis), x)
	return y.record(0, func(dy *tensor.Tensor) {
		mean := tensor.Mean(x.t, axis)
		dx := subInto(y.s.like(x.t), x.t, mean.Unsqueeze(axis))
		y.s.arena.Free(mean)
		mulInto(dx, dx, dy.Unsqueeze(axis))
		x.Give(scaled(dx, 2/float64(max(1, x.Dim(axis)))))
	})
}
