package rl_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
)

// TargetKL ends an update with the epoch that has moved the policy too far. How
// many epochs an update took is seen by its weights: they are those of an update
// of so many epochs, to the bit.
func TestTargetKLStops(t *testing.T) {
	const all, tiny, huge = 4, 1e-9, 1e9
	ctx := context.Background()
	text := func(minibatches int) func(epochs int, target float64) string {
		return func(epochs int, target float64) string {
			m := writer(1)
			c := rl.FineTune{Run: rl.Run{Steps: 1, Seed: 1}, Method: "ppo", Prompts: 4, Samples: 2, MaxNew: 4, LR: 1e-2}
			c.Epochs, c.Minibatches, c.TargetKL = epochs, minibatches, target
			require.NoError(t, c.Train(ctx, m, nil, rl.TextTask{Prompts: prompts, Reward: often, End: endToken}))
			return train.WeightsSHA256(m)
		}
	}
	control := func(minibatch int) func(epochs int, target float64) string {
		return func(epochs int, target float64) string {
			c := rl.PPO{Run: rl.Run{Steps: 64, Seed: 1}, Envs: 2, Rollout: 32, Hidden: []int{8}}
			c.Epochs, c.Minibatch, c.TargetKL = epochs, minibatch, target
			agent, err := c.Train(ctx, env.NewCartPole)
			require.NoError(t, err)
			return train.WeightsSHA256(agent)
		}
	}
	for _, c := range []struct {
		name  string
		run   func(epochs int, target float64) string
		taken int // epochs, with a tiny target
	}{
		{"PPO, two steps an epoch", control(32), 1}, // the second step sees what the first one moved
		{"PPO, one step an epoch", control(64), 2},  // only the second epoch does
		{"texts, two steps an epoch", text(2), 1},
		{"texts, one step an epoch", text(1), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			took := map[string]int{}
			for epochs := 1; epochs <= all; epochs++ {
				took[c.run(epochs, 0)] = epochs
			}
			require.Len(t, took, all) // every epoch moves the weights
			require.Equal(t, c.taken, took[c.run(all, tiny)])
			require.Equal(t, all, took[c.run(all, huge)])
		})
	}
}

// dear is an environment whose rewards are ten times as high.
type dear struct{ rl.Env }

func (d dear) Step(a []float64) (obs []float64, reward float64, terminated, truncated bool) {
	obs, reward, terminated, truncated = d.Env.Step(a)
	return obs, 10 * reward, terminated, truncated
}

// Divided by its group's deviation an advantage does not depend on the unit of
// the reward; with NoScale the gradient is ten times as large where rewards are.
func TestGRPONoScale(t *testing.T) {
	norm := func(noScale bool, newEnv func() rl.Env) (norm float64) {
		c := rl.GRPO{Run: rl.Run{Steps: 1, Seed: 1, Progress: func(p rl.Progress) { norm = p.Metrics["grad_norm"] }}, NoScale: noScale, Hidden: []int{8}}
		_, err := c.Train(context.Background(), newEnv)
		require.NoError(t, err)
		return norm
	}
	plain := func() rl.Env { return env.NewBandit(1, 4, 5, 0.5) }
	tenfold := func() rl.Env { return dear{plain()} }
	require.InEpsilon(t, norm(false, plain), norm(false, tenfold), 1e-4)
	require.InEpsilon(t, 10*norm(true, plain), norm(true, tenfold), 1e-4)
}
