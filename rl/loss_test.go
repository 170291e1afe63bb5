package rl

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The numbers of these tests are those of the formulas in PyTorch, float64,
// with its gradients.

func TestPPOLoss(t *testing.T) {
	s := autograd.NewScope(true)
	logp := s.Leaf(f64([]int{4}, -0.3, -1.2, -2, -0.7))
	loss := PPOLoss(logp, f64([]int{4}, -0.9, -1.1, -1.5, -0.69), f64([]int{4}, 1.5, -0.4, -2, 0.8), 0.2)
	assert.InDeltaSlice(t, []float64{-1.8, 0.3619349672, 1.6, -0.792039867}, values(loss), 1e-9)
	assert.InDeltaSlice(t, []float64{0, 0.3619349672, 0, -0.792039867}, sumGrad(loss, logp), 1e-9)
}

// At the policy that acted, where the clipping does nothing, PPO's gradient is
// REINFORCE's.
func TestPPOLossStartsAsPolicyGradient(t *testing.T) {
	s := autograd.NewScope(true)
	old, adv := f64([]int{3}, -1, -2, -0.1), f64([]int{3}, 1, -2, 0.5)
	a, b := s.Leaf(old.Clone()), s.Leaf(old.Clone())
	assert.InDeltaSlice(t, sumGrad(PolicyGradient(a, adv), a), sumGrad(PPOLoss(b, old, adv, 0.2), b), 1e-12)
}

func TestClippedValueLoss(t *testing.T) {
	s := autograd.NewScope(true)
	v := s.Leaf(f64([]int{4}, 0.5, 1, -0.3, 2))
	loss := ClippedValueLoss(v, f64([]int{4}, 0.1, 1.05, -0.2, 1), f64([]int{4}, 1, 0, 0.4, 1.1), 0.2)
	assert.InDeltaSlice(t, []float64{0.245, 0.5, 0.245, 0.405}, values(loss), 1e-9)
	assert.InDeltaSlice(t, []float64{0, 1, -0.7, 0.9}, sumGrad(loss, v), 1e-9)
}

func TestDPOLoss(t *testing.T) {
	s := autograd.NewScope(true)
	chosen, rejected := s.Leaf(f64([]int{3}, -1, -2, -0.5)), s.Leaf(f64([]int{3}, -1.5, -1, -3))
	loss := DPOLoss(chosen, rejected, f64([]int{3}, -1.2, -1.8, -0.9), f64([]int{3}, -1.1, -1.3, -2), 0.3)
	assert.InDeltaSlice(t, []float64{0.6071917248, 0.7709570478, 0.5050369938}, values(loss), 1e-9)
	want := []float64{-0.1365363323, -0.1612289536, -0.118955025}
	assert.InDeltaSlice(t, want, sumGrad(loss, chosen), 1e-9)
	for i, g := range numbers(rejected.Grad()) {
		assert.InDelta(t, -want[i], g, 1e-9)
	}
}

func TestKLEstimators(t *testing.T) {
	s := autograd.Inference()
	p, q := s.Const(f64([]int{3}, -0.3, -1.2, -2)), s.Const(f64([]int{3}, -0.5, -1, -0.8))
	assert.InDeltaSlice(t, []float64{0.2, -0.2, -1.2}, values(K1(p, q)), 1e-9)
	assert.InDeltaSlice(t, []float64{0.02, 0.02, 0.72}, values(K2(p, q)), 1e-9)
	assert.InDeltaSlice(t, []float64{0.0187307531, 0.0214027582, 1.1201169227}, values(K3(p, q)), 1e-9)
}

// K1 and K3 have the divergence as their mean over samples of p, K2 nearly so
// for near distributions; K3 varies less than K1.
func TestKLEstimatorsAgreeWithClosedForm(t *testing.T) {
	const n = 20000
	s := autograd.Inference()
	normal := func(mean, std float64) Gaussian {
		return Gaussian{s.Const(tensor.Full(tensor.Float64, mean, n, 1)), s.Const(f64([]int{1}, math.Log(std)))}
	}
	p, q := normal(0, 1), normal(0.2, 1.1)
	x := p.Sample(rand.NewPCG(7, 8))
	a, b := p.LogProb(x), q.LogProb(x)
	want := p.KL(q).Value().At(0)
	m1, s1 := moments(values(K1(a, b)))
	m2, _ := moments(values(K2(a, b)))
	m3, s3 := moments(values(K3(a, b)))
	assert.InDelta(t, want, m1, 4*s1/math.Sqrt(n))
	assert.InDelta(t, want, m3, 4*s3/math.Sqrt(n))
	assert.InDelta(t, want, m2, 0.2*want)
	assert.Less(t, s3, s1/2)
}

func TestLossGradients(t *testing.T) {
	x := f64([]int{4}, -0.3, -1.2, -2, -0.7)
	y := f64([]int{4}, -0.8, -1.1, -1.3, -0.2)
	c, d := x.Clone(), y.Clone() // x and y are moved by the check
	for name, f := range map[string]func(a, b *autograd.Var) *autograd.Var{
		"policy gradient": func(a, b *autograd.Var) *autograd.Var { return PolicyGradient(autograd.Add(a, b), d) },
		"value":           func(a, b *autograd.Var) *autograd.Var { return ValueLoss(autograd.Add(a, b), d) },
		"clipped value":   func(a, b *autograd.Var) *autograd.Var { return ClippedValueLoss(autograd.Add(a, b), d, c, 0.25) },
		"k1":              K1,
		"k2":              K2,
		"k3":              K3,
		"dpo":             func(a, b *autograd.Var) *autograd.Var { return DPOLoss(a, b, d, c, 0.7) },
	} {
		assert.NoError(t, autograd.GradCheck(func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return f(xs[0], xs[1]) }, 1e-7, x, y), name)
	}
}

func scopeForTest(t *testing.T) *autograd.Scope {
	s := autograd.Inference()
	t.Cleanup(s.Close)
	return s
}
