package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Add returns a + b, broadcast.
func Add(a, b *Var) *Var {
	y := outView("add", tensor.Add(a.t, b.t), a, b)
	return y.record(0, func(dy *tensor.Tensor) {
		a.lendSum(dy)
		b.lendSum(dy)
	})
}

// Sub returns a - b, broadcast.
func Sub(a, b *Var) *Var {
	y := outView("sub", tensor.Sub(a.t, b.t), a, b)
	return y.record(0, func(dy *tensor.Tensor) {
		a.lendSum(dy)
		if b.needs {
			b.giveSum(tensor.Neg(dy))
		}
	})
}

// Mul returns a · b elementwise, broadcast.
func Mul(a, b *Var) *Var {
	y := outView("mul", tensor.Mul(a.t, b.t), a, b)
	return y.record(0, func(dy *tensor.Tensor) {
		if a.needs {
			a.giveSum(tensor.Mul(dy, b.t))
		}
		if b.needs {
			b.giveSum(tensor.Mul(dy, a.t))
		}
	})
}

// lendSum adds dy, summed over the dimensions in which v was broadcast.
func (v *Var) lendSum(dy *tensor.Tensor) {
	if !v.needs {
		return
	}
	if dy.SameShape(v.t) {
		v.Lend(dy)
	} else {
		v.Give(tensor.SumTo(dy, v.t.Shape()...))
	}
}

// giveSum is lendSum for a gradient that v may keep.
func (v *Var) giveSum(dx *tensor.Tensor) {
	if dx.SameShape(v.t) {
		v.Give(dx)
	} else {
		v.Give(tensor.SumTo(dx, v.t.Shape()...))
		v.s.arena.Free(dx)
	}
}

// Scale returns c·x.
func Scale(x *Var, c float64) *Var {
	y := outView("scale", tensor.Scale(x.t, c), x)
	return y.record(0, func(dy *tensor.Tensor) { x.Give(tensor.Scale(dy, c)) })
}

// GELU returns x·Φ(x), Φ the normal distribution function by erf (Hendrycks
// and Gimpel 2016, arXiv 1606.08415).
func GELU(x *Var) *Var {
	return unary("gelu", x, kernel.GELU[float32], kernel.GELU[float64], kernel.GELUGrad[float32], kernel.GELUGrad[float64])
}

// unary is an operation whose gradient kernel takes the input.
func unary(op string, x *Var, f32 func(y, x []float32), f64 func(y, x []float64), g32 func(dx, x, dy []float32), g64 func(dx, x, dy []float64)) *Var {
	y := out(op, x.Shape(), x)
	tensor.UnaryInto(op, y.t, x.t, f32, f64)
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.New(x.DType(), x.Shape()...)
		tensor.BinaryInto(op, dx, x.t, dy, g32, g64)
		x.Give(dx)
	})
}
