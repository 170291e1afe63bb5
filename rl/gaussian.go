package rl

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Gaussian draws each dimension of an action from a normal distribution of its
// own.
type Gaussian struct {
	Mean   *autograd.Var // [n, dim]
	LogStd *autograd.Var // [n, dim], or [dim] for all rows
}

// Sample draws actions: [n, dim].
func (g Gaussian) Sample(r *rand.PCG) *tensor.Tensor {
	noise := tensor.Normal(r, g.Mean.DType(), 1, g.Mean.Shape()...)
	return tensor.Add(g.Mean.Value(), tensor.Mul(tensor.Exp(g.LogStd.Value()), noise)).Clone()
}

// Mode returns the means: [n, dim].
func (g Gaussian) Mode() *tensor.Tensor { return g.Mean.Detach() }

// LogProb returns -Σ (½((a-μ)/σ)² + log σ + ½ log 2π) over the dimensions: [n].
func (g Gaussian) LogProb(actions *tensor.Tensor) *autograd.Var {
	z := autograd.Mul(autograd.Sub(g.Mean.Scope().Const(actions), g.Mean), autograd.Exp(autograd.Neg(g.LogStd)))
	each := autograd.Add(autograd.Scale(autograd.Square(z), 0.5), g.LogStd)
	return autograd.Neg(autograd.Sum(autograd.AddScalar(each, 0.5*math.Log(2*math.Pi)), -1))
}

// Entropy returns Σ (log σ + ½ log 2πe) over the dimensions: [n].
func (g Gaussian) Entropy() *autograd.Var {
	each := autograd.AddScalar(g.LogStd, 0.5*math.Log(2*math.Pi*math.E))
	return autograd.Sum(autograd.Expand(each, g.Mean.Shape()...), -1)
}

// KL returns Σ (log σ_q/σ_p + (σ_p² + (μ_p-μ_q)²)/2σ_q² - ½) over the
// dimensions: [n].
func (g Gaussian) KL(q Distribution) *autograd.Var {
	other, ok := q.(Gaussian)
	if !ok {
		tensor.Fail("Gaussian KL", "the other distribution is not Gaussian", g.Mean.Value())
	}
	apart := autograd.Square(autograd.Sub(g.Mean, other.Mean))
	spread := autograd.Add(autograd.Exp(autograd.Scale(g.LogStd, 2)), apart)
	ratio := autograd.Scale(autograd.Mul(spread, autograd.Exp(autograd.Scale(other.LogStd, -2))), 0.5)
	each := autograd.Add(autograd.Sub(other.LogStd, g.LogStd), ratio)
	return autograd.Sum(autograd.AddScalar(each, -0.5), -1)
}
