package tensor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// matMulRef multiplies with plain loops and adds beta·dst.
func matMulRef(dst, a, b *Tensor, beta float64) *Tensor {
	lead := dst.Shape()[:dst.Rank()-2]
	a = a.Expand(append(append([]int(nil), lead...), a.Dim(-2), a.Dim(-1))...)
	b = b.Expand(append(append([]int(nil), lead...), b.Dim(-2), b.Dim(-1))...)
	return build(dst.DType(), dst.Shape(), func(i []int) float64 {
		sum := 0.0
		if beta != 0 {
			sum = beta * dst.At(i...)
		}
		x, y := append([]int(nil), i...), append([]int(nil), i...)
		for p := range a.Dim(-1) {
			x[len(x)-1], y[len(y)-2] = p, p
			sum += a.At(x...) * b.At(y...)
		}
		return sum
	})
}

// matrices returns tensors of a shape in several layouts.
func matrices(r *rand.PCG, dt DType, shape []int) []*Tensor {
	n := len(shape)
	wide := append([]int(nil), shape...)
	wide[n-1] += 3
	swapped := append([]int(nil), shape...)
	swapped[n-1], swapped[n-2] = swapped[n-2], swapped[n-1]
	ts := []*Tensor{
		Normal(r, dt, 1, shape...),
		Normal(r, dt, 1, wide...).Slice(-1, 2, 2+shape[n-1]),
		Normal(r, dt, 1, swapped...).Transpose(-1, -2),
	}
	if n > 2 {
		ts = append(ts, Normal(r, dt, 1, append([]int{shape[n-2], shape[0]}, append(append([]int(nil), shape[1:n-2]...), shape[n-1])...)...).Permute(append(append([]int{1}, rangeFrom(2, n-1)...), 0, n-1)...))
	}
	return ts
}

func rangeFrom(lo, hi int) []int {
	var xs []int
	for ; lo < hi; lo++ {
		xs = append(xs, lo)
	}
	return xs
}

func TestMatMul(t *testing.T) {
	for _, c := range []struct{ a, b []int }{
		{[]int{3, 4}, []int{4, 5}},
		{[]int{1, 7}, []int{7, 1}},
		{[]int{17, 33}, []int{33, 19}},
		{[]int{0, 3}, []int{3, 2}},
		{[]int{2, 0}, []int{0, 3}},
		{[]int{2, 3}, []int{3, 0}},
		{[]int{2, 3, 4}, []int{4, 5}},
		{[]int{2, 1, 4}, []int{4, 5}},
		{[]int{2, 3, 4}, []int{2, 4, 5}},
		{[]int{3, 4}, []int{2, 4, 5}},
		{[]int{2, 1, 3, 4}, []int{3, 4, 5}},
		{[]int{2, 3, 2, 4}, []int{4, 5}},
		{[]int{2, 3, 1, 4}, []int{1, 1, 4, 5}},
		{[]int{0, 3, 4}, []int{4, 5}},
		{[]int{2, 3, 0}, []int{0, 5}},
	} {
		for _, dt := range []DType{Float32, Float64} {
			r := rand.NewPCG(1, 3)
			for i, a := range matrices(r, dt, c.a) {
				for j, b := range matrices(r, dt, c.b) {
					t.Run(fmt.Sprintf("%v/%v×%v/%d%d", dt, c.a, c.b, i, j), func(t *testing.T) {
						got := MatMul(a, b)
						near(t, matMulRef(got, a, b, 0), got)
						for k, dst := range matrices(r, dt, got.Shape()) {
							if k == 2 {
								continue // its rows are not dense
							}
							want := matMulRef(dst, a, b, 0.5)
							Gemm(dst, a, b, 0.5)
							near(t, want, dst.Clone())
							want = matMulRef(dst, a, b, 1)
							Gemm(dst, a, b, 1)
							near(t, want, dst.Clone())
						}
					})
				}
			}
		}
	}
}

func TestGemmIntoStrided(t *testing.T) {
	// Rows of a batch that are not evenly spaced must not be taken for one
	// tall matrix.
	r := rand.NewPCG(1, 1)
	a, b := Normal(r, Float64, 1, 2, 3, 4), Normal(r, Float64, 1, 4, 5)
	wide := Full(Float64, 7, 2, 4, 5)
	dst := wide.Slice(1, 0, 3)
	Gemm(dst, a, b, 0)
	near(t, matMulRef(dst, a, b, 0), dst.Clone())
	near(t, Full(Float64, 7, 2, 5), wide.Select(1, 3).Clone())
	dst = New(Float64, 3, 5).Expand(2, 3, 5)
	shapeError(t, "matmul: the result repeats elements: [2 3 5]", func() { Gemm(dst, a, b, 0) })
	shapeError(t, "matmul: result rows are not dense: [3 5]", func() { Gemm(New(Float64, 5, 3).Transpose(0, 1), a.Select(0, 0), b, 0) })
	shapeError(t, "matmul: result does not fit: [2 3 4] × [4 5] × [3 3]", func() { Gemm(New(Float64, 3, 3), a, b, 0) })
	shapeError(t, "matmul: does not broadcast to [3 3 4]: [2 3 4]", func() { Gemm(New(Float64, 3, 3, 5), a, b, 0) })
	shapeError(t, "matmul: float64 and float64 into float32: [2 3 4] × [4 5] × [3 5]", func() { Gemm(New(Float32, 3, 5), a, b, 0) })
	nan := Full(Float64, 0, 3, 5)
	Fill(nan, nanValue)
	Gemm(nan, a.Select(0, 0), b, 0)
	require.True(t, AllFinite(nan), "with beta 0 the result is not read")
	empty := Full(Float64, nanValue, 2, 3)
	Gemm(empty, New(Float64, 2, 0), New(Float64, 0, 3), 0)
	near(t, New(Float64, 2, 3), empty)
}
