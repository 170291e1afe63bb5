package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// binary starts an elementwise operation on a and b, broadcast under NumPy's
// rules, and computes its value.
func binary(op string, a, b *Var, f32 func(d, a, b []float32), f64 func(d, a, b []float64)) *Var {
	y := out(op, tensor.BroadcastShape(op, a.t, b.t), a, b)
	tensor.BinaryInto(op, y.t, a.t, b.t, f32, f64)
	return y
}

// mulInto and its siblings write to dst, which may be an operand.
func mulInto(dst, a, b *tensor.Tensor) *tensor.Tensor {
	tensor.BinaryInto("mul", dst, a, b, kernel.Mul[float32], kernel.Mul[float64])
	return dst
}

func subInto(dst, a, b *tensor.Tensor) *tensor.Tensor {
	tensor.BinaryInto("sub", dst, a, b, kernel.Sub[float32], kernel.Sub[float64])
	return dst
}

func divInto(dst, a, b *tensor.Tensor) *tensor.Tensor {
	tensor.BinaryInto("div", dst, a, b, kernel.Div[float32], kernel.Div[float64])
	return dst
}

// scaled multiplies t by c in place.
func scaled(t *tensor.Tensor, c float64) *tensor.Tensor {
	tensor.ScaleTo(t, c)
	return t
}

// lendSum adds dy, summed over the dimensions in which v was broadcast.
func (v *Var) lendSum(dy *tensor.Tensor) {
	switch {
	case !v.Needs():
	case dy.SameShape(v.t):
		v.Lend(dy)
	default:
		v.Give(tensor.SumTo(dy, v.t.Shape()...))
	}
}

// giveSum is lendSum for a gradient that v may keep.
func (v *Var) giveSum(dx *tensor.Tensor) {
	if !v.Needs() || dx.SameShape(v.t) {
		v.Give(dx)
		return
	}
	v.Give(tensor.SumTo(dx, v.t.Shape()...))
	v.s.arena.Free(dx)
}

// wanted returns a and b with one that needs a gradient last: it takes over
// the buffer of dy.
func wanted(a, b *Var) (first, last *Var) {
	if b.needs {
		return a, b
	}
	return b, a
}

// Add returns a + b, broadcast.
func Add(a, b *Var) *Var {
	y := binary("add", a, b, kernel.Add[float32], kernel.Add[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		first, last := wanted(a, b)
		first.lendSum(dy)
		last.giveSum(y.s.keep(dy))
	})
}

// Sub returns a - b, broadcast.
func Sub(a, b *Var) *Var {
	y := binary("sub", a, b, kernel.Sub[float32], kernel.Sub[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		if !b.needs {
			a.giveSum(y.s.keep(dy))
			return
		}
		a.lendSum(dy)
		b.giveSum(scaled(y.s.keep(dy), -1))
	})
}

// Mul returns a · b elementwise, broadcast.
func Mul(a, b *Var) *Var {
	y := binary("mul", a, b, kernel.Mul[float32], kernel.Mul[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		first, last := wanted(a, b)
		if first.needs {
			first.giveSum(mulInto(y.s.like(dy), dy, last.t))
		}
		last.giveSum(mulInto(y.s.keep(dy), dy, first.t))
	})
}

// Div returns a / b elementwise, broadcast.
func Div(a, b *Var) *Var {
	y := binary("div", a, b, kernel.Div[float32], kernel.Div[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		da := divInto(y.s.keep(dy), dy, b.t)
		if b.needs { // -dy·a/b² = -da·y
			b.giveSum(scaled(mulInto(y.s.like(da), da, y.t), -1))
		}
		a.giveSum(da)
	})
}

// Maximum returns the larger of a and b elementwise, broadcast; equal ones
// share the gradient.
func Maximum(a, b *Var) *Var {
	y := binary("maximum", a, b, kernel.Max[float32], kernel.Max[float64])
	return y.record(0, func(dy *tensor.Tensor) { choiceGrad(y, a, b, dy, share[float32](1), share[float64](1)) })
}

// Minimum returns the smaller of a and b elementwise, broadcast; equal ones
// share the gradient.
func Minimum(a, b *Var) *Var {
	y := binary("minimum", a, b, kernel.Min[float32], kernel.Min[float64])
	return y.record(0, func(dy *tensor.Tensor) { choiceGrad(y, a, b, dy, share[float32](-1), share[float64](-1)) })
}

// share returns a kernel for the part of the gradient that a gets: 1 where
// sign·a is larger than sign·b, ½ where they are equal, else 0.
func share[T tensor.Float](sign T) func(d, a, b []T) {
	return func(d, a, b []T) {
		for i := range d {
			x, y := a[min(i, len(a)-1)], b[min(i, len(b)-1)]
			switch d[i] = 0; {
			case x == y:
				d[i] = 0.5
			case sign*x > sign*y:
				d[i] = 1
			}
		}
	}
}

func choiceGrad(y, a, b *Var, dy *tensor.Tensor, s32 func(d, a, b []float32), s64 func(d, a, b []float64)) {
	da := y.s.like(dy)
	tensor.BinaryInto(y.op, da, a.t, b.t, s32, s64)
	mulInto(da, da, dy)
	if b.needs {
		b.giveSum(subInto(y.s.keep(dy), dy, da))
	}
	a.giveSum(da)
}

// Scale returns c·x.
func Scale(x *Var, c float64) *Var {
	y := out("scale", x.Shape(), x)
	tensor.ScaleInto(y.t, x.s.dense(x.t), c)
	return y.record(0, func(dy *tensor.Tensor) { x.Give(scaled(y.s.keep(dy), c)) })
}

// AddScalar returns x + c.
func AddScalar(x *Var, c float64) *Var {
	y := out("add scalar", x.Shape(), x)
	tensor.UnaryInto("add scalar", y.t, x.s.dense(x.t),
		func(d, x []float32) { kernel.Add(d, x, []float32{float32(c)}) },
		func(d, x []float64) { kernel.Add(d, x, []float64{c}) })
	return y.record(0, func(dy *tensor.Tensor) { x.Give(y.s.keep(dy)) })
}
