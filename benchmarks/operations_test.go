package benchmarks

import (
	"fmt"
	"testing"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// of is the operation f on one random input.
func of(f func(x *autograd.Var) *autograd.Var, shape ...int) operation {
	x := normal32(shape...)
	return func(s *autograd.Scope) *autograd.Var { return f(s.Leaf(x)) }
}

func BenchmarkSoftmax(b *testing.B) {
	softmax := func(x *autograd.Var) *autograd.Var { return autograd.Softmax(x, -1) }
	of(softmax, 1024, 1024).run(b, "1024x1024", 0)
	of(softmax, 8, 8, 128, 128).run(b, "8x8x128x128", 0)
}

func BenchmarkLogSoftmax(b *testing.B) {
	of(func(x *autograd.Var) *autograd.Var { return autograd.LogSoftmax(x, -1) }, 1024, 1024).run(b, "1024x1024", 0)
}

func BenchmarkGELU(b *testing.B) {
	b.Run("tanh", func(b *testing.B) { of(autograd.GELUTanh, 1024, 1024).run(b, "1024x1024", 0) })
	b.Run("erf", func(b *testing.B) { of(autograd.GELU, 1024, 1024).run(b, "1024x1024", 0) })
}

func BenchmarkExp(b *testing.B) { of(autograd.Exp, 1024, 1024).run(b, "1024x1024", 0) }

func BenchmarkAdd(b *testing.B) {
	x, y := normal32(1024, 1024), normal32(1024, 1024)
	operation(func(s *autograd.Scope) *autograd.Var { return autograd.Add(s.Leaf(x), s.Leaf(y)) }).run(b, "1024x1024", 0)
}

func BenchmarkLayerNorm(b *testing.B) {
	x, w, bias := normal32(1024, 256), parameter(256), parameter(256)
	operation(func(s *autograd.Scope) *autograd.Var {
		return autograd.LayerNorm(s.Leaf(x), s.Use(w), s.Use(bias), 1e-5)
	}).run(b, "1024x256", 0)
}

func BenchmarkRMSNorm(b *testing.B) {
	x, w := normal32(1024, 256), parameter(256)
	operation(func(s *autograd.Scope) *autograd.Var {
		return autograd.RMSNorm(s.Leaf(x), s.Use(w), 1e-5)
	}).run(b, "1024x256", 0)
}

func BenchmarkCrossEntropy(b *testing.B) {
	x, target := normal32(1024, 4096), below(4096, 1024)
	operation(func(s *autograd.Scope) *autograd.Var {
		sum, n := nn.CrossEntropy(s.Leaf(x), target, -1, 0)
		return autograd.Scale(sum, 1/float64(n))
	}).run(b, "1024x4096", 0)
}

// Attention is causal. The rate counts all pairs of positions, as is usual,
// though half of them are masked.
func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct{ batch, heads, seq, dim int }{{8, 8, 128, 32}, {1, 8, 512, 64}} {
		q, k, v := normal32(c.batch, c.seq, c.heads, c.dim), normal32(c.batch, c.seq, c.heads, c.dim), normal32(c.batch, c.seq, c.heads, c.dim)
		operation(func(s *autograd.Scope) *autograd.Var {
			return autograd.Attention(s.Leaf(q), s.Leaf(k), s.Leaf(v), autograd.AttnMask{Causal: true})
		}).run(b, fmt.Sprintf("%dx%dx%dx%d", c.batch, c.heads, c.seq, c.dim), 4*c.batch*c.heads*c.seq*c.seq*c.dim)
	}
}

func BenchmarkAdamW(b *testing.B) {
	b.Run("4M", func(b *testing.B) {
		var ps []nn.Named
		for i := range 4 {
			p := parameter(1 << 20)
			tensor.Copy(p.Grad, normal32(1<<20))
			ps = append(ps, nn.Named{Name: fmt.Sprint("w", i), Param: p})
		}
		opt := &optim.AdamW{LR: 1e-4, Decay: 0.01, Decays: everything}
		measure(b, 0, func() { opt.Step(ps) })
	})
}

// everything decays, as PyTorch has it unless told otherwise.
func everything(nn.Named) bool { return true }
