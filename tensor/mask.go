package tensor

import "fmt"

// Where returns a where the Bool cond is true and b elsewhere; all three
// broadcast. It panics with *ShapeError if they do not, or if a and b differ
// in dtype.
func Where(cond, a, b *Tensor) *Tensor {
	const op = "where"
	cond.check(op)
	a.check(op)
	b.check(op)
	if cond.dt != Bool || a.dt != b.dt {
		Fail(op, fmt.Sprintf("%v chooses between %v and %v", cond.dt, a.dt, b.dt), cond, a, b)
	}
	dims, rank, ok := broadcast(a.dims(), b.dims())
	if ok {
		dims, rank, ok = broadcast(cond.dims(), dims[:rank])
	}
	if !ok {
		Fail(op, "shapes do not broadcast", cond, a, b)
	}
	y := Like(a.dt, dims[:rank], cond, a, b)
	Copy(y, b)
	overlay(op, y, cond, a)
	return y
}

// MaskedFill returns t with v where the Bool mask, broadcast to t's shape, is
// true.
func MaskedFill(t, mask *Tensor, v float64) *Tensor {
	const op = "masked fill"
	t.check(op)
	mask.check(op)
	if mask.dt != Bool {
		Fail(op, fmt.Sprintf("needs a bool mask, not %v", mask.dt), t, mask)
	}
	y := Like(t.dt, t.dims(), t, mask)
	Copy(y, t)
	overlay(op, y, mask, Scalar(t.dt, v))
	return y
}

// overlay copies a to y where cond is true; both broadcast to y.
func overlay(op string, y, cond, a *Tensor) {
	y.noBlocks(op)
	cond, a = cond.expand(op, y.dims()), a.expand(op, y.dims())
	if y.Len() == 0 {
		return
	}
	switch y.dt.Size() {
	case 8:
		overlayOf[int64](y, cond, a)
	case 4:
		overlayOf[int32](y, cond, a)
	case 2:
		overlayOf[uint16](y, cond, a)
	default:
		overlayOf[int8](y, cond, a)
	}
}

func overlayOf[T Elem](y, cond, a *Tensor) {
	d, m, s := raw[T](y), raw[bool](cond), raw[T](a)
	n := newNest(y.dims(), y, cond, a)
	ds, ms, ss := n.inner()
	n.rows(func(length int, off [3]int) {
		d, m, s := d[off[0]:], m[off[1]:], s[off[2]:]
		for i := range length {
			if m[i*ms] {
				d[i*ds] = s[i*ss]
			}
		}
	})
}
