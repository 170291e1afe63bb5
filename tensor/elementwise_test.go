package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/stretchr/testify/require"
)

func TestBinary(t *testing.T) {
	rows := []struct {
		name string
		op   func(a, b *Tensor) *Tensor
		ref  func(x, y float64) float64
	}{
		{"add", Add, func(x, y float64) float64 { return x + y }},
		{"sub", Sub, func(x, y float64) float64 { return x - y }},
		{"mul", Mul, func(x, y float64) float64 { return x * y }},
		{"div", Div, func(x, y float64) float64 { return x / y }},
		{"maximum", Maximum, math.Max},
		{"minimum", Minimum, math.Min},
	}
	for _, dt := range []DType{Float32, Float64} {
		for i, p := range pairs {
			r := rand.NewPCG(uint64(i), 1)
			layouts := func(shape []int) []*Tensor {
				ts := []*Tensor{Uniform(r, dt, 1, 2, shape...)}
				if n := len(shape); n > 0 {
					ts = append(ts, Uniform(r, dt, 1, 2, append(shape[:n:n], 2)...).Select(-1, 1))
					last := append([]int{shape[n-1]}, shape[:n-1]...)
					ts = append(ts, Uniform(r, dt, 1, 2, last...).Permute(append(rangeFrom(1, n), 0)...))
				}
				return ts
			}
			for _, a := range layouts(p[0]) {
				for _, b := range layouts(p[1]) {
					for _, row := range rows {
						near(t, elementwise(dt, a, b, row.ref), row.op(a, b))
						near(t, elementwise(dt, b, a, row.ref), row.op(b, a))
					}
				}
			}
		}
	}
}

func TestUnary(t *testing.T) {
	rows := []struct {
		name string
		op   func(*Tensor) *Tensor
		ref  func(float64) float64
	}{
		{"neg", Neg, func(x float64) float64 { return -x }},
		{"exp", Exp, math.Exp},
		{"log", func(x *Tensor) *Tensor { return Log(Exp(x)) }, func(x float64) float64 { return x }},
		{"sqrt", func(x *Tensor) *Tensor { return Sqrt(Mul(x, x)) }, math.Abs},
		{"abs", Abs, math.Abs},
		{"tanh", Tanh, math.Tanh},
		{"scale", func(x *Tensor) *Tensor { return Scale(x, -1.5) }, func(x float64) float64 { return -1.5 * x }},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			both(t, func(t *testing.T, dt DType, s sample) {
				near(t, build(dt, s.t.Shape(), func(i []int) float64 { return r.ref(s.t.At(i...)) }), r.op(s.t))
			})
		})
	}
}

func TestInPlace(t *testing.T) {
	both(t, func(t *testing.T, dt DType, s sample) {
		b := Normal(rand.NewPCG(2, 2), dt, 1, s.t.Shape()...)
		sum := func(c float64) *Tensor {
			return build(dt, s.t.Shape(), func(i []int) float64 { return s.t.At(i...) + c*b.At(i...) })
		}
		dense, strided := s.t.Clone(), s.t.Clone()
		if s.t.Rank() >= 2 {
			strided = s.t.Transpose(0, 1).Clone().Transpose(0, 1)
		}
		for _, dst := range []*Tensor{dense, strided} {
			AddTo(dst, b)
			near(t, sum(1), dst.Clone())
			AddScaled(dst, b, -3)
			near(t, sum(-2), dst.Clone())
			AddTo(dst, Scalar(dt, 1))
			AddScaled(dst, Scalar(dt, 2).Expand(s.t.Shape()...), -0.5)
			near(t, sum(-2), dst.Clone())
		}
		ScaleTo(dense, 0.5)
		near(t, Scale(sum(-2), 0.5), dense)
		Fill(strided, 3)
		near(t, Full(dt, 3, s.t.Shape()...), strided.Clone())
	})
}

// A kernel that knows nothing of repeated operands gets them in full.
func TestBinaryIntoRepeats(t *testing.T) {
	x := Normal(rand.NewPCG(1, 1), Float64, 1, 3, 5)
	dy := Scalar(Float64, 2).Expand(3, 5)
	got := New(Float64, 3, 5)
	BinaryInto("gelu", got, x, dy, kernel.GELUGrad[float32], kernel.GELUGrad[float64])
	want := New(Float64, 3, 5)
	BinaryInto("gelu", want, x, dy.Clone(), kernel.GELUGrad[float32], kernel.GELUGrad[float64])
	near(t, want, got)
	shapeError(t, "gelu: float64 and float64 into float32: [3 5] × [3 5]", func() {
		BinaryInto("gelu", New(Float32, 3, 5), x, x, kernel.GELUGrad[float32], kernel.GELUGrad[float64])
	})
}

func TestString(t *testing.T) {
	require.Equal(t, "float32[2 2] [0 2 1 3]", Arange(Float32, 4).Reshape(2, 2).Transpose(0, 1).String())
	require.Equal(t, "int64[] [7]", fmt.Sprint(Scalar(Int64, 7)))
	require.Equal(t, "int32[2] [1000000 -5]", Of([]int32{1000000, -5}).String())
	require.Equal(t, "float32[3] [0.1 1e+20 NaN]", Of([]float32{0.1, 1e20, float32(nanValue)}).String())
	require.Equal(t, "dtype(99)", DType(99).String())
}
