package rl

import (
	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// textValue tells what a prompt and the tokens so far are worth: a copy of the
// policy as it was at the start, with a scalar head that begins at 0.
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

// values returns the value of the state before each action of b: [n].
func (v *textValue) values(s *autograd.Scope, b *textBatch) *autograd.Var {
	return autograd.Squeeze(v.Head.Forward(s, b.states(s, v.Model)), 1)
}
