package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// source is what a gradient kernel takes beside dy.
type source bool

const (
	fromInput  source = false
	fromOutput source = true
)

// unary is an elementwise operation. Its gradient kernel takes the input or
// the output, and writes over dy.
func unary(op string, x *Var, f32 func(y, x []float32), f64 func(y, x []float64), from source, g32 func(dx, x, dy []float32), g64 func(dx, x, dy []float64)) *Var {
	y := out(op, x.Shape(), x)
	saved := x.s.dense(x.t)
	tensor.UnaryInto(op, y.t, saved, f32, f64)
	if from == fromOutput {
		saved = y.t
	}
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.over(dy)
		tensor.BinaryInto(op, dx, saved, dy, g32, g64)
		x.Give(dx)
	})
}

// Neg returns -x.
func Neg(x *Var) *Var {
	y := out("neg", x.Shape(), x)
	tensor.UnaryInto("neg", y.t, x.s.dense(x.t), kernel.Neg[float32], kernel.Neg[float64])
	return y.record(0, func(dy *tensor.Tensor) { x.Give(scaled(y.s.keep(dy), -1)) })
}

// Exp returns e to the power of x.
func Exp(x *Var) *Var {
	return unary("exp", x, kernel.Exp[float32], kernel.Exp[float64], fromOutput, kernel.Mul[float32], kernel.Mul[float64])
}

// Log returns the natural logarithm of x.
func Log(x *Var) *Var {
	return unary("log", x, kernel.Log[float32], kernel.Log[float64], fromInput, logGrad[float32], logGrad[float64])
}

func logGrad[T tensor.Float](dx, x, dy []T) { kernel.Div(dx, dy, x) }

// Sqrt returns the square root of x.
func Sqrt(x *Var) *Var {
	return unary("sqrt", x, kernel.Sqrt[float32], kernel.Sqrt[float64], fromOutput, sqrtGrad[float32], sqrtGrad[float64])
}

func sqrtGrad[T tensor.Float](dx, y, dy []T) {
	kernel.Div(dx, dy, y)
	kernel.Scale(dx, dx, 0.5)
}

// Square returns x².
func Square(x *Var) *Var {
	return unary("square", x, kernel.Square[float32], kernel.Square[float64], fromInput, squareGrad[float32], squareGrad[float64])
}

func squareGrad[T tensor.Float](dx, x, dy []T) {
	kernel.Mul(dx, x, dy)
	kernel.Scale(dx, dx, 2)
}

// Abs returns |x|; its gradient at 0 is 0.
func Abs(x *Var) *Var {
	return unary("abs", x, kernel.Abs[float32], kernel.Abs[float64], fromInput, absGrad[float32], absGrad[float64])
}

func absGrad[T tensor.Float](dx, x, dy []T) {
	for i, v := range x {
		switch {
		case v > 0:
			dx[i] = dy[i]
		case v < 0:
			dx[i] = -dy[i]
		default:
			dx[i] = 0
		}
	}
}

// Tanh returns the hyperbolic tangent of x.
func Tanh(x *Var) *Var {
	return unary("tanh", x, kernel.Tanh[float32], kernel.Tanh[float64], fromOutput, kernel.TanhGrad[float32], kernel.TanhGrad[float64])
}

// Sigmoid returns 1 / (1 + exp(-x)).
func Sigmoid(x *Var) *Var {
	return unary("sigmoid", x, kernel.Sigmoid[float32], kernel.Sigmoid[float64], fromOutput, kernel.SigmoidGrad[float32], kernel.SigmoidGrad[float64])
}
