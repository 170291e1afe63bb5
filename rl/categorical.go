package rl

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Categorical chooses among k alternatives.
type Categorical struct {
	LogProbs *autograd.Var // [n, k]: log-probabilities, normalised
}

// NewCategorical returns the distribution softmax(logits), logits [n, k].
func NewCategorical(logits *autograd.Var) Categorical {
	return Categorical{autograd.LogSoftmax(logits, -1)}
}

// never is a logit whose probability is exactly 0 beside any usual one, and
// which unlike -Inf gives no NaN as 0·log 0.
const never = -1e9

// NewMaskedCategorical is NewCategorical of the alternatives that allowed, Bool
// [n, k], leaves: the others have probability 0, add nothing to the entropy and
// get no gradient (Huang and Ontañón 2020, arXiv 2006.14171). A row must leave
// one.
func NewMaskedCategorical(logits *autograd.Var, allowed *tensor.Tensor) Categorical {
	return NewCategorical(autograd.MaskedFill(logits, tensor.Not(allowed), never))
}

// Sample draws alternatives: int32 [n].
func (c Categorical) Sample(r *rand.PCG) *tensor.Tensor {
	out := tensor.New(tensor.Int32, c.LogProbs.Dim(0))
	choice := tensor.Data[int32](out)
	if c.LogProbs.DType() == tensor.Float64 {
		sampleRows(rand.New(r), choice, tensor.Data[float64](c.LogProbs.Value()))
	} else {
		sampleRows(rand.New(r), choice, tensor.Data[float32](c.LogProbs.Value()))
	}
	return out
}

// sampleRows draws an alternative from each row of log-probabilities.
func sampleRows[T tensor.Float](g *rand.Rand, choice []int32, logp []T) {
	k := len(logp) / max(1, len(choice))
	for i := range choice {
		u := g.Float64()
		for j, l := range logp[i*k : (i+1)*k] {
			p := math.Exp(float64(l))
			if p == 0 {
				continue
			}
			choice[i] = int32(j) // the last one possible, if rounding leaves a little of u
			if u -= p; u < 0 {
				break
			}
		}
	}
}

// Mode returns the likeliest alternatives, the first of equals: int32 [n].
func (c Categorical) Mode() *tensor.Tensor { return tensor.ArgMax(c.LogProbs.Value(), -1).Clone() }

// LogProb returns the log-probabilities of actions, int32 [n]: [n].
func (c Categorical) LogProb(actions *tensor.Tensor) *autograd.Var {
	return autograd.Squeeze(autograd.Gather(c.LogProbs, 1, actions.Unsqueeze(1)), 1)
}

// Entropy returns -Σ p·log p: [n].
func (c Categorical) Entropy() *autograd.Var {
	return autograd.Neg(autograd.Sum(autograd.Mul(autograd.Exp(c.LogProbs), c.LogProbs), -1))
}

// KL returns Σ p·(log p - log q): [n].
func (c Categorical) KL(q Distribution) *autograd.Var {
	other, ok := q.(Categorical)
	if !ok {
		tensor.Fail("categorical KL", "the other distribution is not categorical", c.LogProbs.Value())
	}
	return autograd.Sum(autograd.Mul(autograd.Exp(c.LogProbs), autograd.Sub(c.LogProbs, other.LogProbs)), -1)
}
