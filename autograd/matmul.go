package autograd

import (
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// MatMul returns the matrix product over the last two dimensions,
// [..., m, k] × [..., k, n] → [..., m, n]; leading dimensions broadcast.
func MatMul(a, b *Var) *Var {
	y := out("matmul", tensor.MatMulShape(a.t, b.t), a, b)
	tensor.Gemm(y.t, a.t, b.t, 0)
	flops := 2 * y.Len() * a.Dim(-1)
	return y.record(flops, func(dy *tensor.Tensor) {
		matmulGrad(a, dy, b.t.Transpose(-1, -2), flops) // da = dy·bᵀ
		p, q := a.t, dy
		if b.Rank() == 2 { // a batch of rows is one tall matrix
			p, q = rows(p), rows(q)
		}
		matmulGrad(b, p.Transpose(-1, -2), q, flops) // db = aᵀ·dy
	})
}

// matmulGrad adds p·q, summed over broadcast dimensions, to x's gradient,
// writing straight into its buffer where nothing was broadcast.
func matmulGrad(x *Var, p, q *tensor.Tensor, flops int) {
	if !x.needs {
		return
	}
	x.s.FLOPs += int64(flops)
	if shape := tensor.MatMulShape(p, q); !slices.Equal(shape, x.Shape()) {
		x.giveSum(tensor.MatMul(p, q))
		return
	}
	dst, beta := x.Into()
	tensor.Gemm(dst, p, q, beta)
}
