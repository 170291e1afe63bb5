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

// clippedRows are groups of three completions of unequal length for the toy's
// models.
func clippedRows() []textRow {
	return []textRow{
		{prompt: []int32{2, 1}, actions: [][]int32{{0}, {1, 2, 0}, {2, 1, 1, 2}}, rewards: []float64{1, -2, 3}},
		{prompt: []int32{1}, actions: [][]int32{{1, 0}, {2, 2, 1, 0}, {0}}, rewards: []float64{0.5, -1, 2}},
	}
}

// told is what is known of a completion before the policy moves.
type told struct {
	prompt, actions   []int32
	logp, ref, values []float64 // of each action
	advantage         []float64
	returns           []float64
}

// clippedCase is a tuner in the middle of an update, and the numbers for its
// loss, none of them the tuner's own.
type clippedCase struct {
	c       FineTune
	policy  *lm.Model
	value   *textValue
	texts   []told
	actions float64 // in all texts
}

func newClippedCase(c FineTune, t toy, value *textValue) clippedCase {
	k := clippedCase{c: c, policy: t.policy, value: value}
	for _, r := range clippedRows() {
		var group []told
		for i, a := range r.actions {
			x := told{prompt: r.prompt, actions: a}
			p, q := alternatives(t.policy, r.prompt, a, c.Temperature), alternatives(t.reference, r.prompt, a, c.Temperature)
			paid := make([]float64, len(a))
			paid[len(a)-1] = r.rewards[i]
			for j, token := range a {
				x.logp, x.ref = append(x.logp, p[j][token]), append(x.ref, q[j][token])
				if c.KLLoss == "reward" {
					paid[j] -= c.KL.Beta * (x.logp[j] - x.ref[j])
				}
			}
			if c.Method == "ppo" {
				x.values = plainValues(value, r.prompt, a)
				x.advantage, x.returns = plainGAE(paid, x.values, c.Gamma, c.Lambda)
			}
			group = append(group, x)
			k.actions += float64(len(a))
		}
		if c.Method == "grpo" {
			mean, square := 0.0, 0.0
			for _, v := range r.rewards {
				mean, square = mean+v/3, square+v*v/3
			}
			scale := 1 / (math.Sqrt(square-mean*mean) + 1e-6)
			if c.NoScale {
				scale = 1
			}
			for i := range group {
				for range group[i].actions {
					group[i].advantage = append(group[i].advantage, (r.rewards[i]-mean)*scale)
				}
			}
		}
		k.texts = append(k.texts, group...)
	}
	if c.Method == "ppo" { // the advantages of all texts get mean 0 and deviation 1
		mean, square := 0.0, 0.0
		for _, x := range k.texts {
			for _, v := range x.advantage {
				mean, square = mean+v/k.actions, square+v*v/k.actions
			}
		}
		for _, x := range k.texts {
			for j, v := range x.advantage {
				x.advantage[j] = (v - mean) / (math.Sqrt(square-mean*mean) + 1e-8)
			}
		}
	}
	return k
}

// plainValues returns the value before each action by the hidden states of the
// plain text.
func plainValues(v *textValue, prompt, actions []int32) []float64 {
	s := autograd.Inference()
	defer s.Close()
	text := append(append([]int32(nil), prompt...), actions...)
	h := v.Model.Hidden(s, lm.Input{Tokens: tensor.Of(text, 1, len(text))}).Value()
	out := make([]float64, len(actions))
	for j := range out {
		out[j] = v.Head.Bias.Value.At(0)
		for d := range v.Model.Config.Dim {
			out[j] += v.Head.Weight.Value.At(0, d) * h.At(0, len(prompt)-1+j, d)
		}
	}
	return out
}

// plainGAE sums what equation 16 of GAE sums, term by term, up to the end of
// the text, after which nothing is worth anything.
func plainGAE(rewards, values []float64, gamma, lambda float64) (advantage, returns []float64) {
	for i := range rewards {
		a := 0.0
		for k := i; k < len(rewards); k++ {
			delta := rewards[k] - values[k]
			if k+1 < len(rewards) {
				delta += gamma * values[k+1]
			}
			a += math.Pow(gamma*lambda, float64(k-i)) * delta
		}
		advantage, returns = append(advantage, a), append(returns, a+values[i])
	}
	return advantage, returns
}

// weight is what an action of x counts in a mean: in grpo that of its text's
// mean in the mean over texts, in ppo all actions the same.
func (k clippedCase) weight(x told) float64 {
	if k.c.Method == "grpo" {
		return 1 / float64(len(k.texts)) / float64(len(x.actions))
	}
	return 1 / k.actions
}

// loss returns the clipped surrogate, and the whole loss of the policy as it is
// now. Instead of the smaller of two products it says when a ratio counts only
// as far as a bound: above the upper one where the advantage is positive, below
// the lower one where it is negative. It returns how often that was so at each
// bound, and how often a ratio beyond it counted as it is.
func (k clippedCase) loss() (surrogate, whole float64, clipped, free [2]int) {
	for _, x := range k.texts {
		w := k.weight(x)
		for j, p := range alternatives(k.policy, x.prompt, x.actions, k.c.Temperature) {
			logp, a := p[x.actions[j]], x.advantage[j]
			ratio := math.Exp(logp - x.logp[j])
			switch high, low := 1+k.c.Clip, 1-k.c.Clip; {
			case ratio > high && a > 0:
				ratio = high
				clipped[0]++
			case ratio < low && a < 0:
				ratio = low
				clipped[1]++
			case ratio > high:
				free[0]++
			case ratio < low:
				free[1]++
			}
			surrogate -= w * ratio * a
			apart := logp - x.ref[j]
			switch k.c.KLLoss {
			case "k2":
				whole += w * k.c.KL.Beta * apart * apart / 2
			case "k3":
				whole += w * k.c.KL.Beta * (math.Exp(-apart) - 1 + apart)
			}
			for _, l := range p { // less the entropy
				whole += w * k.c.Entropy * math.Exp(l) * l
			}
		}
	}
	return surrogate, whole + surrogate, clipped, free
}

// moved returns K3 of an action to the policy that sampled.
func (k clippedCase) moved() (kl float64) {
	for _, x := range k.texts {
		for j, p := range alternatives(k.policy, x.prompt, x.actions, k.c.Temperature) {
			d := p[x.actions[j]] - x.logp[j]
			kl += (math.Exp(d) - 1 - d) / k.actions
		}
	}
	return kl
}

// valueLoss returns the clipped loss of the value model as it is now.
func (k clippedCase) valueLoss() (loss float64) {
	for _, x := range k.texts {
		for j, v := range plainValues(k.value, x.prompt, x.actions) {
			was, goal := x.values[j], x.returns[j]
			near := math.Min(math.Max(v, was-k.c.ValueClip), was+k.c.ValueClip)
			loss += math.Max((v-goal)*(v-goal), (near-goal)*(near-goal)) / 2 / k.actions
		}
	}
	return loss
}

// nudge moves every weight a little, as gradient steps would.
func nudge(r *rand.PCG, params []nn.Named, size float64) {
	for _, p := range params {
		p.Param.Value = tensor.Add(p.Param.Value, tensor.Normal(r, tensor.Float64, size, p.Param.Value.Shape()...))
	}
}

// The gradients of grpo and ppo in the middle of an update, when ratios have
// left 1 far behind, are those of the formulas, here by differences.
func TestClippedGradientIsTheFormulas(t *testing.T) {
	for name, c := range map[string]FineTune{
		"grpo":                {Method: "grpo", KL: KLController{Beta: 0.3}},
		"grpo, no scale":      {Method: "grpo", NoScale: true, KL: KLController{Beta: 0.3}, KLLoss: "k2", Entropy: 0.1},
		"ppo":                 {Method: "ppo", KL: KLController{Beta: 0.3}, Gamma: 0.9, Lambda: 0.7, ValueClip: 0.1},
		"ppo, KL in the loss": {Method: "ppo", KL: KLController{Beta: 0.3}, KLLoss: "k3", Entropy: 0.1, ValueClip: 0.1},
	} {
		t.Run(name, func(t *testing.T) {
			c.Prompts, c.Samples, c.Temperature = 2, 3, 0.8
			c = c.Defaults()
			toy := newToy()
			u := newTuner(c, toy.policy, toy.reference)
			defer u.close()
			if u.value != nil {
				u.value.Head.Weight.Value = tensor.Normal(rand.NewPCG(1, 1), tensor.Float64, 1, 1, 8)
			}
			want := newClippedCase(c, toy, u.value)

			var batches []*judged // of a row each, whose gradients add up
			for _, r := range clippedRows() {
				b := &judged{textBatch: newTextBatch([]textRow{r})}
				u.look(b)
				batches = append(batches, b)
			}
			if c.Method == "ppo" {
				standardize(batches)
			}
			params := nn.Params(toy.policy)
			nudge(rand.NewPCG(3, 1), params, 0.2)
			if u.value != nil {
				nudge(rand.NewPCG(4, 1), nn.Params(u.value), 0.1)
			}
			sum := map[string]float64{}
			for _, b := range batches {
				u.gradient(b, len(want.texts), int(want.actions), sum)
			}

			surrogate, _, clipped, free := want.loss()
			for _, n := range append(clipped[:], free[:]...) {
				require.Positive(t, n, "clipped %v, out of bounds but not clipped %v", clipped, free)
			}
			require.InDelta(t, surrogate, sum["policy_loss"], 1e-12)
			whole := differences(params, func() float64 {
				_, whole, _, _ := want.loss()
				return whole
			})
			require.InDeltaSlice(t, whole, gradients(params), 1e-7)
			if u.value != nil {
				require.InDelta(t, want.valueLoss(), sum["value_loss"], 1e-12)
				require.InDeltaSlice(t, differences(nn.Params(u.value), want.valueLoss), gradients(nn.Params(u.value)), 1e-7)
			}

			// A step counts texts and actions by itself.
			moved, m := want.moved(), newMeans()
			got, err := u.step(batches, m)
			require.NoError(t, err)
			require.InDelta(t, moved, got, 1e-12)
			require.InDelta(t, surrogate, m.means()["policy_loss"], 1e-12)
		})
	}
}
