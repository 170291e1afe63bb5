package tensor

import (
	"fmt"
	"math"

	"github.com/noema-ml/noema/internal/parallel"
)

// Copy copies src, broadcast to dst's shape, into dst, which may be strided.
// The dtypes must be equal (Cast converts). It panics with *ShapeError
// otherwise.
func Copy(dst, src *Tensor) {
	dst.check("copy")
	src.check("copy")
	if dst.dt != src.dt {
		Fail("copy", fmt.Sprintf("%v into %v", src.dt, dst.dt), dst, src)
	}
	if !dst.SameShape(src) {
		src = src.Expand(dst.dims()...)
	}
	switch dst.dt.Size() {
	case 8:
		copyAs[float64, int64](dst, src)
	case 4:
		copyAs[float32, int32](dst, src)
	case 2:
		copyTyped[uint16](dst, src)
	default:
		copyAs[int8, bool](dst, src)
	}
}

// copyAs copies as F or, if the tensors do not hold it, as the other type of
// the same size.
func copyAs[F, I Elem](dst, src *Tensor) {
	if holds[F](dst.dt) {
		copyTyped[F](dst, src)
	} else {
		copyTyped[I](dst, src)
	}
}

func copyTyped[T Elem](dst, src *Tensor) {
	d, s := raw[T](dst), raw[T](src)
	n := newNest(dst.dims(), dst, src)
	if dst.Len() == 0 {
		return
	}
	ds, ss := n.stride[0][n.rank-1], n.stride[1][n.rank-1]
	n.rows(func(length int, off [3]int) {
		d, s := d[off[0]:], s[off[1]:]
		switch {
		case ds == 1 && ss == 1:
			copy(d[:length], s[:length])
		case ds == 1 && ss == 0:
			d, v := d[:length], s[0]
			for i := range d {
				d[i] = v
			}
		default:
			for i := range length {
				d[i*ds] = s[i*ss]
			}
		}
	})
}

// Fill sets every element of t to v, converted to t's dtype (a bool is v ≠ 0).
func Fill(t *Tensor, v float64) {
	t.check("fill")
	switch t.dt {
	case Float32:
		fill(t, float32(v))
	case Float64:
		fill(t, v)
	case BFloat16:
		fill(t, toBFloat16(float32(v)))
	case Float16:
		fill(t, toFloat16(float32(v)))
	case Int8:
		fill(t, int8(v))
	case Int32:
		fill(t, int32(v))
	case Int64:
		fill(t, int64(v))
	case Bool:
		fill(t, v != 0)
	}
}

func fill[T Elem](t *Tensor, v T) {
	if t.Len() == 0 {
		return
	}
	d := raw[T](t)
	n := newNest(t.dims(), t)
	s := n.stride[0][n.rank-1]
	n.rows(func(length int, off [3]int) {
		d := d[off[0]:]
		for i := range length {
			d[i*s] = v
		}
	})
}

// Cast returns a copy of t in another dtype, or t itself if it has it already.
// Floats become integers by truncation, bfloat16 and float16 by rounding to
// nearest even; anything but zero is true.
func (t *Tensor) Cast(dt DType) *Tensor {
	t.check("cast")
	if t.dt == dt {
		return t
	}
	src := t.Contiguous()
	dst := Like(dt, t.dims(), t)
	switch dt {
	case Float32:
		castTo(dst, src, func(v float64) float32 { return float32(v) })
	case Float64:
		castTo(dst, src, func(v float64) float64 { return v })
	case BFloat16:
		castTo(dst, src, func(v float64) uint16 { return toBFloat16(float32(v)) })
	case Float16:
		castTo(dst, src, func(v float64) uint16 { return toFloat16(float32(v)) })
	case Int8:
		castTo(dst, src, func(v float64) int8 { return int8(v) })
	case Int32:
		castTo(dst, src, func(v float64) int32 { return int32(v) })
	case Int64:
		castTo(dst, src, func(v float64) int64 { return int64(v) })
	case Bool:
		castTo(dst, src, func(v float64) bool { return v != 0 })
	}
	return dst
}

func castTo[T Elem](dst, src *Tensor, convert func(float64) T) {
	d := Data[T](dst)
	parallel.For(len(d), grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			d[i] = convert(src.load(i))
		}
	})
}

func fromBFloat16(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

func toBFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	if f != f {
		return uint16(b>>16) | 0x40 // keep a NaN a NaN
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

func fromFloat16(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac · 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

func toFloat16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	abs := b &^ (1 << 31)
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00
	case abs >= 0x47800000: // 2^16 and above
		return sign | 0x7c00
	case abs < 0x38800000: // below 2^-14: subnormal, in units of 2^-24
		v := float64(math.Float32frombits(abs)) * (1 << 24)
		return sign | uint16(math.RoundToEven(v))
	}
	abs += 0xfff + abs>>13&1
	return sign | uint16((abs-0x38000000)>>13)
}
