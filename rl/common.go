package rl

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/tensor"
)

// prepare makes the environments and the agent of an algorithm that learns
// from rollouts.
func prepare(seed uint64, envs int, newEnv func() Env, normalize bool, newModel func(*rand.PCG, Space, Space) Model, hidden []int) (Vector, *Agent) {
	v := EpisodeStatistics(NewVector(envs, seed, newEnv))
	agent := newAgent(seed, v.Observations(), v.Actions(), newModel, hidden)
	if normalize {
		agent.Obs = NewRunning(v.Observations().Size())
		v = NormalizeObservations(v, agent.Obs)
	}
	return v, agent
}

// newAgent makes an agent whose model newModel makes, or is an ActorCritic.
func newAgent(seed uint64, obs, actions Space, newModel func(*rand.PCG, Space, Space) Model, hidden []int) *Agent {
	r := rand.NewPCG(seed, streamModel)
	if newModel == nil {
		return &Agent{Model: NewActorCritic(r, obs, actions, hidden...), Actions: actions}
	}
	return &Agent{Model: newModel(r, obs, actions), Actions: actions}
}

// meanK3 estimates the KL of the policy that acted, old, to the one that is
// learning, from samples of the former.
func meanK3(logp, old *tensor.Tensor) float64 {
	p, q := numbers(old), numbers(logp)
	sum := 0.0
	for i := range p {
		sum += math.Expm1(q[i]-p[i]) - (q[i] - p[i])
	}
	return sum / float64(len(p))
}

// means averages metrics by name over the steps of an update.
type means struct{ sum, count map[string]float64 }

func newMeans() *means { return &means{map[string]float64{}, map[string]float64{}} }

func (m *means) add(name string, v float64) {
	m.sum[name] += v
	m.count[name]++
}

func (m *means) means() map[string]float64 {
	for name := range m.sum {
		m.sum[name] /= m.count[name]
	}
	return m.sum
}
