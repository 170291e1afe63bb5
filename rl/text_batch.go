package rl

import (
	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// textBatch is what passes through a model at once: prompts, each followed by
// its completions, which do not see each other. Its actions, n in all, stand in
// the order of rows and completions.
type textBatch struct {
	rows    []textRow
	in      lm.Input
	at      *tensor.Tensor // [n], int32: where the state before each action is among the states [rows·seq]
	actions *tensor.Tensor // [n], int32
	last    []bool         // [n]: the completion's last action
}

// newTextBatch lays rows out. A prompt's last state is where the first action
// of each of its completions is chosen.
func newTextBatch(rows []textRow) *textBatch {
	width := 0
	for _, r := range rows {
		width = max(width, r.tokens())
	}
	var at, actions []int32
	tokens := make([]int32, len(rows)*width)
	pos, start := make([]int32, len(tokens)), make([]int32, len(tokens))
	b := &textBatch{rows: rows}
	for i, r := range rows {
		first := i * width
		next := copy(tokens[first:], r.prompt)
		for j := range next {
			pos[first+j] = int32(j)
		}
		for _, a := range r.actions {
			at, actions, b.last = append(at, int32(first+len(r.prompt)-1)), append(actions, a...), append(b.last, len(a) == 1)
			begin := next
			for k, t := range a[:len(a)-1] {
				tokens[first+next], pos[first+next], start[first+next] = t, int32(len(r.prompt)+k), int32(begin)
				at, b.last = append(at, int32(first+next)), append(b.last, k == len(a)-2)
				next++
			}
		}
		for ; next < width; next++ { // padding, which nothing sees
			start[first+next] = int32(next)
		}
		b.in.Shared = append(b.in.Shared, int32(len(r.prompt)))
	}
	b.in.Tokens, b.in.Pos, b.in.Start = tensor.Of(tokens, len(rows), width), pos, start
	b.at, b.actions = tensor.Of(at), tensor.Of(actions)
	return b
}

// n returns the number of actions.
func (b *textBatch) n() int { return b.at.Len() }

// states returns m's states before each action: [n, dim].
func (b *textBatch) states(s *autograd.Scope, m *lm.Model) *autograd.Var {
	h := m.Hidden(s, b.in)
	return autograd.IndexSelect(autograd.Reshape(h, h.Dim(0)*h.Dim(1), h.Dim(2)), 0, b.at)
}

// logProbs returns the log-probabilities of the actions when m samples at a
// temperature, [n], and the entropies of all alternatives, [n], if asked for.
func (b *textBatch) logProbs(s *autograd.Scope, m *lm.Model, temperature float64, entropy bool) (logp, entropies *autograd.Var) {
	h := autograd.Scale(b.states(s, m), 1/temperature) // the logits are linear in it
	if !entropy {
		return m.LogProb(s, h, b.actions), nil
	}
	d := NewCategorical(m.Logits(s, h))
	return d.LogProb(b.actions), d.Entropy()
}

// totals is sums, differentiable.
func (b *textBatch) totals(x *autograd.Var) *autograd.Var {
	completion, c := make([]int32, b.n()), 0
	for i, last := range b.last {
		if completion[i] = int32(c); last {
			c++
		}
	}
	return autograd.ScatterAdd(constant(x, make([]float64, c)), 0, tensor.Of(completion), x)
}

// sums adds up what belongs to the actions of each completion.
func (b *textBatch) sums(x []float64) []float64 {
	out, sum := []float64(nil), 0.0
	for i, v := range x {
		if sum += v; b.last[i] {
			out, sum = append(out, sum), 0
		}
	}
	return out
}

// spread gives each action its completion's number.
func (b *textBatch) spread(x []float64) []float64 {
	out, c := make([]float64, b.n()), 0
	for i, last := range b.last {
		if out[i] = x[c]; last {
			c++
		}
	}
	return out
}
