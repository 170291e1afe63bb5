package rl

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// A Distribution is a policy's choice of actions for a batch of n observations.
// What it returns as a Var is differentiable with respect to its parameters.
type Distribution interface {
	// Sample draws an action for each row from r, and Mode returns the most
	// likely ones, on the heap: int32 [n] of alternatives, or floating-point
	// [n, dim].
	Sample(r *rand.PCG) *tensor.Tensor
	Mode() *tensor.Tensor
	// LogProb returns the log-probability, or log-density, of such actions:
	// [n].
	LogProb(actions *tensor.Tensor) *autograd.Var
	// Entropy returns the entropies in nats: [n].
	Entropy() *autograd.Var
	// KL returns KL(p‖q) = E_p[log p - log q] of this distribution p to
	// another of its kind, in closed form: [n]. It panics with
	// *tensor.ShapeError if q is of another kind.
	KL(q Distribution) *autograd.Var
}

var (
	_ Distribution = Categorical{}
	_ Distribution = Gaussian{}
)
