package rl

import (
	"context"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
)

// played is an episode from beginning to end.
type played struct {
	obs        []float64 // [steps, observation], without the last one
	actions    []float64 // [steps, action], as the policy chose them
	rewards    []float64
	last       []float64 // observation, in which it ended
	terminated bool
}

func (p played) total() float64 {
	sum := 0.0
	for _, r := range p.rewards {
		sum += r
	}
	return sum
}

// play plays one episode in each env, side by side: choose answers the
// observations [n, dim] of those that still run.
func play(ctx context.Context, envs []Env, seeds []uint64, choose func(obs []float64, n int) []float64) ([]played, error) {
	out := make([]played, len(envs))
	running := make([]int, len(envs))
	for i, e := range envs {
		running[i] = i
		out[i].last = e.Reset(seeds[i])
	}
	for len(running) > 0 {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		var obs []float64
		for _, i := range running {
			obs = append(obs, out[i].last...)
		}
		n := len(running)
		actions := choose(obs, n)
		still := running[:0]
		for k, i := range running {
			p, a := &out[i], row(actions, k, n)
			p.obs, p.actions = append(p.obs, row(obs, k, n)...), append(p.actions, a...)
			taken := append([]float64(nil), a...)
			envs[i].Actions().Clip(taken)
			next, reward, terminated, truncated := envs[i].Step(taken)
			p.last, p.terminated = next, terminated
			p.rewards = append(p.rewards, reward)
			if !terminated && !truncated {
				still = append(still, i)
			}
		}
		running = still
	}
	return out, nil
}

// playGroups plays an episode in each env: size consecutive ones begin in the
// same state.
func playGroups(ctx context.Context, a *Agent, envs []Env, size int, s *autograd.Scope, r *rand.PCG) ([]played, error) {
	seeds := make([]uint64, len(envs))
	for i := range seeds {
		if i%size == 0 {
			seeds[i] = r.Uint64()
		} else {
			seeds[i] = seeds[i-1]
		}
	}
	return play(ctx, envs, seeds, func(obs []float64, n int) []float64 { return a.draw(s, obs, n, r) })
}

func makeEnvs(n int, newEnv func() Env) []Env {
	envs := make([]Env, n)
	for i := range envs {
		envs[i] = newEnv()
	}
	return envs
}

// flatten lines episodes up as the rollout of a single env.
func flatten(actions Space, episodes []played) *rollout {
	o := &rollout{envs: 1, space: actions}
	for i, e := range episodes {
		o.n += len(e.rewards)
		o.obs = append(o.obs, e.obs...)
		o.actions = append(o.actions, e.actions...)
		o.rewards = append(o.rewards, e.rewards...)
		o.term = append(o.term, make([]bool, len(e.rewards))...)
		o.ended = append(o.ended, make([]bool, len(e.rewards))...)
		o.term[o.n-1], o.ended[o.n-1] = e.terminated, true
		if !e.terminated {
			o.cut, o.cutObs = append(o.cut, o.n-1), append(o.cutObs, e.last...)
		}
		o.episodes = append(o.episodes, Episode{i, e.total(), len(e.rewards)})
		o.next = e.last
	}
	return o
}
