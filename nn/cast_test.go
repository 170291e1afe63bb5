package nn

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Only what is read as it is stored becomes narrow: a Perceiver's latents, a
// matrix too, are added to and stay float32.
func TestCastToStorage(t *testing.T) {
	r := rand.NewPCG(1, 2)
	x := tensor.Normal(r, tensor.Float32, 1, 2, 5, 64)
	for _, dt := range []tensor.DType{tensor.BFloat16, tensor.Float16, tensor.Q8_0} {
		p := NewPerceiver(r, 32, 2, BlockConfig{Dim: 64, Heads: 2, FFN: 96})
		_, err := AddLoRA(r, p, 4, 8, "layers.*.cross.q_proj")
		require.NoError(t, err)
		read := func() *tensor.Tensor {
			s := autograd.Inference()
			return p.Forward(s, s.Const(x), nil, 1).Detach()
		}
		want := tensor.Data[float32](read())
		Cast(p, dt)
		require.Equal(t, tensor.Float32, p.Latents.Value.DType())
		q := p.Layers[0].Cross.QProj
		require.Equal(t, dt, q.Weight.Value.DType())
		require.Equal(t, dt, q.LoRA.A.Value.DType())
		require.Equal(t, dt == tensor.Q8_0, q.LoRA.B.Value.DType() == tensor.Float32, "rows of 4 are no block")
		for _, n := range Params(p) {
			n.Param.Frozen = true
		}
		require.InDeltaSlice(t, want, tensor.Data[float32](read()), 0.15, dt)
	}
}
