package tensor

import (
	"math"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
)

// Cast returns a copy of t in another dtype, or t itself if it has it already.
// Floats become integers by truncation, the nearest integer of the type if
// they lie outside it, 0 for NaN; bfloat16 and float16 are made from float32
// by rounding to nearest even, Q8_0 a block at a time by rounding to nearest;
// anything but zero is true. It panics with *ShapeError if t's last dimension
// is not a multiple of a block of dt.
func (t *Tensor) Cast(dt DType) *Tensor {
	t.check("cast")
	if t.dt == dt {
		return t
	}
	if t.dt != Float32 && dt != Float32 && (t.dt.Block() > 1 || dt.Block() > 1) {
		c := t.Cast(Float32)
		defer drop(c, t)
		return c.Cast(dt)
	}
	src := t.Contiguous()
	dst := Like(dt, t.dims(), t)
	switch {
	case t.dt == Float32 && dt == Float64:
		castDirect(dst, src, func(v float32) float64 { return float64(v) })
	case t.dt == Float64 && dt == Float32:
		castDirect(dst, src, func(v float64) float32 { return float32(v) })
	case t.dt == Float32 && isStorage(dt):
		castStorage(dst, src, true)
	case dt == Float32 && isStorage(t.dt):
		castStorage(dst, src, false)
	case t.dt == Int32 && dt == Int64:
		castDirect(dst, src, func(v int32) int64 { return int64(v) })
	default:
		castAny(dst, src)
	}
	drop(src, t)
	return dst
}

// castDirect serves the pairs that whole models are converted between.
func castDirect[D, S Elem](dst, src *Tensor, convert func(S) D) {
	d, s := Data[D](dst), Data[S](src)
	parallel.For(len(d), grain, func(lo, hi int) {
		for i, v := range s[lo:hi] {
			d[lo+i] = convert(v)
		}
	})
}

func isStorage(dt DType) bool {
	_, ok := dt.Storage()
	return ok
}

// castStorage converts between float32 and a type that stores weights.
func castStorage(dst, src *Tensor, narrow bool) {
	wide, stored := dst, src
	if narrow {
		wide, stored = src, dst
	}
	s, _ := stored.dt.Storage()
	f, b := Data[float32](wide), Bytes(stored)
	parallel.For(len(f), grain, func(lo, hi int) { // whole blocks
		if at := s.Bytes(lo); narrow {
			kernel.Narrow(s, b[at:], f[lo:hi])
		} else {
			kernel.Widen(s, f[lo:hi], b[at:])
		}
	})
}

// castAny goes by way of float64, which holds every element but large int64s
// exactly.
func castAny(dst, src *Tensor) {
	parallel.For(dst.Len(), grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			dst.store(i, src.load(i))
		}
	})
}

// store sets the element off positions after the first.
func (t *Tensor) store(off int, v float64) {
	switch t.dt {
	case Float32:
		raw[float32](t)[off] = float32(v)
	case Float64:
		raw[float64](t)[off] = v
	case BFloat16:
		raw[uint16](t)[off] = kernel.ToBFloat16(float32(v))
	case Float16:
		raw[uint16](t)[off] = kernel.ToFloat16(float32(v))
	case Int8:
		raw[int8](t)[off] = toInt[int8](v, math.MinInt8, math.MaxInt8)
	case Int32:
		raw[int32](t)[off] = toInt[int32](v, math.MinInt32, math.MaxInt32)
	case Int64:
		raw[int64](t)[off] = toInt[int64](v, math.MinInt64, math.MaxInt64)
	default:
		raw[bool](t)[off] = v != 0
	}
}

// toInt truncates v. What lies outside lo to hi becomes the nearer of them,
// where Go leaves the result to the machine.
func toInt[T int8 | int32 | int64](v float64, lo, hi T) T {
	switch {
	case v != v:
		return 0
	case v <= float64(lo):
		return lo
	case v >= float64(hi):
		return hi
	}
	return T(v)
}
