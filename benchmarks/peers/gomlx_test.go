package peers

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/layers/attention"
	"github.com/gomlx/gomlx/ml/layers/norm"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

func BenchmarkMLPStep(b *testing.B) {
	b.Run("784-512-512-10/GoMLX", func(b *testing.B) {
		trainGoMLX(b, func(s *model.Scope, x *graph.Node) *graph.Node {
			x = activation.Relu(layers.Dense(s.In("a"), x, true, 512))
			x = activation.Relu(layers.Dense(s.In("b"), x, true, 512))
			return layers.Dense(s.In("c"), x, true, 10)
		}, 128, 784)
	})
}

func BenchmarkEncoderStep(b *testing.B) {
	b.Run("2x128x4x512/8x64/GoMLX", func(b *testing.B) {
		trainGoMLX(b, func(s *model.Scope, x *graph.Node) *graph.Node {
			for i := range 2 {
				x = block(s.In("layer_%d", i), x)
			}
			x = norm.LayerNorm(s.In("norm"), x, -1).Done()
			return layers.Dense(s.In("head"), graph.ReduceMean(x, 1), true, 10)
		}, 8, 64, 128)
	})
}

// block is a pre-norm Transformer block of 4 heads and a feed-forward layer
// 512 wide.
func block(s *model.Scope, x *graph.Node) *graph.Node {
	h := norm.LayerNorm(s.In("attn_norm"), x, -1).Done()
	x = graph.Add(x, attention.SelfAttention(s.In("attn"), h, 4, 32).UseProjectionBias(true).Done())
	h = norm.LayerNorm(s.In("ffn_norm"), x, -1).Done()
	h = activation.Gelu(layers.Dense(s.In("up"), h, true, 512))
	return graph.Add(x, layers.Dense(s.In("down"), h, true, 128))
}

// trainGoMLX times a step of Adam on a classifier of a random batch of the
// given shape into 10 classes.
func trainGoMLX(b *testing.B, f func(*model.Scope, *graph.Node) *graph.Node, shape ...int) {
	backend, err := compute.NewWithConfig("go")
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	size := 1
	for _, d := range shape {
		size *= d
	}
	x, target := make([]float32, size), make([]int32, shape[0])
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for i := range target {
		target[i] = r.Int32N(10)
	}
	trainer := train.NewTrainer(backend, model.NewStore(), f, loss.SparseCategoricalCrossEntropyLogits,
		optimizer.Adam().LearningRate(1e-3).Done(), nil, nil)
	step := func() {
		_, err := trainer.TrainStep(train.Batch{ // takes the tensors over
			Inputs: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(x, shape...)},
			Labels: []*tensors.Tensor{tensors.FromFlatDataAndDimensions(target, shape[0], 1)},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for range 5 {
		step()
	}
	for b.Loop() {
		step()
	}
}
