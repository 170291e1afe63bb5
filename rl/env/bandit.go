package env

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/rl"
)

// Bandit is a contextual bandit with linear rewards (Li et al. 2010, arXiv
// 1003.0146): an episode is one choice. The context x [Dim] is drawn from the
// normal distribution, and arm a pays Weights[a]·x plus normal noise.
type Bandit struct {
	Weights [][]float64 // [arms][dim]
	Noise   float64     // standard deviation of the rewards

	rand    *rand.Rand
	context []float64
}

// NewBandit returns a bandit whose weights are drawn from the normal
// distribution, from seed.
func NewBandit(seed uint64, arms, dim int, noise float64) *Bandit {
	r := rand.New(rand.NewPCG(seed, 0x62616e646974))
	b := &Bandit{Noise: noise}
	for range arms {
		b.Weights = append(b.Weights, normal(r, dim))
	}
	return b
}

func normal(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// Observations are contexts.
func (b *Bandit) Observations() rl.Space { return rl.Unbounded(len(b.Weights[0])) }

// Actions are the arms.
func (b *Bandit) Actions() rl.Space { return rl.Discrete(len(b.Weights)) }

// Reset draws a context.
func (b *Bandit) Reset(seed uint64) []float64 {
	b.rand = source(seed)
	b.context = normal(b.rand, len(b.Weights[0]))
	return append([]float64(nil), b.context...)
}

// Mean returns what an arm pays on average in a context.
func (b *Bandit) Mean(context []float64, arm int) float64 {
	sum := 0.0
	for i, w := range b.Weights[arm] {
		sum += w * context[i]
	}
	return sum
}

// Step plays an arm, which ends the episode.
func (b *Bandit) Step(action []float64) ([]float64, float64, bool, bool) {
	reward := b.Mean(b.context, int(action[0])) + b.Noise*b.rand.NormFloat64()
	return append([]float64(nil), b.context...), reward, true, false
}
