package tensor

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/internal/kernel"
)

// Every 16-bit pattern survives widening and rounding; a NaN stays one.
func TestHalfRoundTrip(t *testing.T) {
	for _, f := range []struct {
		name     string
		from     func(uint16) float32
		to       func(float32) uint16
		exponent uint16
	}{{"bfloat16", kernel.FromBFloat16, kernel.ToBFloat16, 0x7f80}, {"float16", kernel.FromFloat16, kernel.ToFloat16, 0x7c00}} {
		for i := range 1 << 16 {
			h := uint16(i)
			v := f.from(h)
			isNaN := h&f.exponent == f.exponent && h&^(f.exponent|0x8000) != 0
			require.Equal(t, isNaN, v != v, "%s %#x", f.name, h)
			if isNaN {
				back := f.from(f.to(v))
				require.True(t, back != back)
				continue
			}
			require.Equal(t, h, f.to(v), "%s %#x", f.name, h)
			require.Equal(t, h>>15 == 1, math.Signbit(float64(v)))
		}
	}
}

// Rounding goes to the nearest, and between two to the even one, up to
// infinity.
func TestHalfRounding(t *testing.T) {
	for _, f := range []struct {
		name string
		from func(uint16) float32
		to   func(float32) uint16
		inf  uint16
	}{{"bfloat16", kernel.FromBFloat16, kernel.ToBFloat16, 0x7f80}, {"float16", kernel.FromFloat16, kernel.ToFloat16, 0x7c00}} {
		for h := range f.inf {
			lo, hi := float64(f.from(h)), float64(f.from(h+1))
			if h+1 == f.inf { // where the next power of two would be
				hi = 2*lo - float64(f.from(h-1))
			}
			mid := float32((lo + hi) / 2)
			even := h + h&1
			require.Equal(t, even, f.to(mid), "%s %#x", f.name, h)
			require.Equal(t, h, f.to(math.Nextafter32(mid, 0)), "%s %#x", f.name, h)
			require.Equal(t, h+1, f.to(math.Nextafter32(mid, math.MaxFloat32)), "%s %#x", f.name, h)
			require.Equal(t, even|0x8000, f.to(-mid))
		}
		require.Equal(t, f.inf, f.to(math.MaxFloat32))
		require.Equal(t, f.inf, f.to(float32(math.Inf(1))))
		require.Equal(t, f.inf|0x8000, f.to(float32(math.Inf(-1))))
	}
	require.Equal(t, uint16(0x7bff), kernel.ToFloat16(65519.996))
	require.Equal(t, uint16(0x7c00), kernel.ToFloat16(65520))
	require.Equal(t, uint16(0), kernel.ToFloat16(1.0/(1<<25)))
	require.Equal(t, uint16(1), kernel.ToFloat16(math.Nextafter32(1.0/(1<<25), 1)))
}

func TestCast(t *testing.T) {
	r := rand.NewPCG(9, 9)
	x := Uniform(r, Float64, -100, 100, 40, 9).Cast(Int32).Transpose(0, 1) // exact in all but bool
	for from := range numPlain {
		for to := range numPlain {
			src := x.Cast(from)
			got := src.Cast(to)
			require.Equal(t, to, got.DType())
			near(t, build(to, x.Shape(), func(i []int) float64 { return src.At(i...) }), got.Contiguous())
			if from != to {
				require.NotSame(t, src.st, got.st)
			}
		}
	}
	nan, inf := math.NaN(), math.Inf(1)
	wild := Of([]float64{nan, inf, -inf, 1e30, -1e30, 2.9, -2.9, 300})
	near(t, Of([]int8{0, 127, -128, 127, -128, 2, -2, 127}), wild.Cast(Int8))
	near(t, Of([]int32{0, math.MaxInt32, math.MinInt32, math.MaxInt32, math.MinInt32, 2, -2, 300}), wild.Cast(Int32))
	require.Equal(t, []int64{0, math.MaxInt64, math.MinInt64, math.MaxInt64, math.MinInt64, 2, -2, 300}, Data[int64](wild.Cast(Int64)))
	require.Equal(t, []bool{true, true, true, true, true, true, true, true}, Data[bool](wild.Cast(Bool)))
	require.Equal(t, []int64{1<<31 - 1}, Data[int64](Of([]int32{1<<31 - 1}).Cast(Int64)))
	require.Equal(t, 127.0, Full(Int8, 1e9, 1).Item())
	require.Equal(t, "float16[2] [1 -Inf]", Of([]float32{1, -70000}).Cast(Float16).String())
	require.Equal(t, "bool[10] [1 1 1 1 1 1 1 1] …", Full(Bool, 3, 10).String())
}
