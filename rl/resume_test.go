package rl_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
)

type trainFunc func(ctx context.Context, r rl.Run) (*rl.Agent, error)

// trainers are small runs of every algorithm that learns from an environment.
func trainers() map[string]trainFunc {
	newBandit := func() rl.Env { return env.NewBandit(1, 3, 2, 0.1) }
	return map[string]trainFunc{
		"PPO": func(ctx context.Context, r rl.Run) (*rl.Agent, error) {
			return rl.PPO{Run: r, Envs: 3, Rollout: 20, Minibatch: 16, Epochs: 2, ValueClip: 0.2, Entropy: 0.01, TargetKL: 0.02, NormalizeObs: true, NormalizeRewards: true, Hidden: []int{8}}.Train(ctx, env.NewCartPole)
		},
		"PPO, continuous": func(ctx context.Context, r rl.Run) (*rl.Agent, error) {
			return rl.PPO{Run: r, Envs: 3, Rollout: 20, Minibatch: 16, Epochs: 2, NormalizeRewards: true, Hidden: []int{8}}.Train(ctx, env.NewPendulum)
		},
		"A2C": func(ctx context.Context, r rl.Run) (*rl.Agent, error) {
			return rl.A2C{Run: r, Envs: 3, NormalizeObs: true, NormalizeRewards: true, Hidden: []int{8}}.Train(ctx, env.NewCartPole)
		},
		"REINFORCE": func(ctx context.Context, r rl.Run) (*rl.Agent, error) {
			return rl.REINFORCE{Run: r, Episodes: 4, Hidden: []int{8}}.Train(ctx, env.NewCartPole)
		},
		"REINFORCE, leave one out": func(ctx context.Context, r rl.Run) (*rl.Agent, error) {
			return rl.REINFORCE{Run: r, Episodes: 4, Group: 2, Baseline: rl.LeaveOneOutBaseline, Hidden: []int{8}}.Train(ctx, env.NewCartPole)
		},
		"GRPO": func(ctx context.Context, r rl.Run) (*rl.Agent, error) {
			return rl.GRPO{Run: r, Groups: 4, Size: 4, Epochs: 2, Penalty: rl.KLController{Beta: 0.1, Target: 0.01}, Hidden: []int{8}}.Train(ctx, newBandit)
		},
	}
}

func TestResumesBitEqual(t *testing.T) {
	for name, run := range trainers() {
		t.Run(name, func(t *testing.T) {
			var last rl.Progress
			whole, err := run(context.Background(), rl.Run{Steps: 1000, Seed: 7, Progress: func(p rl.Progress) { last = p }})
			require.NoError(t, err)
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			_, err = run(ctx, rl.Run{Steps: 1000, Seed: 7, Dir: dir, Progress: func(p rl.Progress) {
				if p.Step >= 400 {
					cancel()
				}
			}})
			require.ErrorIs(t, err, context.Canceled)
			var end rl.Progress
			first := 0
			resumed, err := run(context.Background(), rl.Run{Steps: 1000, Seed: 7, Dir: dir, Progress: func(p rl.Progress) {
				if first == 0 {
					first = p.Update
				}
				end = p
			}})
			require.NoError(t, err)
			assert.Greater(t, first, 1, "it began anew")
			assert.Equal(t, last, end)
			assert.Equal(t, train.WeightsSHA256(whole), train.WeightsSHA256(resumed))
			if whole.Obs != nil {
				assert.Equal(t, whole.Obs, resumed.Obs)
			}
			// At its end there is nothing left to do.
			again, err := run(context.Background(), rl.Run{Steps: 1000, Seed: 7, Dir: dir, Progress: func(rl.Progress) { t.Error("an update after the end") }})
			require.NoError(t, err)
			assert.Equal(t, train.WeightsSHA256(whole), train.WeightsSHA256(again))
			_, err = run(context.Background(), rl.Run{Steps: 1000, Seed: 8, Dir: dir})
			assert.ErrorContains(t, err, "another folder")
		})
	}
}

func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	for name, run := range trainers() {
		var sums []string
		for _, cores := range []int{1, 4} {
			old := runtime.GOMAXPROCS(cores)
			agent, err := run(context.Background(), rl.Run{Steps: 300, Seed: 7})
			runtime.GOMAXPROCS(old)
			require.NoError(t, err)
			sums = append(sums, train.WeightsSHA256(agent))
		}
		assert.Equal(t, sums[0], sums[1], name)
	}
}

func TestAgentIsSavedWithItsNormalisation(t *testing.T) {
	ppo := rl.PPO{Run: rl.Run{Steps: 100}, Envs: 2, Rollout: 10, NormalizeObs: true, Hidden: []int{8}}
	agent, err := ppo.Train(context.Background(), env.NewCartPole)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "agent.safetensors")
	require.NoError(t, train.SaveModel(path, agent))
	ppo.Seed, ppo.Steps = 9, 20
	other, err := ppo.Train(context.Background(), env.NewCartPole)
	require.NoError(t, err)
	require.NoError(t, train.LoadModel(path, other))
	want, err := agent.Evaluate(context.Background(), env.NewCartPole, 5, 1)
	require.NoError(t, err)
	got, err := other.Evaluate(context.Background(), env.NewCartPole, 5, 1)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, run := range trainers() {
		_, err := run(ctx, rl.Run{Steps: 100})
		assert.ErrorIs(t, err, context.Canceled, name)
	}
	_, err := rl.PPO{Envs: -1}.Train(context.Background(), env.NewCartPole)
	assert.Error(t, err)
	_, err = rl.A2C{Rollout: -1}.Train(context.Background(), env.NewCartPole)
	assert.Error(t, err)
	_, err = rl.GRPO{Size: 1}.Train(context.Background(), env.NewCartPole)
	assert.Error(t, err)
	_, err = rl.REINFORCE{Episodes: 6, Baseline: rl.LeaveOneOutBaseline}.Train(context.Background(), env.NewCartPole)
	assert.Error(t, err)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err = rl.PPO{Run: rl.Run{Steps: 100, Dir: file}}.Train(context.Background(), env.NewCartPole)
	assert.ErrorContains(t, err, file)
	agent := &rl.Agent{Model: rl.NewActorCritic(rand.NewPCG(1, 1), rl.Unbounded(4), rl.Discrete(2)), Actions: rl.Discrete(2)}
	_, err = agent.Evaluate(ctx, env.NewCartPole, 1, 1)
	assert.ErrorIs(t, err, context.Canceled)
}
