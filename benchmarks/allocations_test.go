package benchmarks

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// A step in its steady state takes its tensors from the arena. What is left to
// the garbage collector is what describes them: few allocations, and bytes that
// do not grow with the sizes.
func TestStepAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates, and makes sync.Pool forget")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the kernels' scratch
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))  // another core's first share of the work needs scratch of its own
	for _, c := range []struct {
		name   string
		model  model
		count  float64
		kbytes uint64 // less than any one activation
	}{
		{"mlp", newMLP(), 30, 10},
		{"encoder", newEncoder(), 130, 64},
		{"gpt", newGPT(gptSize{vocab: 1024, dim: 128, heads: 4, layers: 2, seq: 64, batch: 4}), 160, 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			step, arena := training(c.model, &optim.AdamW{LR: 1e-3})
			for range warm {
				step()
			}
			const runs = 10
			count := testing.AllocsPerRun(runs, step)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range runs {
				step()
			}
			runtime.ReadMemStats(&after)
			kbytes := (after.TotalAlloc - before.TotalAlloc) / runs >> 10
			_, peak := arena.Bytes()
			t.Logf("%v allocations, %d KiB a step; %d KiB in the arena", count, kbytes, peak>>10)
			require.LessOrEqual(t, count, c.count)
			require.LessOrEqual(t, kbytes, c.kbytes)
		})
	}
}

// A token that is decoded takes few allocations, however long the text.
func TestDecodeAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates, and makes sync.Pool forget")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the kernels' scratch
	const tokens = 63
	for _, stored := range []tensor.DType{tensor.Float32, tensor.BFloat16, tensor.Q8_0} {
		m, s := newGPT(gptSize{vocab: 64, dim: 32, heads: 2, layers: 4, seq: tokens + 1, batch: 1}), autograd.Inference()
		nn.Cast(m, stored)
		m.decode(s, tokens)
		count := testing.AllocsPerRun(2, func() { m.decode(s, tokens) }) / tokens
		t.Logf("%v: %.0f allocations a token", stored, count)
		require.LessOrEqual(t, count, 30.0, stored)
	}
}
