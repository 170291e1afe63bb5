package tensor

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
)

// Add returns a + b, broadcast. Like every operation on two tensors it panics
// with *ShapeError if the dtypes differ or the shapes do not broadcast.
func Add(a, b *Tensor) *Tensor { return binary("add", a, b, kernel.Add[float32], kernel.Add[float64]) }

// Sub returns a - b, broadcast.
func Sub(a, b *Tensor) *Tensor { return binary("sub", a, b, kernel.Sub[float32], kernel.Sub[float64]) }

// Mul returns a · b elementwise, broadcast.
func Mul(a, b *Tensor) *Tensor { return binary("mul", a, b, kernel.Mul[float32], kernel.Mul[float64]) }

// Div returns a / b elementwise, broadcast.
func Div(a, b *Tensor) *Tensor { return binary("div", a, b, kernel.Div[float32], kernel.Div[float64]) }

// Maximum returns the larger of a and b elementwise, broadcast; NaN if either is.
func Maximum(a, b *Tensor) *Tensor {
	return binary("maximum", a, b, kernel.Max[float32], kernel.Max[float64])
}

// Minimum returns the smaller of a and b elementwise, broadcast; NaN if either is.
func Minimum(a, b *Tensor) *Tensor {
	return binary("minimum", a, b, kernel.Min[float32], kernel.Min[float64])
}

func binary(op string, a, b *Tensor, f32 func(d, a, b []float32), f64 func(d, a, b []float64)) *Tensor {
	dst := Like(a.dt, BroadcastShape(op, a, b), a, b)
	BinaryInto(op, dst, a, b, f32, f64)
	return dst
}

// AddTo adds b, broadcast, to dst in place. dst may be strided.
func AddTo(dst, b *Tensor) {
	BinaryInto("add", dst, dst, b, kernel.Add[float32], kernel.Add[float64])
}

// AddScaled adds c·x to dst in place, without broadcasting.
func AddScaled(dst, x *Tensor, c float64) {
	if !dst.SameShape(x) || dst.dt != x.dt {
		Fail("add scaled", "shapes or dtypes differ", dst, x)
	}
	BinaryInto("add scaled", dst, dst, x,
		func(d, _, b []float32) { kernel.AddScaled(d, b, float32(c)) },
		func(d, _, b []float64) { kernel.AddScaled(d, b, c) })
}

// BinaryInto writes f applied to a and b, broadcast, to dst, which may be
// strided and may be a or b. f's slices may alias; one of one element repeats.
func BinaryInto(op string, dst, a, b *Tensor, f32 func(d, a, b []float32), f64 func(d, a, b []float64)) {
	a.check(op)
	b.check(op)
	if a.dt != b.dt || !a.dt.IsFloat() {
		Fail(op, fmt.Sprintf("dtypes %v and %v", a.dt, b.dt), a, b)
	}
	if a.dt == Float32 {
		binaryTyped(dst, a, b, f32)
	} else {
		binaryTyped(dst, a, b, f64)
	}
}

// scratch is the run length in which strided operands are gathered.
const scratch = 256

func binaryTyped[T Float](dst, a, b *Tensor, f func(d, a, b []T)) {
	if dst.Len() == 0 {
		return
	}
	n := newNest(dst.dims(), dst, a.Expand(dst.dims()...), b.Expand(dst.dims()...))
	d, x, y := raw[T](dst), raw[T](a), raw[T](b)
	last := n.rank - 1
	ds, xs, ys := n.stride[0][last], n.stride[1][last], n.stride[2][last]
	n.rows(func(length int, off [3]int) {
		d, x, y := d[off[0]:], x[off[1]:], y[off[2]:]
		if ds == 1 && xs <= 1 && ys <= 1 && xs >= 0 && ys >= 0 && (xs|ys != 0) {
			f(d[:length], run(x, xs, length), run(y, ys, length))
			return
		}
		var db, xb, yb [scratch]T
		for i := 0; i < length; i += scratch {
			m := min(scratch, length-i)
			gather(xb[:m], x[i*xs:], xs)
			gather(yb[:m], y[i*ys:], ys)
			copy(db[:m], xb[:m])
			f(db[:m], xb[:m], yb[:m])
			for j, v := range db[:m] {
				d[(i+j)*ds] = v
			}
		}
	})
}

// run returns the operand of one innermost loop: one element if it repeats.
func run[T Float](x []T, stride, length int) []T {
	if stride == 0 {
		return x[:1]
	}
	return x[:length]
}

func gather[T Elem](dst, x []T, stride int) {
	for i := range dst {
		dst[i] = x[i*stride]
	}
}

// Neg returns -x.
func Neg(x *Tensor) *Tensor { return Unary("neg", x, kernel.Neg[float32], kernel.Neg[float64]) }

// Exp returns e to the power of x.
func Exp(x *Tensor) *Tensor { return Unary("exp", x, kernel.Exp[float32], kernel.Exp[float64]) }

// Log returns the natural logarithm of x.
func Log(x *Tensor) *Tensor { return Unary("log", x, kernel.Log[float32], kernel.Log[float64]) }

// Sqrt returns the square root of x.
func Sqrt(x *Tensor) *Tensor { return Unary("sqrt", x, kernel.Sqrt[float32], kernel.Sqrt[float64]) }

// Abs returns |x|.
func Abs(x *Tensor) *Tensor { return Unary("abs", x, kernel.Abs[float32], kernel.Abs[float64]) }

// Tanh returns the hyperbolic tangent of x.
func Tanh(x *Tensor) *Tensor { return Unary("tanh", x, kernel.Tanh[float32], kernel.Tanh[float64]) }

// Scale returns c·x.
func Scale(x *Tensor, c float64) *Tensor {
	return Unary("scale", x,
		func(d, x []float32) { kernel.Scale(d, x, float32(c)) },
		func(d, x []float64) { kernel.Scale(d, x, c) })
}

// ScaleTo multiplies the contiguous dst by c in place.
func ScaleTo(dst *Tensor, c float64) {
	UnaryInto("scale", dst, dst,
		func(d, x []float32) { kernel.Scale(d, x, float32(c)) },
		func(d, x []float64) { kernel.Scale(d, x, c) })
}

// Unary returns f applied to x's elements; f's slices may alias.
func Unary(op string, x *Tensor, f32 func(d, x []float32), f64 func(d, x []float64)) *Tensor {
	dst := Like(x.dt, x.dims(), x)
	UnaryInto(op, dst, x, f32, f64)
	return dst
}

// UnaryInto writes f applied to x's elements to the contiguous dst of x's
// shape and dtype, which may be x itself.
func UnaryInto(op string, dst, x *Tensor, f32 func(d, x []float32), f64 func(d, x []float64)) {
	x.check(op)
	if !x.dt.IsFloat() || dst.dt != x.dt || !dst.SameShape(x) {
		Fail(op, fmt.Sprintf("%v into %v", x.dt, dst.dt), x, dst)
	}
	x = x.Contiguous()
	if x.dt == Float32 {
		unaryTyped(dst, x, f32)
	} else {
		unaryTyped(dst, x, f64)
	}
}

func unaryTyped[T Float](dst, x *Tensor, f func(d, x []T)) {
	d, s := Data[T](dst), Data[T](x)
	parallel.For(len(d), grain, func(lo, hi int) { f(d[lo:hi], s[lo:hi]) })
}
