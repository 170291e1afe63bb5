package rl_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rl"
)

const (
	endToken = 0
	wanted   = 5
)

// writer is a tiny language model.
func writer(seed uint64) *lm.Model {
	return lm.New(rand.NewPCG(seed, 1), lm.Config{Vocab: 12, Dim: 16, Layers: 1, Heads: 2, FFN: 32, MaxLen: 32})
}

// prompts are of one to three tokens.
func prompts(r *rand.PCG, n int) []rl.Prompt {
	g := rand.New(r)
	out := make([]rl.Prompt, n)
	for i := range out {
		out[i].Item = g.IntN(3)
		for j := range 1 + out[i].Item {
			out[i].Tokens = append(out[i].Tokens, int32(6+g.IntN(3)+j))
		}
	}
	return out
}

// each makes a reward of one that looks at a single completion.
func each(f func(p rl.Prompt, completion []int32) float64) rl.TextReward {
	return func(_ context.Context, ps []rl.Prompt, completions [][]int32) ([]float64, error) {
		var out []float64
		for i, c := range completions {
			out = append(out, f(ps[i], c))
		}
		return out, nil
	}
}

// often pays for each wanted token, exactly for four tokens and then the end.
var (
	often = each(func(_ rl.Prompt, c []int32) float64 {
		n := 0.0
		for _, t := range c {
			if t == wanted {
				n++
			}
		}
		return n / 6
	})
	exactly = each(func(_ rl.Prompt, c []int32) float64 { return -math.Abs(float64(len(c) - 4)) })
)

func learners() map[string]rl.FineTune {
	return map[string]rl.FineTune{
		"reinforce": {Method: "reinforce", ValueLR: 1e-2},
		"rloo":      {Method: "rloo"},
		"grpo":      {Method: "grpo"},
		"ppo":       {Method: "ppo", Minibatches: 2, ValueClip: 0.5, ValueLR: 1e-2},
	}
}

func TestFineTuneLearns(t *testing.T) {
	for name, c := range learners() {
		for goal, reward := range map[string]rl.TextReward{"often": often, "exactly": exactly} {
			t.Run(name+", "+goal, func(t *testing.T) {
				var first, last rl.Progress
				c.Run = rl.Run{Steps: 120, Seed: 1, Progress: func(p rl.Progress) {
					if last = p; p.Update == 1 {
						first = p
					}
				}}
				c.Prompts, c.Samples, c.MaxNew, c.LR = 8, 4, 6, 1e-2
				require.NoError(t, c.Train(context.Background(), writer(1), nil, rl.TextTask{Prompts: prompts, Reward: reward, End: endToken}))
				t.Log(first.Metrics, last.Metrics)
				if goal == "often" {
					assert.Less(t, first.Metrics["reward"], 0.3)
					assert.Greater(t, last.Return, 0.9)
				} else {
					assert.Less(t, first.Metrics["reward"], -1.0)
					assert.Greater(t, last.Return, -0.4)
					assert.InDelta(t, 4, last.Metrics["length"], 0.3)
					assert.Greater(t, last.Metrics["ended"], 0.9)
				}
			})
		}
	}
}

// From the first update on there is a baseline: the values begin as the mean
// reward, however far from 0 it is, and so the first gradients are not of it.
func TestFineTuneBeginsWithABaseline(t *testing.T) {
	for _, method := range []string{"reinforce", "rloo"} {
		var first rl.Progress
		c := rl.FineTune{Method: method, Alpha: 0.5, Prompts: 8, Samples: 4, MaxNew: 6}
		c.Run = rl.Run{Steps: 1, Seed: 1, Progress: func(p rl.Progress) { first = p }}
		far := each(func(p rl.Prompt, completion []int32) float64 { return -100 })
		require.NoError(t, c.Train(context.Background(), writer(1), nil, rl.TextTask{Prompts: prompts, Reward: far, End: endToken}))
		require.InDelta(t, 0, first.Metrics["grad_norm"], 1e-4, method)
		if method == "reinforce" {
			require.InDelta(t, -50, first.Metrics["value"], 1e-4)
		}
	}
}

// variants are small runs of everything that FineTune can do.
func variants() map[string]rl.FineTune {
	return map[string]rl.FineTune{
		"reinforce": {Alpha: 0.1, Temperature: 0.9, Tokens: 40},
		"rloo":      {Method: "rloo", KL: rl.KLController{Beta: 0.1, Target: 0.5}, KLLoss: "k2", Entropy: 0.01},
		"grpo":      {Method: "grpo", KL: rl.KLController{Beta: 0.1}, Epochs: 2, Minibatches: 2},
		"ppo, once": {Method: "ppo", Epochs: 1, Minibatches: 1, Tokens: 20},
		"ppo":       {Method: "ppo", KL: rl.KLController{Beta: 0.1, Target: 0.5}, Minibatches: 2, ValueClip: 0.2, TargetKL: 0.5, Tokens: 20},
	}
}

func TestFineTuneResumesBitEqual(t *testing.T) {
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			c.Prompts, c.Samples, c.MaxNew, c.LR = 4, 2, 6, 1e-2
			task := rl.TextTask{Prompts: prompts, Reward: often, End: endToken}
			run := func(ctx context.Context, dir string, task rl.TextTask, policy *lm.Model) (curve []rl.Progress, err error) {
				c := c
				c.Run = rl.Run{Steps: 8, Seed: 7, Dir: dir, SaveEvery: 2, Progress: func(p rl.Progress) { curve = append(curve, p) }}
				err = c.Train(ctx, policy, nil, task)
				return curve, err
			}
			whole := writer(1)
			curve, err := run(context.Background(), "", task, whole)
			require.NoError(t, err)
			require.Len(t, curve, 8)

			// Stopped in the middle of an update.
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			asked := 0
			stopping := task
			stopping.Reward = func(ctx context.Context, ps []rl.Prompt, cs [][]int32) ([]float64, error) {
				if asked++; asked == 6 {
					cancel()
					return nil, ctx.Err()
				}
				return task.Reward(ctx, ps, cs)
			}
			begun, err := run(ctx, dir, stopping, writer(1))
			require.ErrorIs(t, err, context.Canceled)
			resumed := writer(2) // other weights: the checkpoint's count, the reference's too
			rest, err := run(context.Background(), dir, task, resumed)
			require.NoError(t, err)
			assert.Equal(t, curve, append(begun, rest...))
			assert.Equal(t, train.WeightsSHA256(whole), train.WeightsSHA256(resumed))
		})
	}
}

// What a reward that fails cuts short goes on from the last update.
func TestFineTuneKeepsWhatWasDoneBeforeAnError(t *testing.T) {
	begun := -1
	c := rl.FineTune{Prompts: 2, Samples: 2, MaxNew: 4}
	c.Run = rl.Run{Steps: 5, Dir: t.TempDir(), Start: func(step int) { begun = step }}
	broken, asked := errors.New("out of reach"), 0
	task := rl.TextTask{Prompts: prompts, End: endToken, Reward: func(ctx context.Context, ps []rl.Prompt, cs [][]int32) ([]float64, error) {
		if asked++; asked == 4 {
			return nil, broken
		}
		return often(ctx, ps, cs)
	}}
	require.ErrorIs(t, c.Train(context.Background(), writer(1), nil, task), broken)
	resumed, whole := writer(1), writer(1)
	require.NoError(t, c.Train(context.Background(), resumed, nil, task))
	require.Equal(t, 3, begun)
	c.Dir, task.Reward = "", often
	require.NoError(t, c.Train(context.Background(), whole, nil, task))
	require.Equal(t, train.WeightsSHA256(whole), train.WeightsSHA256(resumed))
}

func TestFineTuneSameBitsOnAnyNumberOfCores(t *testing.T) {
	for name, c := range variants() {
		c.Run = rl.Run{Steps: 3, Seed: 7}
		c.Prompts, c.Samples, c.MaxNew = 4, 2, 8
		var sums []string
		for _, cores := range []int{1, 4} {
			old := runtime.GOMAXPROCS(cores)
			m := writer(1)
			require.NoError(t, c.Train(context.Background(), m, nil, rl.TextTask{Prompts: prompts, Reward: often, End: endToken}))
			runtime.GOMAXPROCS(old)
			sums = append(sums, train.WeightsSHA256(m))
		}
		assert.Equal(t, sums[0], sums[1], name)
	}
}

// A dear divergence holds the policy where it began, wherever it is charged.
func TestFineTunePenalty(t *testing.T) {
	kl := func(c rl.FineTune) (kl float64) {
		c.Run = rl.Run{Steps: 60, Seed: 1, Progress: func(p rl.Progress) { kl = p.Metrics["kl"] }}
		c.Prompts, c.Samples, c.MaxNew, c.LR = 8, 4, 6, 1e-2
		require.NoError(t, c.Train(context.Background(), writer(1), nil, rl.TextTask{Prompts: prompts, Reward: often, End: endToken}))
		return kl
	}
	free := kl(rl.FineTune{Method: "rloo"})
	assert.Greater(t, free, 4.0)
	for _, where := range []string{"reward", "k2", "k3"} {
		held := kl(rl.FineTune{Method: "rloo", KL: rl.KLController{Beta: 1}, KLLoss: where})
		assert.Less(t, math.Abs(held), 0.5, where)
	}
	assert.Less(t, math.Abs(kl(rl.FineTune{Alpha: 0.6})), 0.5)
}

func TestFineTuneErrors(t *testing.T) {
	task := rl.TextTask{Prompts: prompts, Reward: often, End: endToken}
	ctx := context.Background()
	for _, c := range []rl.FineTune{
		{Method: "sarsa"}, {KLLoss: "k4"}, {Prompts: -1}, {Method: "rloo", Samples: 1}, {Temperature: -1}, {Alpha: 2},
		{Method: "ppo", Prompts: 2, Minibatches: 3},
	} {
		assert.Error(t, c.Train(ctx, writer(1), nil, task), "%+v", c)
	}
	c := rl.FineTune{Run: rl.Run{Steps: 2}, Prompts: 2, MaxNew: 4}
	broken := errors.New("broken")
	for want, reward := range map[string]rl.TextReward{
		"broken":    func(context.Context, []rl.Prompt, [][]int32) ([]float64, error) { return nil, broken },
		"0 rewards": func(context.Context, []rl.Prompt, [][]int32) ([]float64, error) { return nil, nil },
		"NaN":       each(func(rl.Prompt, []int32) float64 { return math.NaN() }),
	} {
		task.Reward = reward
		assert.ErrorContains(t, c.Train(ctx, writer(1), nil, task), want)
	}
	task.Reward = often
	task.Prompts = func(*rand.PCG, int) []rl.Prompt { return make([]rl.Prompt, 2) }
	assert.ErrorContains(t, c.Train(ctx, writer(1), nil, task), "empty")
	task.Prompts = func(*rand.PCG, int) []rl.Prompt { return nil }
	assert.ErrorContains(t, c.Train(ctx, writer(1), nil, task), "0 prompts")
	done, cancel := context.WithCancel(ctx)
	cancel()
	assert.ErrorIs(t, c.Train(done, writer(1), nil, task), context.Canceled)
}
