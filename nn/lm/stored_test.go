package lm

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// storedModel returns a model whose matrices are of whole blocks, and what its
// logits may be off by, as a share of their spread.
func storedModel(dt tensor.DType) (m *Model, off float64) {
	m = New(pcg(), Config{Vocab: 50, Dim: 64, Layers: 2, Heads: 4, FFN: 96, MaxLen: 40})
	for _, p := range nn.Params(m) { // of a size at which attention matters
		p.Param.Value = tensor.Scale(p.Param.Value, 1.5)
	}
	nn.Cast(m, dt)
	return m, map[tensor.DType]float64{tensor.Float32: 0, tensor.BFloat16: 0.02, tensor.Float16: 0.003, tensor.Q8_0: 0.03}[dt]
}

var storedTypes = []tensor.DType{tensor.BFloat16, tensor.Float16, tensor.Q8_0}

// Decoding with narrow weights stays near the float32 model's logits, token by
// token from a cache, and so does the whole text at once, whose products are
// of widened weights.
func TestStoredWeightsStayNear(t *testing.T) {
	const n = 20
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(i * 7 % 50)
	}
	run := func(m *Model) (whole, steps []float32) {
		s := autograd.Inference()
		whole = tensor.Data[float32](m.Logits(s, m.Hidden(s, Input{Tokens: ids(1, n, tokens...)})).Detach())
		cache := m.NewCache(1)
		for _, tok := range tokens {
			s.Reset()
			h := m.Hidden(s, Input{Tokens: ids(1, 1, tok), Cache: cache})
			steps = append(steps, tensor.Data[float32](m.Logits(s, h).Value())...)
		}
		return whole, steps
	}
	full, _ := storedModel(tensor.Float32)
	want, _ := run(full)
	var sum, square float64
	for _, v := range want {
		sum, square = sum+float64(v), square+float64(v)*float64(v)
	}
	mean := sum / float64(len(want))
	spread := math.Sqrt(square/float64(len(want)) - mean*mean)
	for _, dt := range storedTypes {
		m, off := storedModel(dt)
		require.Equal(t, dt, m.Embed.Weight.Value.DType())
		require.Equal(t, dt, m.Layers[0].FFN.DownProj.Weight.Value.DType())
		require.Equal(t, tensor.Float32, m.Layers[0].AttnNorm.(*nn.RMSNorm).Weight.Value.DType())
		whole, steps := run(m)
		for name, got := range map[string][]float32{"whole": whole, "steps": steps} {
			var diff float64
			for i, v := range got {
				diff += float64(v-want[i]) * float64(v-want[i])
			}
			require.Less(t, math.Sqrt(diff/float64(len(got))), off*spread, "%v, %s", dt, name)
		}
	}
}

// Greedy decoding from a cache picks what the whole text at once would, or
// something within the rounding of it.
func TestStoredGreedyDecode(t *testing.T) {
	for _, dt := range append(storedTypes, tensor.Float32) {
		m, off := storedModel(dt)
		prompt := []int32{3, 1, 4}
		out, err := m.Generate(context.Background(), nil, Request{Tokens: [][]int32{prompt}, MaxNew: 20})
		require.NoError(t, err)
		text := append(prompt, out[0]...)
		s := autograd.Inference()
		logits := m.Logits(s, m.Hidden(s, Input{Tokens: ids(1, len(text), text...)})).Value()
		for i := len(prompt); i < len(text); i++ {
			best := math.Inf(-1)
			for v := range 50 {
				best = max(best, logits.At(0, i-1, v))
			}
			require.InDelta(t, best, logits.At(0, i-1, int(text[i])), 1e-4+4*off, "%v, token %d", dt, i)
		}
	}
}

func TestStoredWeightsAreNotTrained(t *testing.T) {
	m, _ := storedModel(tensor.Q8_0)
	s := autograd.NewScope(true)
	loss := func() error {
		s.Reset()
		sum, _ := m.Loss(s, Input{Tokens: ids(1, 3, 1, 2, 3)}, ids(1, 3, 2, 3, 4))
		sum.Backward()
		return nil
	}
	require.ErrorContains(t, tensor.Try(loss), "a q8_0 table cannot be trained; freeze it")
	require.NoError(t, nn.TrainOnly(m, "norm.*"))
	require.NoError(t, tensor.Try(loss))
	require.NotNil(t, m.Norm.(*nn.RMSNorm).Weight.Grad)
}
