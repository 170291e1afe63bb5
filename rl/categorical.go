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
	g := rand.New(r)
	return c.choose(func(logp func(int) float64, k int) int {
		u, last := g.Float64(), 0
		for j := range k {
			p := math.Exp(logp(j))
			if p == 0 {
				continue
			}
			if u -= p; u < 0 {
				return j
			}
			last = j // rounding may leave a little of u
		}
		return last
	})
}

// Mode returns the likeliest alternatives, the first of equals: int32 [n].
func (c Categorical) Mode() *tensor.Tensor { return tensor.ArgMax(c.LogProbs.Value(), -1).Clone() }

// choose applies f to the log-probabilities of each row.
func (c Categorical) choose(f func(logp func(int) float64, k int) int) *tensor.Tensor {
	n, k := c.LogProbs.Dim(0), c.LogProbs.Dim(1)
	out := tensor.New(tensor.Int32, n)
	choice := tensor.Data[int32](out)
	if c.LogProbs.DType() == tensor.Float64 {
		data := tensor.Data[float64](c.LogProbs.Value())
		for i := range choice {
			choice[i] = int32(f(func(j int) float64 { return data[i*k+j] }, k))
		}
		return out
	}
	data := tensor.Data[float32](c.LogProbs.Value())
	for i := range choice {
		choice[i] = int32(f(func(j int) float64 { return float64(data[i*k+j]) }, k))
	}
	return out
}

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
