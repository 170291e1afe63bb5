package tensor

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
)

// Gemm sets dst = a·b + beta·dst over the last two dimensions:
// [..., m, k] × [..., k, n] → [..., m, n]. Operands may have any strides;
// leading dimensions of a and b broadcast to dst's. With beta 0, dst is not
// read. It panics with *ShapeError if the shapes or dtypes do not fit, or if
// dst's rows are not dense.
func Gemm(dst, a, b *Tensor, beta float64) {
	dst.writable("matmul")
	a.check("matmul")
	b.check("matmul")
	if a.dt != b.dt || a.dt != dst.dt || !a.dt.IsFloat() {
		Fail("matmul", fmt.Sprintf("%v and %v into %v", a.dt, b.dt, dst.dt), a, b, dst)
	}
	if a.rank < 2 || b.rank < 2 || dst.rank < 2 {
		Fail("matmul", "needs two dimensions", a, b)
	}
	if a.Dim(-1) != b.Dim(-2) {
		Fail("matmul", "inner dimensions differ", a, b)
	}
	m, k, n := a.Dim(-2), a.Dim(-1), b.Dim(-1)
	if dst.Dim(-2) != m || dst.Dim(-1) != n {
		Fail("matmul", "result does not fit", a, b, dst)
	}
	if n > 1 && dst.Stride(-1) != 1 {
		Fail("matmul", "result rows are not dense", dst)
	}
	if dst.Len() == 0 {
		return
	}
	lead := dst.dims()[:dst.rank-2]
	if k == 0 { // a sum of nothing
		if beta == 0 {
			Fill(dst, 0)
		} else {
			scale := Scalar(dst.dt, beta)
			binaryInto("matmul", dst, dst, scale, kernel.Mul[float32], kernel.Mul[float64], true)
		}
		return
	}
	if dst.rank == 2 && a.rank == 2 && b.rank == 2 {
		if a.dt == Float32 {
			gemm2[float32](m, n, k, dst, a, b, beta)
		} else {
			gemm2[float64](m, n, k, dst, a, b, beta)
		}
		return
	}
	a = a.expand("matmul", append(append(make([]int, 0, MaxRank), lead...), m, k))
	b = b.expand("matmul", append(append(make([]int, 0, MaxRank), lead...), k, n))
	// If b is the same for the whole batch and the rows of a and dst are evenly
	// spaced throughout, it is one tall matrix.
	rowA, okA := rowStride(a)
	rowDst, okDst := rowStride(dst)
	if okA && okDst && repeats(b) {
		flat := func(t *Tensor, rows, cols, stride int) *Tensor {
			f := *t
			f.rank = 2
			f.shape = [MaxRank]int{rows, cols}
			f.stride = [MaxRank]int{stride, t.Stride(-1)}
			return &f
		}
		rows := dst.Len() / n
		Gemm(flat(dst, rows, n, rowDst), flat(a, rows, k, rowA), flat(b, k, n, b.Stride(-2)), beta)
		return
	}
	if a.dt == Float32 {
		gemmBatch[float32](m, n, k, lead, dst, a, b, beta)
	} else {
		gemmBatch[float64](m, n, k, lead, dst, a, b, beta)
	}
}

// rowStride returns the distance between neighbouring rows if it is the same
// across all dimensions but the last.
func rowStride(t *Tensor) (stride int, ok bool) {
	next := -1
	for i := int(t.rank) - 2; i >= 0; i-- {
		switch {
		case t.shape[i] == 1:
			continue
		case next < 0:
			stride = t.stride[i]
		case t.stride[i] != next:
			return 0, false
		}
		next = t.shape[i] * t.stride[i]
	}
	return max(stride, 1), next != 0
}

// repeats reports whether all matrices of t are the same one.
func repeats(t *Tensor) bool {
	for i, d := range t.dims()[:t.rank-2] {
		if d > 1 && t.stride[i] != 0 {
			return false
		}
	}
	return true
}

func gemm2[T Float](m, n, k int, dst, a, b *Tensor, beta float64) {
	kernel.Gemm(m, n, k, raw[T](a), a.stride[0], a.stride[1], raw[T](b), b.stride[0], b.stride[1], T(beta), raw[T](dst), dst.stride[0])
}

func gemmBatch[T Float](m, n, k int, lead []int, dst, a, b *Tensor, beta float64) {
	r := len(lead)
	kernel.GemmBatch(lead, m, n, k, raw[T](a), a.stride[:r], a.Stride(-2), a.Stride(-1), raw[T](b), b.stride[:r], b.Stride(-2), b.Stride(-1), T(beta), raw[T](dst), dst.stride[:r], dst.Stride(-2))
}

// MatMul returns the matrix product over the last two dimensions,
// [..., m, k] × [..., k, n] → [..., m, n], with leading dimensions broadcast.
// It panics with *ShapeError if the shapes or dtypes do not fit.
func MatMul(a, b *Tensor) *Tensor {
	a.check("matmul")
	b.check("matmul")
	dims, n := matMulDims(a, b)
	dst := Like(a.dt, dims[:n], a, b)
	Gemm(dst, a, b, 0)
	return dst
}

// MatMulShape returns the shape of MatMul(a, b), or panics as it does.
func MatMulShape(a, b *Tensor) []int {
	dims, n := matMulDims(a, b)
	return append([]int(nil), dims[:n]...)
}

func matMulDims(a, b *Tensor) (dims [MaxRank]int, rank int) {
	if a.rank < 2 || b.rank < 2 {
		Fail("matmul", "needs two dimensions", a, b)
	}
	if a.Dim(-1) != b.Dim(-2) {
		Fail("matmul", "inner dimensions differ", a, b)
	}
	dims, rank, ok := broadcast(a.dims()[:a.rank-2], b.dims()[:b.rank-2])
	if !ok {
		Fail("matmul", "batch dimensions do not broadcast", a, b)
	}
	dims[rank], dims[rank+1] = a.Dim(-2), b.Dim(-1)
	return dims, rank + 2
}
