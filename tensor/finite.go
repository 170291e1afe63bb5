package tensor

import (
	"sync/atomic"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
)

// AllFinite reports whether a floating-point t holds no NaN and no infinity;
// true for other types.
func AllFinite(t *Tensor) bool {
	t.check("all finite")
	if t.dt.Block() > 1 {
		c := t.Cast(Float32)
		defer drop(c, t)
		return AllFinite(c)
	}
	c := t.Contiguous()
	defer drop(c, t)
	switch t.dt {
	case Float32:
		return allFinite(Data[float32](c), kernel.AllFinite[float32])
	case Float64:
		return allFinite(Data[float64](c), kernel.AllFinite[float64])
	case BFloat16:
		return allFinite(Data[uint16](c), halfFinite(0x7f80))
	case Float16:
		return allFinite(Data[uint16](c), halfFinite(0x7c00))
	}
	return true
}

func allFinite[T Elem](x []T, finite func([]T) bool) bool {
	var bad atomic.Bool
	parallel.For(len(x), grain, func(lo, hi int) {
		if !bad.Load() && !finite(x[lo:hi]) {
			bad.Store(true)
		}
	})
	return !bad.Load()
}

// halfFinite tests 16-bit floats: in all but NaN and infinities some bit of
// the exponent is zero.
func halfFinite(exponent uint16) func([]uint16) bool {
	return func(x []uint16) bool {
		for _, v := range x {
			if v&exponent == exponent {
				return false
			}
		}
		return true
	}
}
