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

// plain hides what lets Update pass the scale on.
type plain struct{ Optimizer }

func TestUpdate(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			for _, opt := range []Optimizer{k.make(), plain{k.make()}} {
				got, want, byHand := model(), model(), k.make()
				for step := range 4 {
					setGrads(got, step)
					setGrads(want, step)
					limit := 0.25 * float64(step) // none at first
					norm := Update(opt, got, -0.5, limit)
					Scale(want, -0.5)
					require.InDelta(t, ClipNorm(want, limit), norm, 1e-14)
					byHand.Step(want)
					require.InDeltaSlice(t, weights(want), weights(got), 1e-13)
					require.Nil(t, got[0].Param.Grad)
				}
				before := weights(got)
				setGrads(got, 0)
				gradOf(got[1])[0] = math.NaN()
				require.True(t, math.IsNaN(Update(opt, got, 1, 1)))
				require.Equal(t, before, weights(got))
				require.True(t, math.IsNaN(gradOf(got[1])[0]))
			}
		})
	}
}

// Gradients whose squares overflow are no harm where they are clipped.
func TestUpdateFromLargeGradients(t *testing.T) {
	for _, k := range kinds {
		opt, want := k.make(), k.make()
		got, ps := model(), model()
		for _, of := range [][]nn.Named{got, ps} {
			for _, p := range of {
				p.Param.Value = p.Param.Value.Cast(tensor.Float32)
			}
			setGrads(of, 0)
			for _, p := range of {
				if p.Param.Grad != nil {
					p.Param.Grad = p.Param.Grad.Cast(tensor.Float32)
				}
			}
		}
		Scale(got, 1e25)
		Update(opt, got, 1, 1)
		Update(want, ps, 1, 1)
		for i, p := range ps {
			x, y := p.Param.Value.Cast(tensor.Float64), got[i].Param.Value.Cast(tensor.Float64)
			require.InDeltaSlice(t, tensor.Data[float64](x), tensor.Data[float64](y), 1e-5, "%s: %s", k.name, p.Name)
		}
	}
}

// But for what a pool may have let go.
func TestUpdateAllocatesNothing(t *testing.T) {
	opts := []Optimizer{&AdamW{LR: 0.1}, &Adam{LR: 0.1}, &SGD{LR: 0.1, Momentum: 0.9}}
	if !raceEnabled { // with it pools let go of what products are made in
		opts = append(opts, &Muon{LR: 0.1})
	}
	for _, opt := range opts {
		ps := append(model(), param("large", make([]float64, 3*grain)), param("matrix", make([]float64, 3*grain), 96, grain/32))
		setGrads(ps, 0)
		once := func() {
			for _, p := range ps {
				p.Param.Grad = p.Param.Value
			}
			Update(opt, ps, 1e-9, 1)
		}
		once()
		require.LessOrEqual(t, testing.AllocsPerRun(20, once), 3.0, "%T", opt)
	}
}
