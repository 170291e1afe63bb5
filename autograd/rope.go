package autograd

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Rope rotates pairs of features by an angle that grows with the position (Su
// et al. 2021, arXiv 2104.09864): x [batch, seq, heads, dim], dim even, pos
// the batch·seq positions, which stay the caller's and must not change before
// Backward. Features j and j+dim/2 form a pair and turn by pos·theta^(-2j/dim),
// the layout of Llama and Hugging Face.
func Rope(x *Var, pos []int32, theta float64) *Var {
	if x.Rank() != 4 || x.Dim(3)%2 != 0 || len(pos) != x.Dim(0)*x.Dim(1) {
		tensor.Fail("rope", fmt.Sprintf("needs [batch, seq, heads, even dim] and batch·seq positions, not %d", len(pos)), x.t)
	}
	y := out("rope", x.Shape(), x)
	rotate(y.t, y.s.dense(x.t), pos, theta, false)
	return y.record(0, func(dy *tensor.Tensor) {
		dx := y.s.keep(dy)
		rotate(dx, dx, pos, theta, true)
		x.Give(dx)
	})
}

func rotate(dst, x *tensor.Tensor, pos []int32, theta float64, inverse bool) {
	if x.DType() == tensor.Float32 {
		rotateTyped[float32](dst, x, pos, theta, inverse)
	} else {
		rotateTyped[float64](dst, x, pos, theta, inverse)
	}
}

func rotateTyped[T tensor.Float](dst, x *tensor.Tensor, pos []int32, theta float64, inverse bool) {
	d, s, heads, dim := tensor.Data[T](dst), tensor.Data[T](x), x.Dim(2), x.Dim(3)
	c := heads * dim
	split(len(pos), c, func(lo, hi int) {
		kernel.Rope(d[lo*c:hi*c], s[lo*c:hi*c], heads, dim, pos[lo:hi], theta, inverse)
	})
}
