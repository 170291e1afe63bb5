package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Softmax returns exp(x)/Σexp(x) along axis. A row that is all -Inf gives
// zeros.
func Softmax(x *Var, axis int) *Var {
	if axis = x.t.Axis("softmax", axis); axis != x.Rank()-1 {
		return Transpose(Softmax(Transpose(x, axis, -1), -1), axis, -1)
	}
	y := out("softmax", x.Shape(), x)
	rowwise(y.t, y.s.dense(x.t), kernel.Softmax[float32], kernel.Softmax[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.over(dy)
		rowwiseGrad(dx, y.t, dy, kernel.SoftmaxGrad[float32], kernel.SoftmaxGrad[float64])
		x.Give(dx)
	})
}

// LogSoftmax returns x - log Σexp(x) along axis.
func LogSoftmax(x *Var, axis int) *Var {
	if axis = x.t.Axis("log softmax", axis); axis != x.Rank()-1 {
		return Transpose(LogSoftmax(Transpose(x, axis, -1), -1), axis, -1)
	}
	y := out("log softmax", x.Shape(), x)
	rowwise(y.t, y.s.dense(x.t), kernel.LogSoftmax[float32], kernel.LogSoftmax[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.over(dy)
		rowwiseGrad(dx, y.t, dy, kernel.LogSoftmaxGrad[float32], kernel.LogSoftmaxGrad[float64])
		x.Give(dx)
	})
}

// LogSumExp returns log Σexp(x) along axis, which is removed. A row that is
// all -Inf gives -Inf, and no gradient.
func LogSumExp(x *Var, axis int) *Var {
	x = toLast("logsumexp", x, axis)
	shape := x.Shape()
	y := out("logsumexp", shape[:len(shape)-1], x)
	saved := y.s.dense(x.t)
	perRow(y.t, saved, kernel.LogSumExp[float32], kernel.LogSumExp[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.like(saved)
		rowwise(dx, saved, kernel.Softmax[float32], kernel.Softmax[float64])
		x.Give(mulInto(dx, dx, dy.Unsqueeze(-1)))
	})
}
