package tensor

import (
	"fmt"
	"sync"
	"unsafe"

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
	a.check(op)
	b.check(op)
	dims, n := broadcastDims(op, a, b)
	dst := Like(a.dt, dims[:n], a, b)
	binaryInto(op, dst, a, b, f32, f64, true)
	return dst
}

// AddTo adds b, broadcast, to dst in place. dst may be strided.
func AddTo(dst, b *Tensor) {
	binaryInto("add", dst, dst, b, kernel.Add[float32], kernel.Add[float64], true)
}

// AddScaled adds c·x to dst in place, without broadcasting.
func AddScaled(dst, x *Tensor, c float64) {
	if !dst.SameShape(x) {
		Fail("add scaled", "shapes differ", dst, x)
	}
	BinaryInto("add scaled", dst, dst, x,
		func(d, _, b []float32) { kernel.AddScaled(d, b, float32(c)) },
		func(d, _, b []float64) { kernel.AddScaled(d, b, c) })
}

// BinaryInto writes f applied to a and b, broadcast, to dst, which may be
// strided and may be a or b; on entry f's d holds dst's elements if dst is a.
// f's slices are of one length and may alias.
func BinaryInto(op string, dst, a, b *Tensor, f32 func(d, a, b []float32), f64 func(d, a, b []float64)) {
	binaryInto(op, dst, a, b, f32, f64, false)
}

// binaryInto is BinaryInto for an f that, if short is true, takes an operand
// of one element for one that repeats it.
func binaryInto(op string, dst, a, b *Tensor, f32 func(d, a, b []float32), f64 func(d, a, b []float64), short bool) {
	dst.writable(op)
	a.check(op)
	b.check(op)
	if a.dt != b.dt || !a.dt.IsFloat() || dst.dt != a.dt {
		Fail(op, fmt.Sprintf("%v and %v into %v", a.dt, b.dt, dst.dt), a, b)
	}
	if dst.Len() == 0 {
		a.expand(op, dst.dims())
		b.expand(op, dst.dims())
		return
	}
	if a.dt == Float32 {
		binaryOf(op, dst, a, b, f32, short)
	} else {
		binaryOf(op, dst, a, b, f64, short)
	}
}

func binaryOf[T Float](op string, dst, a, b *Tensor, f func(d, a, b []T), short bool) {
	d, x, y := raw[T](dst), raw[T](a), raw[T](b)
	size := dst.Len()
	if dst.SameShape(a) && dst.SameShape(b) && dst.IsContiguous() && a.IsContiguous() && b.IsContiguous() {
		if size <= grain { // without the closure, which is allocated
			f(d[:size], x[:size], y[:size])
		} else {
			parallel.For(size, grain, func(lo, hi int) { f(d[lo:hi], x[lo:hi], y[lo:hi]) })
		}
		return
	}
	n := newNest(dst.dims(), dst, a.expand(op, dst.dims()), b.expand(op, dst.dims()))
	ds, xs, ys := n.inner()
	once := short && xs|ys == 1 // one of them repeats
	n.rows(func(length int, off [3]int) {
		d, x, y := d[off[0]:], x[off[1]:], y[off[2]:]
		switch {
		case ds == 1 && xs == 1 && ys == 1:
			f(d[:length], x[:length], y[:length])
		case ds == 1 && once && ys == 0:
			f(d[:length], x[:length], y[:1])
		case ds == 1 && once && xs == 0:
			f(d[:length], x[:1], y[:length])
		default:
			gathered(d, x, y, length, ds, xs, ys, f)
		}
	})
}

// scratch holds the pieces of strided operands. It is pooled because what is
// passed to a kernel by a variable would otherwise be allocated each time.
type scratch struct{ d, x, y [256]float64 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// gathered applies f to strided runs, copied to scratch and back.
func gathered[T Float](d, x, y []T, length, ds, xs, ys int, f func(d, a, b []T)) {
	buf := scratches.Get().(*scratch)
	defer scratches.Put(buf)
	db, xb, yb := piece[T](&buf.d), piece[T](&buf.x), piece[T](&buf.y)
	for i := 0; i < length; i += len(db) {
		m := min(len(db), length-i)
		for j := range m {
			xb[j], yb[j] = x[(i+j)*xs], y[(i+j)*ys]
		}
		copy(db[:m], xb[:m])
		f(db[:m], xb[:m], yb[:m])
		for j, v := range db[:m] {
			d[(i+j)*ds] = v
		}
	}
}

func piece[T Float](b *[256]float64) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(b)), len(b))
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
	x.check("scale")
	dst := Like(x.dt, x.dims(), x)
	ScaleInto(dst, x, c)
	return dst
}

// ScaleTo multiplies the contiguous dst by c in place.
func ScaleTo(dst *Tensor, c float64) { ScaleInto(dst, dst, c) }

// ScaleInto writes c·x to the contiguous dst of x's shape and dtype, which may
// be x itself.
func ScaleInto(dst, x *Tensor, c float64) {
	t := unaryOperand("scale", dst, x)
	if x.dt == Float32 {
		scaleOf(dst, t, float32(c))
	} else {
		scaleOf(dst, t, c)
	}
	drop(t, x)
}

func scaleOf[T Float](dst, x *Tensor, c T) {
	d, s := Data[T](dst), Data[T](x)
	if len(d) <= grain { // without the closure, which is allocated
		kernel.Scale(d, s, c)
		return
	}
	parallel.For(len(d), grain, func(lo, hi int) { kernel.Scale(d[lo:hi], s[lo:hi], c) })
}

// Unary returns f applied to x's elements; f's slices may alias.
func Unary(op string, x *Tensor, f32 func(d, x []float32), f64 func(d, x []float64)) *Tensor {
	x.check(op)
	dst := Like(x.dt, x.dims(), x)
	UnaryInto(op, dst, x, f32, f64)
	return dst
}

// UnaryInto writes f applied to x's elements to the contiguous dst of x's
// shape and dtype, which may be x itself.
func UnaryInto(op string, dst, x *Tensor, f32 func(d, x []float32), f64 func(d, x []float64)) {
	c := unaryOperand(op, dst, x)
	if x.dt == Float32 {
		unaryOf(dst, c, f32)
	} else {
		unaryOf(dst, c, f64)
	}
	drop(c, x)
}

// unaryOperand returns x, contiguous, as the operand of op into dst.
func unaryOperand(op string, dst, x *Tensor) *Tensor {
	x.check(op)
	if !x.dt.IsFloat() || dst.dt != x.dt || !dst.SameShape(x) {
		Fail(op, fmt.Sprintf("%v into %v", x.dt, dst.dt), x, dst)
	}
	return x.Contiguous()
}

func unaryOf[T Float](dst, x *Tensor, f func(d, x []T)) {
	d, s := Data[T](dst), Data[T](x)
	if len(d) <= grain {
		f(d, s)
		return
	}
	parallel.For(len(d), grain, func(lo, hi int) { f(d[lo:hi], s[lo:hi]) })
}
