package tensor

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
)

// Softmax returns exp(x)/Σexp(x) along axis. Where all elements are -Inf the
// result is 0.
func Softmax(t *Tensor, axis int) *Tensor {
	return mapRows("softmax", t, axis, kernel.Softmax[float32], kernel.Softmax[float64])
}

// LogSoftmax returns x - log Σexp(x) along axis. Where all elements are -Inf
// they stay so.
func LogSoftmax(t *Tensor, axis int) *Tensor {
	return mapRows("log softmax", t, axis, kernel.LogSoftmax[float32], kernel.LogSoftmax[float64])
}

// LogSumExp returns log Σexp(x) along axis, which is removed; -Inf where all
// elements are -Inf or there are none.
func LogSumExp(t *Tensor, axis int) *Tensor {
	return reduceRows("log sum exp", t, axis, kernel.LogSumExp[float32], kernel.LogSumExp[float64])
}

// Variance returns the population variance along axis, which is removed: the
// mean of (x - mean)². NaN over nothing.
func Variance(t *Tensor, axis int) *Tensor {
	return reduceRows("variance", t, axis, variance[float32], variance[float64])
}

func variance[T Float](dst, x []T, cols int) {
	for i := range dst {
		row := x[i*cols : (i+1)*cols]
		mean := float64(kernel.Sum(row)) / float64(cols)
		var sum, rest float64
		for _, v := range row {
			d := float64(v) - mean
			sum += d * d
			rest += d // what the mean's rounding left
		}
		dst[i] = T((sum - rest*rest/float64(cols)) / float64(cols))
	}
}

// lastAxis returns a contiguous t whose last dimension is axis, swapped there
// if it was not; drop releases it.
func lastAxis(t *Tensor, axis int) *Tensor {
	if axis == int(t.rank)-1 {
		return t.Contiguous()
	}
	return t.Transpose(axis, -1).Contiguous()
}

// mapRows applies a kernel over rows of cols elements along axis.
func mapRows(op string, t *Tensor, axis int, f32 func(d, x []float32, cols int), f64 func(d, x []float64, cols int)) *Tensor {
	floats(op, t)
	axis = t.Axis(op, axis)
	y := Like(t.dt, t.dims(), t)
	if t.Len() == 0 {
		return y
	}
	x := lastAxis(t, axis)
	d := y
	if axis != int(t.rank)-1 {
		d = Like(t.dt, x.dims(), t)
	}
	if t.dt == Float32 {
		eachRows(Data[float32](d), Data[float32](x), x.Dim(-1), f32)
	} else {
		eachRows(Data[float64](d), Data[float64](x), x.Dim(-1), f64)
	}
	if d != y {
		Copy(y, d.Transpose(axis, -1))
		drop(d, y)
	}
	drop(x, t)
	return y
}

func eachRows[T Float](d, x []T, cols int, f func(d, x []T, cols int)) {
	parallel.For(len(x)/cols, max(1, grain/4/cols), func(lo, hi int) {
		f(d[lo*cols:hi*cols], x[lo*cols:hi*cols], cols)
	})
}

// reduceRows applies a kernel that makes one element of each row along axis.
func reduceRows(op string, t *Tensor, axis int, f32 func(d, x []float32, cols int), f64 func(d, x []float64, cols int)) *Tensor {
	floats(op, t)
	axis = t.Axis(op, axis)
	shape := without(t, axis)
	y := Like(t.dt, shape, t)
	if y.Len() == 0 {
		return y
	}
	// Moving the axis to the end, not swapping it there, keeps the others'
	// order.
	var order [MaxRank]int
	n := 0
	for i := range t.dims() {
		if i != axis {
			order[n] = i
			n++
		}
	}
	order[n] = axis
	x := t.Permute(order[:t.rank]...).Contiguous()
	if t.dt == Float32 {
		eachRow(Data[float32](y), Data[float32](x), x.Dim(-1), f32)
	} else {
		eachRow(Data[float64](y), Data[float64](x), x.Dim(-1), f64)
	}
	drop(x, t)
	return y
}

func eachRow[T Float](d, x []T, cols int, f func(d, x []T, cols int)) {
	parallel.For(len(d), max(1, grain/4/max(1, cols)), func(lo, hi int) {
		f(d[lo:hi], x[lo*cols:hi*cols], cols)
	})
}
