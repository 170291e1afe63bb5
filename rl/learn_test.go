package rl_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
)

// median returns the median return of 100 episodes.
func median(t *testing.T, agent *rl.Agent, newEnv func() rl.Env) float64 {
	t.Helper()
	episodes, err := agent.Evaluate(context.Background(), newEnv, 100, 1)
	require.NoError(t, err)
	var returns []float64
	for _, e := range episodes {
		returns = append(returns, e.Return)
	}
	slices.Sort(returns)
	return (returns[49] + returns[50]) / 2
}

// Short versions of the recipes still solve their environments.
func TestPPOLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds each")
	}
	for _, c := range []struct {
		env   string
		steps int
		want  float64
	}{
		{"CartPole-v1", 30_000, 475},
		{"Acrobot-v1", 50_000, -100},
		{"MountainCar-v0", 100_000, -130},
		{"Pendulum-v1", 80_000, -250},
	} {
		t.Run(c.env, func(t *testing.T) {
			newEnv, err := env.Lookup(c.env)
			require.NoError(t, err)
			ppo, err := env.Recipe(c.env)
			require.NoError(t, err)
			ppo.Steps, ppo.Seed = c.steps, 1
			agent, err := ppo.Train(context.Background(), newEnv)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, median(t, agent, newEnv), c.want)
		})
	}
}

func TestOthersLearnCartPole(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds each")
	}
	type trainer interface {
		Train(context.Context, func() rl.Env) (*rl.Agent, error)
	}
	run := rl.Run{Steps: 60_000, Seed: 1}
	for name, c := range map[string]trainer{
		"A2C":                      rl.A2C{Run: run, Envs: 8, Rollout: 8, Gamma: 0.98, Lambda: 0.9},
		"REINFORCE, learned":       rl.REINFORCE{Run: run},
		"REINFORCE, leave one out": rl.REINFORCE{Run: run, Baseline: rl.LeaveOneOutBaseline},
		"REINFORCE, none":          rl.REINFORCE{Run: run, Baseline: rl.NoBaseline},
		"GRPO":                     rl.GRPO{Run: run, Groups: 4, Size: 4, Epochs: 4},
	} {
		t.Run(name, func(t *testing.T) {
			agent, err := c.Train(context.Background(), env.NewCartPole)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, median(t, agent, env.NewCartPole), 100.0) // a random policy has 20
		})
	}
}

// arms returns a bandit and what the best and a random choice pay in it.
func arms(t *testing.T) (newEnv func() rl.Env, best, random float64) {
	b := env.NewBandit(1, 4, 5, 0.5)
	for seed := range uint64(1000) {
		x := b.Reset(seed)
		most := math.Inf(-1)
		for a := range b.Weights {
			m := b.Mean(x, a)
			most, random = max(most, m), random+m/4000
		}
		best += most / 1000
	}
	return func() rl.Env { return env.NewBandit(1, 4, 5, 0.5) }, best, random
}

func mean(t *testing.T, agent *rl.Agent, newEnv func() rl.Env) float64 {
	t.Helper()
	episodes, err := agent.Evaluate(context.Background(), newEnv, 1000, 1)
	require.NoError(t, err)
	sum := 0.0
	for _, e := range episodes {
		sum += e.Return / 1000
	}
	return sum
}

func TestGRPOLearnsBandit(t *testing.T) {
	newEnv, best, random := arms(t)
	agent, err := rl.GRPO{Run: rl.Run{Steps: 40_000, Seed: 1}, Hidden: []int{32}}.Train(context.Background(), newEnv)
	require.NoError(t, err)
	assert.Greater(t, mean(t, agent, newEnv), random+0.9*(best-random))
}

// A dear divergence holds the policy where it began, a controller near its
// target.
func TestGRPOPenalty(t *testing.T) {
	newEnv, _, _ := arms(t)
	train := func(p rl.KLController) float64 {
		kl := 0.0
		c := rl.GRPO{Run: rl.Run{Steps: 100_000, Seed: 1, Progress: func(p rl.Progress) { kl = p.Metrics["kl"] }}, Hidden: []int{32}, ConstantLR: true, Penalty: p}
		_, err := c.Train(context.Background(), newEnv)
		require.NoError(t, err)
		return kl
	}
	free, dear := train(rl.KLController{}), train(rl.KLController{Beta: 10})
	assert.Greater(t, free, 0.4)
	assert.Less(t, dear, 0.1)
	kept := train(rl.KLController{Beta: 0.1, Target: 0.2, Horizon: 1000})
	assert.InDelta(t, 0.2, kept, 0.06, fmt.Sprint(free, dear))
}
