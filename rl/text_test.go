package rl

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

func textModel(vocab int) *lm.Model {
	return lm.New(rand.NewPCG(1, 1), lm.Config{Vocab: vocab, Dim: 16, Layers: 2, Heads: 2, FFN: 32, MaxLen: 64})
}

var someRows = []textRow{
	{prompt: []int32{1, 2, 3}, actions: [][]int32{{4, 5, 0}, {0}, {6, 7, 8, 9}}},
	{prompt: []int32{5}, actions: [][]int32{{1}, {2, 3, 0}}},
	{prompt: []int32{7, 8, 9, 10, 11, 1}, actions: [][]int32{{3, 4, 5, 6, 7, 8, 0}}},
}

// Batches whose prompts are computed once give the log-probabilities of the
// plain texts, one by one.
func TestTextBatchEqualsPlainTexts(t *testing.T) {
	const temperature = 0.7
	m := textModel(12)
	b := newTextBatch(someRows)
	s := autograd.Inference()
	logp, _ := b.logProbs(s, m, temperature, false)
	again, entropy := b.logProbs(s, m, temperature, true)
	got, exact, entropies := numbers(logp.Detach()), numbers(again.Detach()), numbers(entropy.Detach())
	require.InDeltaSlice(t, got, exact, 1e-5)

	var lengths []float64
	i := 0
	for _, r := range someRows {
		for _, a := range r.actions {
			text := append(append([]int32(nil), r.prompt...), a...)
			s := autograd.Inference()
			logits := m.Logits(s, m.Hidden(s, lm.Input{Tokens: tensor.Of(text, 1, len(text))})).Value()
			for k, token := range a {
				at := len(r.prompt) - 1 + k
				z, h := 0.0, 0.0
				for v := range 12 {
					z += math.Exp(logits.At(0, at, v) / temperature)
				}
				for v := range 12 {
					p := math.Exp(logits.At(0, at, v)/temperature) / z
					h -= p * math.Log(p)
				}
				require.InDelta(t, logits.At(0, at, int(token))/temperature-math.Log(z), got[i], 1e-5)
				require.InDelta(t, h, entropies[i], 1e-5)
				i++
			}
			lengths = append(lengths, float64(len(a)))
		}
	}
	require.Equal(t, i, b.n())
	ones := make([]float64, b.n())
	for i := range ones {
		ones[i] = 1
	}
	assert.Equal(t, lengths, b.sums(ones))
	assert.Equal(t, lengths, b.sums(b.spread([]float64{1, 1, 1, 1, 1, 1})))
}

// The end token is an action; a completion that was cut has none.
func TestSampleEnds(t *testing.T) {
	m := textModel(4)
	ps := []Prompt{{Tokens: []int32{1, 2}}, {Tokens: make([]int32, 61)}}
	rows, completions, err := sample(context.Background(), m, rand.NewPCG(1, 1), ps, 0, 20, 5, 1)
	require.NoError(t, err)
	ended, cut := 0, 0
	for i, c := range completions {
		a, room := rows[i/20].actions[i%20], []int{5, 3}[i/20] // MaxLen is 64
		assert.True(t, slices.Equal(c, a[:len(c)]))
		if len(c) < room {
			assert.Equal(t, []int32{0}, a[len(c):])
			ended++
		} else {
			assert.Len(t, a, room)
			cut++
		}
		assert.NotContains(t, c, int32(0))
	}
	assert.Greater(t, ended, 5)
	assert.Greater(t, cut, 5)
}

// Until the policy moves, the ratio is exactly 1, in every batch of every step,
// with the entropy and without.
func TestRatioBeginsAtOne(t *testing.T) {
	policy := textModel(12)
	for _, entropy := range []float64{0, 0.1} {
		c := FineTune{Method: "ppo", Prompts: 12, Samples: 3, MaxNew: 20, Minibatches: 3, Tokens: 150, Entropy: entropy, Temperature: 0.8}.Defaults()
		r := rand.NewPCG(3, 4)
		var ps []Prompt
		for i := range c.Prompts {
			ps = append(ps, Prompt{Tokens: []int32{1, 2, 3, 4, 5, 6, 7}[:1+i%7]})
		}
		rows, _, err := sample(context.Background(), policy, r, ps, 0, c.Samples, c.MaxNew, c.Temperature)
		require.NoError(t, err)
		for i := range rows {
			rows[i].rewards = make([]float64, c.Samples)
		}
		u := newTuner(c, policy, nil)
		defer u.close()
		steps := c.split(r, rows)
		batches := 0
		for _, step := range steps {
			for _, b := range step {
				u.look(b)
				u.learning.Reset()
				logp, _ := b.logProbs(u.learning, policy, c.Temperature, entropy > 0)
				assert.Equal(t, b.logp, numbers(logp.Detach()))
				if entropy == 0 { // the same computation gives the reference's
					assert.Equal(t, b.logp, b.ref)
				}
				batches++
			}
		}
		assert.Greater(t, batches, len(steps))
	}
}

// Adding up the gradients of small batches gives that of one large batch.
func TestAccumulatedGradientIsTheWholeOne(t *testing.T) {
	policy := textModel(12)
	nn.Cast(policy, tensor.Float64)
	rows := append([]textRow(nil), someRows...)
	for i := range rows {
		rows[i].rewards = []float64{1, -0.5, 2}[:len(rows[i].actions)]
	}
	grads := func(c FineTune) []float64 {
		c.Prompts, c.KL.Beta = 3, 0.1
		c = c.Defaults()
		u := newTuner(c, policy, nil)
		defer u.close()
		for _, b := range c.split(rand.NewPCG(1, 1), rows)[0] {
			u.gradient(b, 6, 19, map[string]float64{})
		}
		var out []float64
		for _, model := range []any{policy, u.value} {
			for _, p := range nn.Params(model) {
				out = append(out, numbers(p.Param.Grad)...)
				p.Param.Grad = nil
			}
		}
		return out
	}
	require.Len(t, FineTune{Tokens: 10}.Defaults().split(nil, rows)[0], 3)
	for _, where := range []string{"reward", "k1", "k2", "k3"} {
		assert.InDeltaSlice(t, grads(FineTune{KLLoss: where}), grads(FineTune{KLLoss: where, Tokens: 10}), 1e-12, where)
	}
}
