package benchmarks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// measureStep is measure for a training step; it also reports the most bytes
// that intermediate values took.
func measureStep(b *testing.B, flops int, m model, opt optim.Optimizer) {
	b.Helper()
	step, arena := training(m, opt)
	measure(b, flops, step)
	_, peak := arena.Bytes()
	b.ReportMetric(float64(peak)/(1<<20), "arena-MiB")
}

func BenchmarkTrainStep(b *testing.B) {
	b.Run("gpt", func(b *testing.B) {
		measureStep(b, gptBench.flops(), newGPT(gptBench), &optim.AdamW{LR: 3e-4, Decay: 0.01, Decays: everything})
		perCall(b, float64(gptBench.batch*gptBench.seq), "tokens/s")
	})
}

func BenchmarkMLPStep(b *testing.B) {
	b.Run("784-512-512-10", func(b *testing.B) {
		measureStep(b, 0, newMLP(), &optim.Adam{LR: 1e-3})
	})
}

func BenchmarkEncoderStep(b *testing.B) {
	b.Run("2x128x4x512/8x64", func(b *testing.B) {
		measureStep(b, 0, newEncoder(), &optim.Adam{LR: 1e-3})
	})
}

// Decoding adds 127 tokens to one.
func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name   string
		stored tensor.DType
	}{{"gpt", tensor.Float32}, {"gpt-bf16", tensor.BFloat16}, {"gpt-f16", tensor.Float16}, {"gpt-q8", tensor.Q8_0}} {
		b.Run(c.name, func(b *testing.B) {
			m, s := newGPT(gptBench), autograd.Inference()
			nn.Cast(m, c.stored)
			tokens := gptBench.seq - 1
			measure(b, 0, func() { m.decode(s, tokens) })
			perCall(b, float64(tokens), "tokens/s")
		})
	}
}

var gptSmall = gptSize{vocab: 64, dim: 32, heads: 2, layers: 2, seq: 16, batch: 2}

func TestGPTSize(t *testing.T) {
	total, _ := nn.NumParams(newGPT(gptBench))
	require.Equal(t, 5_289_472, total)
	require.Equal(t, 27_380_416_512, gptBench.flops())
}

// What is timed learns: the loss on the one batch falls.
func TestTrainingLearns(t *testing.T) {
	for name, m := range map[string]model{"gpt": newGPT(gptSmall), "mlp": newMLP(), "encoder": newEncoder()} {
		t.Run(name, func(t *testing.T) {
			loss := func() float64 {
				sum, n := m.loss(autograd.Inference())
				return sum.Value().Item() / float64(n)
			}
			before := loss()
			step, _ := training(m, &optim.Adam{LR: 1e-3})
			for range 10 {
				step()
			}
			require.Less(t, loss(), before)
		})
	}
}

// Decoding with a cache says what the whole text says at once.
func TestDecode(t *testing.T) {
	m := newGPT(gptSmall)
	out := m.decode(autograd.Inference(), gptSmall.seq)
	tokens := tensor.Of(append([]int32{1}, out[:len(out)-1]...), 1, gptSmall.seq)
	s := autograd.Inference()
	all := m.Head.Forward(s, m.states(s, tokens, m.places, nil)).Value()
	require.Equal(t, out, tensor.Data[int32](tensor.ArgMax(all, -1).Cast(tensor.Int32)))
}
