package rl_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
)

// pairs are preferences of one who sees what the arms of a bandit pay.
func pairs(n int) (*env.Bandit, []rl.Preference) {
	b, r := env.NewBandit(1, 4, 5, 0.5), rand.New(rand.NewPCG(1, 1))
	var out []rl.Preference
	for seed := range uint64(n) {
		x := b.Reset(1_000_000 + seed)
		yes, no := r.IntN(4), r.IntN(3)
		if no >= yes {
			no++
		}
		if b.Mean(x, no) > b.Mean(x, yes) {
			yes, no = no, yes
		}
		out = append(out, rl.Preference{Obs: x, Chosen: []float64{float64(yes)}, Rejected: []float64{float64(no)}})
	}
	return b, out
}

func bandit(b *env.Bandit) *rl.Agent {
	return &rl.Agent{Model: rl.NewActorCritic(rand.NewPCG(1, 1), b.Observations(), b.Actions(), 32), Actions: b.Actions()}
}

func TestDPOLearnsPreferences(t *testing.T) {
	newEnv, best, random := arms(t)
	b, list := pairs(2000)
	agent := bandit(b)
	require.NoError(t, rl.DPO{Run: train.Config{Epochs: 10}, LR: 3e-3}.Train(context.Background(), agent, list))
	assert.Greater(t, mean(t, agent, newEnv), random+0.85*(best-random))
}

func TestDPOResumesBitEqual(t *testing.T) {
	b, list := pairs(300)
	whole := bandit(b)
	require.NoError(t, rl.DPO{Run: train.Config{Steps: 20}}.Train(context.Background(), whole, list))
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	c := rl.DPO{Run: train.Config{Steps: 20, Dir: dir, Progress: func(p train.Progress) {
		if p.Step == 7 {
			cancel()
		}
	}}}
	require.ErrorIs(t, c.Train(ctx, bandit(b), list), context.Canceled)
	c.Run.Progress = nil
	resumed := bandit(b)
	require.NoError(t, c.Train(context.Background(), resumed, list))
	assert.Equal(t, train.WeightsSHA256(whole), train.WeightsSHA256(resumed))
}

func TestDPOLearnsTexts(t *testing.T) {
	policy, r := writer(1), rand.New(rand.NewPCG(1, 1))
	var list []rl.TextPreference
	for range 200 {
		text := func() (out []int32) {
			for range 1 + r.IntN(5) {
				out = append(out, 1+r.Int32N(11))
			}
			return append(out, endToken)
		}
		p := rl.TextPreference{Prompt: []int32{6 + r.Int32N(3)}, Chosen: text(), Rejected: text()}
		p.Chosen[0], p.Rejected[0] = wanted, 3
		list = append(list, p)
	}
	require.NoError(t, rl.DPO{Run: train.Config{Epochs: 10}, Batch: 20, LR: 1e-2}.TrainText(context.Background(), policy, list))
	q := lm.Request{Tokens: [][]int32{{6}, {7}, {8}}, Samples: 100, MaxNew: 1, Sampling: lm.Sampling{Temperature: 1}}
	out, err := policy.Generate(context.Background(), rand.NewPCG(1, 1), q)
	require.NoError(t, err)
	n := map[int32]int{}
	for _, c := range out {
		n[c[0]]++
	}
	assert.Greater(t, n[wanted], 100) // at first one in twelve
	assert.Less(t, n[3], 5)
}

func TestDPORefusesMisshapenPairs(t *testing.T) {
	b, list := pairs(3)
	assert.Error(t, rl.DPO{}.Train(context.Background(), bandit(b), nil))
	list[2].Chosen = nil
	assert.ErrorContains(t, rl.DPO{}.Train(context.Background(), bandit(b), list), "preference 2")
	list[1].Rejected = []float64{4}
	assert.ErrorContains(t, rl.DPO{}.Train(context.Background(), bandit(b), list[:2]), "preference 1 is between")
	assert.ErrorContains(t, rl.DPO{Batch: -1}.Train(context.Background(), bandit(b), list[:1]), "Batch")
	good := rl.TextPreference{Prompt: []int32{1}, Chosen: []int32{2}, Rejected: []int32{3}}
	assert.Error(t, rl.DPO{}.TrainText(context.Background(), writer(1), nil))
	for _, bad := range []rl.TextPreference{{Prompt: good.Prompt, Chosen: good.Chosen}, {Prompt: []int32{12}, Chosen: good.Chosen, Rejected: good.Rejected}} {
		assert.ErrorContains(t, rl.DPO{}.TrainText(context.Background(), writer(1), []rl.TextPreference{good, bad}), "preference 1")
	}
}
