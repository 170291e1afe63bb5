package rl

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func f64(shape []int, x ...float64) *tensor.Tensor { return tensor.Of(x, shape...) }

func values(v *autograd.Var) []float64 { return numbers(v.Value()) }

// sumGrad returns the gradient of Σ v at leaf.
func sumGrad(v, leaf *autograd.Var) []float64 {
	autograd.Sum(v).Backward()
	return numbers(leaf.Grad())
}

// The numbers of this test are those of torch.distributions in float64.
func TestCategorical(t *testing.T) {
	s := autograd.NewScope(true)
	logits := s.Leaf(f64([]int{2, 3}, 0.5, -1, 2, 0.1, 0.2, -0.3))
	p, q := NewCategorical(logits), NewCategorical(s.Const(f64([]int{2, 3}, 1, 0, 0.5, -1, 2, 0)))
	actions := tensor.Of([]int32{2, 0})
	logp, entropy, kl := p.LogProb(actions), p.Entropy(), p.KL(q)
	assert.InDeltaSlice(t, []float64{-0.2413112967, -1.0208276556}, values(logp), 1e-9)
	assert.InDeltaSlice(t, []float64{0.6215846047, 1.0776143389}, values(entropy), 1e-9)
	assert.InDeltaSlice(t, []float64{0.4905961565, 0.6561496138}, values(kl), 1e-9)
	assert.Equal(t, []float64{2, 1}, numbers(p.Mode()))
	assert.InDeltaSlice(t, []float64{-0.2510002566, -0.0168931542, 0.2678934108, 1.1571188927, -1.0209247923, -0.1361941004},
		sumGrad(autograd.Add(autograd.Add(logp, entropy), kl), logits), 1e-9)
}

func TestMaskedCategorical(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		s := autograd.NewScope(true)
		logits := s.Leaf(f64([]int{2, 3}, 0.5, -1, 2, 0.1, 0.2, -0.3).Cast(dt))
		p := NewMaskedCategorical(logits, tensor.Of([]bool{true, false, true, true, true, false}, 2, 3))
		assert.InDeltaSlice(t, []float64{0.1824255238, 0, 0.8175744762, 0.4750208125, 0.5249791875, 0}, values(autograd.Exp(p.LogProbs)), 1e-6)
		entropy := p.Entropy()
		assert.InDeltaSlice(t, []float64{0.4750515637, 0.6918987413}, values(entropy), 1e-6)
		r := rand.NewPCG(1, 2)
		for range 200 {
			a := tensor.Data[int32](p.Sample(r))
			assert.NotEqual(t, int32(1), a[0])
			assert.NotEqual(t, int32(2), a[1])
		}
		kl := p.KL(NewMaskedCategorical(s.Const(tensor.New(dt, 2, 3)), tensor.Of([]bool{true, false, true, true, true, false}, 2, 3)))
		assert.InDeltaSlice(t, []float64{math.Ln2 - 0.4750515637, math.Ln2 - 0.6918987413}, values(kl), 1e-6)
		grad := sumGrad(autograd.Add(autograd.Add(entropy, kl), p.LogProb(tensor.Of([]int32{0, 0}))), logits)
		assert.Equal(t, 0.0, grad[1])
		assert.Equal(t, 0.0, grad[5])
		for _, g := range grad {
			assert.False(t, math.IsNaN(g))
		}
	}
}

// The numbers are those of torch.distributions in float64.
func TestGaussian(t *testing.T) {
	s := autograd.Inference()
	c := func(shape []int, x ...float64) *autograd.Var { return s.Const(f64(shape, x...)) }
	p := Gaussian{c([]int{2, 2}, 0.3, -0.7, 1.2, 0.4), c([]int{2}, 0.1, -0.5)}
	q := Gaussian{c([]int{2, 2}, 0, 0.2, 1, 0), c([]int{2, 2}, -0.2, 0.3, 0.4, 0)}
	assert.InDeltaSlice(t, []float64{-1.5765743638, -4.9336524219}, values(p.LogProb(f64([]int{2, 2}, 0.5, -1, 1, 2))), 1e-9)
	assert.InDeltaSlice(t, []float64{2.4378770664, 2.4378770664}, values(p.Entropy()), 1e-9)
	assert.InDeltaSlice(t, []float64{0.8014084832, 0.3473321179}, values(p.KL(q)), 1e-9)
	assert.Equal(t, []float64{0.3, -0.7, 1.2, 0.4}, numbers(p.Mode()))
	assert.Panics(t, func() { p.KL(NewCategorical(p.Mean)) })
	assert.Panics(t, func() { NewCategorical(p.Mean).KL(p) })
}

func TestDistributionGradients(t *testing.T) {
	x := tensor.Normal(rand.NewPCG(1, 2), tensor.Float64, 1, 3, 4)
	y := tensor.Normal(rand.NewPCG(3, 4), tensor.Float64, 1, 3, 4)
	std := f64([]int{4}, 0.1, -0.3, 0.2, -1)
	all := func(p, q Distribution, actions *tensor.Tensor) *autograd.Var {
		return autograd.Add(autograd.Add(p.LogProb(actions), autograd.Scale(p.Entropy(), 0.3)), autograd.Scale(p.KL(q), 0.7))
	}
	assert.NoError(t, autograd.GradCheck(func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return all(NewCategorical(xs[0]), NewCategorical(xs[1]), tensor.Of([]int32{1, 3, 0}))
	}, 1e-7, x, y))
	assert.NoError(t, autograd.GradCheck(func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return all(Gaussian{xs[0], xs[2]}, Gaussian{xs[1], xs[2]}, f64([]int{3, 4}, 1, 2, 3, 4, -1, 0, 1, 0, .5, .5, .1, .2))
	}, 1e-7, x, y, std))
}

// Samples have the distribution's log-probabilities: their mean is minus the
// entropy.
func TestSamples(t *testing.T) {
	const n = 20000
	s, r := autograd.Inference(), rand.NewPCG(5, 6)
	p := NewCategorical(s.Const(f64([]int{1, 4}, 0.5, -1, 2, 0)))
	many := Categorical{autograd.Expand(p.LogProbs, n, 4)}
	many.LogProbs = s.Const(many.LogProbs.Detach())
	drawn := many.Sample(r)
	count := make([]float64, 4)
	for _, a := range tensor.Data[int32](drawn) {
		count[a]++
	}
	for j, c := range count {
		assert.InDelta(t, math.Exp(p.LogProbs.Value().At(0, j)), c/n, 0.012)
	}
	g := Gaussian{s.Const(tensor.Full(tensor.Float64, 3, n, 1)), s.Const(f64([]int{1}, math.Log(2)))}
	x := g.Sample(r)
	mean, std := moments(numbers(x))
	assert.InDelta(t, 3, mean, 0.05)
	assert.InDelta(t, 2, std, 0.05)
	avg, _ := moments(values(g.LogProb(x)))
	assert.InDelta(t, -g.Entropy().Value().At(0), avg, 0.02)
}
