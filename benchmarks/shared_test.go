package benchmarks

import (
	"math/rand/v2"
	"testing"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// continuations trains a language model on several continuations of each
// prompt: in one row with the prompt, or each in a row of its own.
type continuations struct {
	Model  *lm.Model
	in     lm.Input
	target *tensor.Tensor
}

// 16 prompts of 450 tokens with 4 continuations of 80, as a policy's update
// reads them.
const (
	prompts, promptLen = 16, 450
	texts, textLen     = 4, 80
)

func newContinuations(shared bool) *continuations {
	m := lm.New(rand.NewPCG(1, 2), lm.Config{Vocab: 2000, Dim: 128, Layers: 4, Heads: 4, MaxLen: promptLen + textLen})
	rows, each := prompts, texts
	if !shared {
		rows, each = prompts*texts, 1
	}
	n := promptLen + each*textLen
	c := &continuations{Model: m, target: below(2000, rows, n)}
	c.in.Tokens = below(2000, rows, n)
	target := tensor.Data[int32](c.target)
	for i := range target {
		at := i % n
		pos, start := at, 0
		if at >= promptLen {
			text := (at - promptLen) / textLen
			start = promptLen + text*textLen
			pos = promptLen + at - start
		} else {
			target[i] = -1
		}
		if shared {
			c.in.Pos, c.in.Start = append(c.in.Pos, int32(pos)), append(c.in.Start, int32(start))
		}
	}
	for range rows {
		if shared {
			c.in.Shared = append(c.in.Shared, promptLen)
		}
	}
	return c
}

func (c *continuations) loss(s *autograd.Scope) (sum *autograd.Var, n int) {
	return c.Model.Loss(s, c.in, c.target)
}

// BenchmarkContinuations does the same predictions with prompts computed once
// and once for each continuation, forward and back.
func BenchmarkContinuations(b *testing.B) {
	for _, k := range []struct {
		name   string
		shared bool
	}{{"shared/16x(450+4x80)", true}, {"separate/64x(450+80)", false}} {
		b.Run(k.name, func(b *testing.B) {
			c, s := newContinuations(k.shared), autograd.NewScope(true)
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				sum, n := c.loss(s)
				autograd.Scale(sum, 1/float64(n)).Backward()
			}
			perCall(b, prompts*texts*textLen, "predictions/s")
		})
	}
}
