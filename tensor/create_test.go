package tensor

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCreation(t *testing.T) {
	for dt := range numPlain {
		near(t, Of([]float64{0, 1, 2, 3}).Cast(dt), Arange(dt, 4))
		require.Equal(t, []int{0}, Arange(dt, 0).Shape())
		near(t, Of([]float64{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3).Cast(dt), Eye(dt, 3))
		require.Equal(t, []int{0, 0}, Eye(dt, 0).Shape())
		require.Equal(t, 1.0, Full(dt, 1, 2, 2).At(1, 1))
	}
}

func TestRandom(t *testing.T) {
	for _, dt := range []DType{Float32, Float64} {
		r := rand.NewPCG(7, 8)
		u, n := Uniform(r, dt, -1, 3, 200, 100), Normal(r, dt, 0.5, 200, 100)
		lo, _ := Min(u.Reshape(-1), 0)
		hi, _ := Max(u.Reshape(-1), 0)
		require.GreaterOrEqual(t, lo.Item(), -1.0)
		require.Less(t, hi.Item(), 3.0)
		require.InDelta(t, 1, Mean(u).Item(), 0.03)
		require.InDelta(t, 16.0/12, Variance(u.Reshape(-1), 0).Item(), 0.05)
		require.InDelta(t, 0, Mean(n).Item(), 0.02)
		require.InDelta(t, 0.25, Variance(n.Reshape(-1), 0).Item(), 0.01)
		near(t, u, Uniform(rand.NewPCG(7, 8), dt, -1, 3, 200, 100))
	}
	r := rand.NewPCG(1, 1)
	// Intervals of one float32: rounding must neither reach hi nor loop.
	next := float64(math.Nextafter32(1, 2))
	require.Equal(t, Full(Float32, 1, 100).String(), Uniform(r, Float32, 1, next, 100).String())
	require.Equal(t, 1.0, Uniform(r, Float32, 1, 1+1e-12).Item())
	require.Equal(t, 2.0, Uniform(r, Float64, 2, 2).Item())
	shapeError(t, "uniform: no numbers in [1, 0)", func() { Uniform(r, Float32, 1, 0) })
	shapeError(t, "uniform: no numbers in [NaN, 0)", func() { Uniform(r, Float32, math.NaN(), 0) })
	shapeError(t, "normal: needs float32 or float64, not int8: [2]", func() { Normal(r, Int8, 1, 2) })
}
