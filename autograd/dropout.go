package autograd

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Dropout zeroes each element with probability p and scales the others by
// 1/(1-p) (Srivastava et al. 2014); it returns x itself if p is 0 or the scope
// is not in Train mode. It draws one number from the scope's Rand, from which
// the gradient makes the mask again. It panics with *tensor.ShapeError unless
// 0 ≤ p < 1.
func Dropout(x *Var, p float64) *Var {
	if !(p >= 0 && p < 1) {
		tensor.Fail("dropout", fmt.Sprintf("probability %v is not in [0, 1)", p), x.t)
	}
	if p == 0 || !x.s.Train {
		return x
	}
	if x.s.Rand == nil {
		tensor.Fail("dropout", "the scope trains without Rand", x.t)
	}
	y := out("dropout", x.Shape(), x)
	seed := y.s.Rand.Uint64()
	drop(y.t, y.s.dense(x.t), seed, p)
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.keep(dy)
		drop(dx, dx, seed, p)
		x.Give(dx)
	})
}

func drop(dst, x *tensor.Tensor, seed uint64, p float64) {
	if x.DType() == tensor.Float32 {
		dropTyped[float32](dst, x, seed, p)
	} else {
		dropTyped[float64](dst, x, seed, p)
	}
}

func dropTyped[T tensor.Float](dst, x *tensor.Tensor, seed uint64, p float64) {
	d, s := tensor.Data[T](dst), tensor.Data[T](x)
	split(len(d), 1, func(lo, hi int) { kernel.Dropout(d[lo:hi], s[lo:hi], seed, lo, p) })
}
