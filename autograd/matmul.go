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

// Linear returns x·wᵀ + b: x [..., in], w [out, in], b [out] or nil →
// [..., out]. Weights that want no gradient may be bfloat16 or float16.
func Linear(x, w, b *Var) *Var {
	if w.Rank() != 2 || x.Rank() < 1 || x.Dim(-1) != w.Dim(1) || b != nil && (b.Rank() != 1 || b.Dim(0) != w.Dim(0)) {
		ts := []*tensor.Tensor{x.t, w.t}
		if b != nil {
			ts = append(ts, b.t)
		}
		tensor.Fail("linear", "shapes do not fit", ts...)
	}
	shape := x.Shape()
	shape[len(shape)-1] = w.Dim(0)
	y := start("linear", x, w, b)
	s := y.s
	y.t = s.New(x.DType(), shape...)
	beta := 0.0
	if b != nil {
		bt := s.weight("linear", b, x)
		tensor.Copy(y.t, bt)
		s.unweight(bt, b)
		beta = 1
	}
	x2 := rows(x.t)
	wt := s.weight("linear", w, x)
	tensor.Gemm(rows(y.t), x2, wt.Transpose(0, 1), beta)
	s.unweight(wt, w)
	flops := 2 * y.Len() * w.Dim(1)
	return y.record(flops, func(dy *tensor.Tensor) {
		dy2 := rows(dy)
		if x.needs {
			dx, beta := x.Into()
			wt := s.weight("linear", w, x)
			tensor.Gemm(rows(dx), dy2, wt, beta)
			s.unweight(wt, w)
			s.FLOPs += int64(flops)
		}
		if w.needs {
			dw, beta := w.Into()
			tensor.Gemm(dw, dy2.Transpose(0, 1), x2, beta)
			s.FLOPs += int64(flops)
		}
		if b.Needs() {
			b.Give(tensor.SumTo(dy2, b.Dim(0)))
		}
	})
}
