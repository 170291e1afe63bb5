package rl

import "github.com/noema-ml/noema/autograd"

// The estimators of KL(p‖q) from samples of p, one value a sample (Schulman
// 2020, "Approximating KL Divergence"). p and q are the samples'
// log-probabilities. As a loss they have other gradients than as an estimate:
// that of K2 is the gradient of the divergence in expectation, that of K1 is 0.

// K1 returns log p - log q: unbiased, of high variance, negative at times.
func K1(p, q *autograd.Var) *autograd.Var { return autograd.Sub(p, q) }

// K2 returns ½(log p - log q)²: biased, of low variance, never negative.
func K2(p, q *autograd.Var) *autograd.Var {
	return autograd.Scale(autograd.Square(autograd.Sub(p, q)), 0.5)
}

// K3 returns q/p - 1 - log q/p: unbiased, of low variance, never negative.
func K3(p, q *autograd.Var) *autograd.Var {
	log := autograd.Sub(q, p)
	return autograd.AddScalar(autograd.Sub(autograd.Exp(log), log), -1)
}

// KLController adapts the weight β of a KL penalty so that the divergence comes
// to Target (Ziegler et al. 2019, arXiv 1909.08593, section 2.2):
//
//	e = clip(KL/Target - 1, -0.2, 0.2),  β ← β·(1 + e·n/Horizon)
//
// for n samples. It is plain data, to be saved with a checkpoint.
type KLController struct {
	Beta    float64
	Target  float64 // nats; 0 keeps Beta as it is
	Horizon float64 // samples; 0 means 10 times those of an update, the paper's 0.1
}

// Update takes in the divergence measured over n samples and returns the new
// Beta.
func (c *KLController) Update(kl float64, n int) float64 {
	if c.Target == 0 {
		return c.Beta
	}
	step := 0.1
	if c.Horizon != 0 {
		step = float64(n) / c.Horizon
	}
	c.Beta *= 1 + step*min(max(kl/c.Target-1, -0.2), 0.2)
	return c.Beta
}
