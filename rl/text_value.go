package rl

import (
	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// textValue tells what a prompt and the tokens so far are worth: a copy of the
// policy as it was at the start, with a scalar head. The head begins as a
// constant, which start sets.
type textValue struct {
	Model *lm.Model
	Head  *nn.Linear // [1, dim]
}

func newTextValue(policy *lm.Model) *textValue {
	v := &textValue{nn.Clone(policy), &nn.Linear{Weight: nn.Zeros(1, policy.Config.Dim), Bias: nn.Zeros(1)}}
	if policy.Embed.Weight.Value.DType() == tensor.Float64 {
		nn.Cast(v.Head, tensor.Float64)
	}
	return v
}

// start sets what everything is worth at first. From 0 the head would need many
// updates to come near rewards that are far from it; until then there is hardly
// a baseline, and the policy is carried off by noise.
func (v *textValue) start(worth float64) { tensor.Fill(v.Head.Bias.Value, worth) }

// values returns the value of the state before each action of b: [n].
func (v *textValue) values(s *autograd.Scope, b *textBatch) *autograd.Var {
	return autograd.Squeeze(v.Head.Forward(s, b.states(s, v.Model)), 1)
}
