package rl

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// toy is a model of three tokens, 0 the end, that writes two actions at most:
// seven completions, whose expectation can be added up.
type toy struct {
	policy, reference *lm.Model
	row               textRow
}

func newToy() toy {
	model := func(seed uint64) *lm.Model {
		m := lm.New(rand.NewPCG(seed, 1), lm.Config{Vocab: 3, Dim: 8, Layers: 1, Heads: 2, FFN: 8})
		nn.Cast(m, tensor.Float64)
		for _, p := range nn.Params(m) { // away from the uniform distribution
			p.Param.Value = tensor.Scale(p.Param.Value, 1.7)
		}
		return m
	}
	return toy{model(1), model(2), textRow{
		prompt:  []int32{2, 1},
		actions: [][]int32{{0}, {1, 0}, {1, 1}, {1, 2}, {2, 0}, {2, 1}, {2, 2}},
		rewards: []float64{1, -2, 0.5, 3, -1, 0, 2},
	}}
}

// logProbs returns the log-probabilities of the seven completions by the
// softmax of m's logits for plain texts.
func (t toy) logProbs(m *lm.Model, temperature float64) []float64 {
	out := make([]float64, len(t.row.actions))
	for i, a := range t.row.actions {
		for k, p := range alternatives(m, t.row.prompt, a, temperature) {
			out[i] += p[a[k]]
		}
	}
	return out
}

// alternatives returns, before each of the actions that follow prompt, the
// log-probabilities of the toy's three tokens: [actions][3].
func alternatives(m *lm.Model, prompt, actions []int32, temperature float64) [][]float64 {
	s := autograd.Inference()
	defer s.Close()
	text := append(append([]int32(nil), prompt...), actions...)
	logits := m.Logits(s, m.Hidden(s, lm.Input{Tokens: tensor.Of(text, 1, len(text))})).Value()
	out := make([][]float64, len(actions))
	for k := range out {
		at, z := len(prompt)-1+k, 0.0
		for v := range 3 {
			z += math.Exp(logits.At(0, at, v) / temperature)
		}
		for v := range 3 {
			out[k] = append(out[k], logits.At(0, at, v)/temperature-math.Log(z))
		}
	}
	return out
}

// differences returns the derivatives of f by every fifth weight of params.
func differences(params []nn.Named, f func() float64) (out []float64) {
	const h = 1e-6
	for _, p := range params {
		w := tensor.Data[float64](p.Param.Value)
		for i := 0; i < len(w); i += 5 {
			at := w[i]
			w[i] = at + h
			up := f()
			w[i] = at - h
			down := f()
			w[i] = at
			out = append(out, (up-down)/(2*h))
		}
	}
	return out
}

// gradients returns those of every fifth weight of params, and clears them.
func gradients(params []nn.Named) (out []float64) {
	for _, p := range params {
		g := tensor.Data[float64](p.Param.Grad)
		for i := 0; i < len(g); i += 5 {
			out = append(out, g[i])
		}
		p.Param.Grad = nil
	}
	return out
}

// objective returns (1-α)·E[r] - α·KL(π‖reference).
func (t toy) objective(alpha, temperature float64) float64 {
	p, q := t.logProbs(t.policy, temperature), t.logProbs(t.reference, temperature)
	sum := 0.0
	for i := range p {
		sum += math.Exp(p[i]) * ((1-alpha)*t.row.rewards[i] - alpha*(p[i]-q[i]))
	}
	return sum
}

// The gradients of all completions, weighted with their probabilities, add up
// to the gradient of RLPF's objective, here by differences: with a value model
// that knows nothing true, and with every pair of completions for the
// leave-one-out baseline.
func TestExpectedGradientIsTheObjectives(t *testing.T) {
	const alpha, temperature = 0.3, 0.8
	toy := newToy()
	p := toy.logProbs(toy.policy, temperature)
	total := 0.0
	for _, l := range p {
		total += math.Exp(l)
	}
	require.InDelta(t, 1, total, 1e-12)

	params := nn.Params(toy.policy)
	want := differences(params, func() float64 { return toy.objective(alpha, temperature) })

	for _, c := range []FineTune{{Method: "reinforce", Samples: 1}, {Method: "rloo", Samples: 2}} {
		c.Alpha, c.Temperature = alpha, temperature
		c = c.Defaults()
		u := newTuner(c, toy.policy, toy.reference)
		if u.value != nil {
			u.value.Head.Weight.Value = tensor.Normal(rand.NewPCG(1, 1), tensor.Float64, 1, 1, 8)
		}
		got := make([]float64, len(want))
		add := func(probability float64, which ...int) {
			row := textRow{prompt: toy.row.prompt}
			for _, i := range which {
				row.actions, row.rewards = append(row.actions, toy.row.actions[i]), append(row.rewards, toy.row.rewards[i])
			}
			b := &judged{textBatch: newTextBatch([]textRow{row})}
			u.gradient(b, len(which), b.n(), map[string]float64{})
			for i, g := range gradients(params) {
				got[i] -= probability * g // the loss is what falls
			}
		}
		for i := range p {
			if c.Samples == 1 {
				add(math.Exp(p[i]), i)
				continue
			}
			for j := range p {
				add(math.Exp(p[i]+p[j]), i, j)
			}
		}
		u.close()
		require.InDeltaSlice(t, want, got, 1e-7, c.Method)
	}
}
