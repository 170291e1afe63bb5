package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A sample is a tensor of some layout, with its shape in its name.
type sample struct {
	name string
	t    *Tensor
}

// samples returns tensors of one dtype in every layout that views can make:
// dense, transposed, sliced, expanded, empty and of odd sizes.
func samples(dt DType) []sample {
	r := rand.NewPCG(1, 2)
	normal := func(shape ...int) *Tensor { return Normal(r, dt, 1, shape...) }
	return []sample{
		{"scalar", normal()},
		{"vector", normal(7)},
		{"one", normal(1, 1, 1)},
		{"matrix", normal(5, 9)},
		{"long rows", normal(3, 300)},
		{"tall", normal(300, 3)},
		{"cube", normal(4, 3, 5)},
		{"transposed", normal(6, 5).Transpose(0, 1)},
		{"permuted", normal(2, 3, 4, 5).Permute(2, 0, 3, 1)},
		{"sliced rows", normal(8, 5).Slice(0, 2, 7)},
		{"sliced columns", normal(6, 9).Slice(1, 1, 8)},
		{"sliced and transposed", normal(6, 9, 2).Slice(1, 1, 8).Transpose(0, 2)},
		{"expanded rows", normal(1, 6).Expand(4, 6)},
		{"expanded columns", normal(5, 1).Expand(5, 3)},
		{"expanded lead", normal(3, 2).Expand(2, 3, 2)},
		{"expanded scalar", normal().Expand(3, 4)},
		{"empty", normal(0)},
		{"empty rows", normal(0, 3)},
		{"empty columns", normal(3, 0)},
		{"empty middle", normal(2, 0, 3)},
		{"rank 8", normal(2, 1, 2, 3, 1, 2, 1, 2)},
	}
}

// both runs a test for the two types that compute.
func both(t *testing.T, f func(t *testing.T, dt DType, s sample)) {
	for _, dt := range []DType{Float32, Float64} {
		for _, s := range samples(dt) {
			t.Run(fmt.Sprintf("%v/%s%v", dt, s.name, s.t.Shape()), func(t *testing.T) { f(t, dt, s) })
		}
	}
}

// each calls f with every index of shape, in row-major order.
func each(shape []int, f func(index []int)) {
	for _, d := range shape {
		if d == 0 {
			return
		}
	}
	index := make([]int, len(shape))
	for {
		f(append([]int(nil), index...))
		i := len(shape) - 1
		for ; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// lane returns the elements of t along axis through index, which is given
// without that axis.
func lane(t *Tensor, axis int, index []int) []float64 {
	var xs []float64
	for i := range t.Dim(axis) {
		xs = append(xs, t.At(with(index, axis, i)...))
	}
	return xs
}

// with returns index with v inserted at axis.
func with(index []int, axis, v int) []int {
	full := append([]int(nil), index[:axis]...)
	return append(append(full, v), index[axis:]...)
}

// build makes a dense tensor from its elements' values.
func build(dt DType, shape []int, at func(index []int) float64) *Tensor {
	var vals []float64
	each(shape, func(i []int) { vals = append(vals, at(i)) })
	t := New(Float64, shape...)
	copy(Data[float64](t), vals)
	return t.Cast(dt)
}

// near requires equal shapes and dtypes, and elements that differ by rounding
// only; NaN equals NaN.
func near(t *testing.T, want, got *Tensor) {
	t.Helper()
	require.Equal(t, want.Shape(), got.Shape())
	require.Equal(t, want.DType(), got.DType())
	eps := 1e-12
	if want.DType() == Float32 {
		eps = 1e-5
	}
	each(want.Shape(), func(i []int) {
		a, b := want.At(i...), got.At(i...)
		if a == b || a != a && b != b {
			return
		}
		if !(math.Abs(a-b) <= eps*(1+math.Abs(a))) {
			require.Failf(t, "elements differ", "at %v: want %v, got %v", i, a, b)
		}
	})
}

// shapeError requires that f panics with a *ShapeError of the given text.
func shapeError(t *testing.T, want string, f func()) {
	t.Helper()
	err := Try(func() error { f(); return nil })
	require.EqualError(t, err, want)
	var se *ShapeError
	require.ErrorAs(t, err, &se)
}
