package rl

import (
	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The losses are to be minimised. All give one value a sample, [n], so that the
// caller masks, weights and averages.

// PolicyGradient returns -A·log π(a|s), whose gradient is REINFORCE's (Williams
// 1992): logp is a Var, advantages [n] are numbers.
func PolicyGradient(logp *autograd.Var, advantages *tensor.Tensor) *autograd.Var {
	return autograd.Neg(autograd.Mul(logp, logp.Scope().Const(advantages)))
}

// PPOLoss returns the clipped surrogate of Schulman et al. (2017, arXiv
// 1707.06347, equation 7), with the ratio ρ = π(a|s)/π_old(a|s):
//
//	-min(ρ·A, clip(ρ, 1-clip, 1+clip)·A)
//
// old [n] holds the log-probabilities under the policy that acted.
func PPOLoss(logp *autograd.Var, old, advantages *tensor.Tensor, clip float64) *autograd.Var {
	s := logp.Scope()
	adv := s.Const(advantages)
	ratio := autograd.Exp(autograd.Sub(logp, s.Const(old)))
	return autograd.Neg(autograd.Minimum(autograd.Mul(ratio, adv), autograd.Mul(between(ratio, 1-clip, 1+clip), adv)))
}

// ValueLoss returns ½(V - G)² for returns G [n].
func ValueLoss(values *autograd.Var, returns *tensor.Tensor) *autograd.Var {
	return autograd.Scale(autograd.Square(autograd.Sub(values, values.Scope().Const(returns))), 0.5)
}

// ClippedValueLoss returns the larger of ValueLoss and that of values kept
// within ±clip of old [n], their predictions when the policy acted (Engstrom et
// al. 2020, arXiv 2005.12729, section 2):
//
//	½·max((V - G)², (V_old + clip(V - V_old, -clip, clip) - G)²)
func ClippedValueLoss(values *autograd.Var, old, returns *tensor.Tensor, clip float64) *autograd.Var {
	was := values.Scope().Const(old)
	near := autograd.Add(was, between(autograd.Sub(values, was), -clip, clip))
	return autograd.Maximum(ValueLoss(values, returns), ValueLoss(near, returns))
}

// DPOLoss returns the loss of preference pairs of Rafailov et al. (2023, arXiv
// 2305.18290, equation 7), one a pair, from the log-probabilities of the chosen
// and the rejected answer under the policy, and those under the reference as
// numbers:
//
//	-log σ(β·((chosen - refChosen) - (rejected - refRejected)))
func DPOLoss(chosen, rejected *autograd.Var, refChosen, refRejected *tensor.Tensor, beta float64) *autograd.Var {
	ref := chosen.Scope().Const(tensor.Sub(refChosen, refRejected))
	margin := autograd.Sub(autograd.Sub(chosen, rejected), ref)
	return autograd.Softplus(autograd.Scale(margin, -beta))
}

// between clips x; what it clips gets no gradient.
func between(x *autograd.Var, low, high float64) *autograd.Var {
	s := x.Scope()
	bound := func(v float64) *autograd.Var { return s.Const(tensor.Scalar(x.DType(), v)) }
	return autograd.Minimum(autograd.Maximum(x, bound(low)), bound(high))
}
