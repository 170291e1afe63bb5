package optim

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// grads makes parameters whose gradients are the given vectors.
func grads(gs ...[]float64) []nn.Named {
	var ps []nn.Named
	for i, g := range gs {
		p := param(string(rune('a'+i)), make([]float64, len(g)))
		p.Param.Grad = tensor.Of(g)
		ps = append(ps, p)
	}
	return ps
}

func gradOf(p nn.Named) []float64 { return tensor.Data[float64](p.Param.Grad) }

func TestClipNorm(t *testing.T) {
	ps := grads([]float64{3}, []float64{0, 4}, []float64{100})
	ps[2].Param.Frozen = true
	require.Equal(t, 5.0, Norm(ps))
	require.Equal(t, 5.0, ClipNorm(ps, 10))
	require.Equal(t, 5.0, ClipNorm(ps, 0))
	require.Equal(t, []float64{3}, gradOf(ps[0]))
	require.Equal(t, 5.0, ClipNorm(ps, 1))
	require.InDeltaSlice(t, []float64{0, 0.8}, gradOf(ps[1]), 1e-15)
	require.InDelta(t, 1, Norm(ps), 1e-15)
	require.Equal(t, []float64{100}, gradOf(ps[2]), "frozen")
	Scale(ps, 10)
	require.InDelta(t, 10, Norm(ps), 1e-14)
	Zero(ps)
	require.Equal(t, 0.0, Norm(ps))
	require.Nil(t, ps[1].Param.Grad)
}

func TestClipNormOfWhatIsNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		ps := grads([]float64{3, 4}, []float64{bad})
		norm := ClipNorm(ps, 1)
		require.True(t, math.IsNaN(norm) || math.IsInf(norm, 1))
		require.Equal(t, []float64{3, 4}, gradOf(ps[0]))
	}
}

// Squares of float32 gradients beyond 1e19 would overflow in float32.
func TestNormOfLargeGradients(t *testing.T) {
	ps := grads([]float64{3e30, 4e30})
	ps[0].Param.Value = ps[0].Param.Value.Cast(tensor.Float32)
	ps[0].Param.Grad = ps[0].Param.Grad.Cast(tensor.Float32)
	require.InEpsilon(t, 5e30, Norm(ps), 1e-6)
}
