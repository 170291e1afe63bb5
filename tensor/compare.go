package tensor

import (
	"cmp"
	"fmt"
)

// Equal returns the Bool tensor of a == b, broadcast. The comparisons take any
// dtype but the 16-bit floats, the same for both operands; NaN is unequal to
// everything. They panic with *ShapeError if the shapes do not broadcast.
func Equal(a, b *Tensor) *Tensor { return compare("equal", a, b, isEqual) }

// NotEqual returns a != b, as Equal does.
func NotEqual(a, b *Tensor) *Tensor { return compare("not equal", a, b, isNotEqual) }

// Less returns a < b, as Equal does.
func Less(a, b *Tensor) *Tensor { return compare("less", a, b, isLess) }

// LessEqual returns a <= b, as Equal does.
func LessEqual(a, b *Tensor) *Tensor { return compare("less equal", a, b, isLessEqual) }

// Greater returns a > b, as Equal does.
func Greater(a, b *Tensor) *Tensor { return compare("greater", a, b, isGreater) }

// GreaterEqual returns a >= b, as Equal does.
func GreaterEqual(a, b *Tensor) *Tensor { return compare("greater equal", a, b, isGreaterEqual) }

// And returns a && b of two Bool tensors, broadcast.
func And(a, b *Tensor) *Tensor { return logic("and", a, b, isAnd) }

// Or returns a || b of two Bool tensors, broadcast.
func Or(a, b *Tensor) *Tensor { return logic("or", a, b, isOr) }

// Not returns !t of a Bool tensor.
func Not(t *Tensor) *Tensor {
	if t.dt != Bool {
		Fail("not", fmt.Sprintf("needs bool, not %v", t.dt), t)
	}
	t.check("not")
	y := Like(Bool, t.dims(), t)
	c := t.Contiguous()
	d, s := Data[bool](y), Data[bool](c)
	for i := range d {
		d[i] = !s[i]
	}
	drop(c, t)
	return y
}

type relation int

const (
	isEqual relation = iota
	isNotEqual
	isLess
	isLessEqual
	isGreater
	isGreaterEqual
	isAnd
	isOr
)

func logic(op string, a, b *Tensor, r relation) *Tensor {
	if a.dt != Bool || b.dt != Bool {
		Fail(op, fmt.Sprintf("needs bool, not %v and %v", a.dt, b.dt), a, b)
	}
	return compare(op, a, b, r)
}

func compare(op string, a, b *Tensor, r relation) *Tensor {
	a.check(op)
	b.check(op)
	if a.dt != b.dt || a.dt == BFloat16 || a.dt == Float16 || a.dt.Block() > 1 {
		Fail(op, fmt.Sprintf("%v and %v", a.dt, b.dt), a, b)
	}
	dims, rank := broadcastDims(op, a, b)
	y := Like(Bool, dims[:rank], a, b)
	if y.Len() == 0 {
		return y
	}
	a, b = a.expand(op, y.dims()), b.expand(op, y.dims())
	switch a.dt {
	case Float32:
		compareOf[float32](y, a, b, r)
	case Float64:
		compareOf[float64](y, a, b, r)
	case Int32:
		compareOf[int32](y, a, b, r)
	case Int64:
		compareOf[int64](y, a, b, r)
	default: // a bool is the int8 0 or 1
		compareOf[int8](y, a, b, r)
	}
	return y
}

func compareOf[T interface {
	Elem
	cmp.Ordered
}](y, a, b *Tensor, r relation) {
	d, p, q := raw[bool](y), raw[T](a), raw[T](b)
	n := newNest(y.dims(), y, a, b)
	ds, ps, qs := n.inner()
	n.rows(func(length int, off [3]int) {
		d, p, q := d[off[0]:], p[off[1]:], q[off[2]:]
		switch r {
		case isEqual:
			for i := range length {
				d[i*ds] = p[i*ps] == q[i*qs]
			}
		case isNotEqual:
			for i := range length {
				d[i*ds] = p[i*ps] != q[i*qs]
			}
		case isLess:
			for i := range length {
				d[i*ds] = p[i*ps] < q[i*qs]
			}
		case isLessEqual:
			for i := range length {
				d[i*ds] = p[i*ps] <= q[i*qs]
			}
		case isGreater:
			for i := range length {
				d[i*ds] = p[i*ps] > q[i*qs]
			}
		case isGreaterEqual:
			for i := range length {
				d[i*ds] = p[i*ps] >= q[i*qs]
			}
		case isAnd:
			for i := range length {
				d[i*ds] = p[i*ps] != 0 && q[i*qs] != 0
			}
		case isOr:
			for i := range length {
				d[i*ds] = p[i*ps] != 0 || q[i*qs] != 0
			}
		}
	})
}
