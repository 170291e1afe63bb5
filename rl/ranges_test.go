package rl_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
)

// with returns c with the setting of a name, such as "KL.Beta", at x.
func with[C any](c C, name string, x float64) C {
	v := reflect.ValueOf(&c).Elem()
	for _, part := range strings.Split(name, ".") {
		v = v.FieldByName(part)
	}
	v.SetFloat(x)
	return c
}

// Every algorithm refuses a number that is out of its range, and says which.
func TestRanges(t *testing.T) {
	ctx := context.Background()
	b, list := pairs(3)
	validate := map[string]func(name string, x float64) error{
		"FineTune": func(name string, x float64) error {
			c := with(rl.FineTune{}, name, x)
			err := c.Validate()
			require.Equal(t, err, c.Train(ctx, writer(1), nil, rl.TextTask{}))
			return err
		},
		"PPO": func(name string, x float64) error {
			_, err := with(rl.PPO{}, name, x).Train(ctx, env.NewCartPole)
			return err
		},
		"A2C": func(name string, x float64) error {
			_, err := with(rl.A2C{}, name, x).Train(ctx, env.NewCartPole)
			return err
		},
		"REINFORCE": func(name string, x float64) error {
			_, err := with(rl.REINFORCE{}, name, x).Train(ctx, env.NewCartPole)
			return err
		},
		"GRPO": func(name string, x float64) error {
			_, err := with(rl.GRPO{}, name, x).Train(ctx, env.NewCartPole)
			return err
		},
		"DPO": func(name string, x float64) error { return with(rl.DPO{}, name, x).Train(ctx, bandit(b), list) },
	}
	for _, c := range []struct {
		says     string
		bad      float64 // beside NaN and the infinities
		settings map[string]string
	}{
		{"a finite number above 0", -1e-3, map[string]string{
			"FineTune": "Temperature LR ValueLR", "PPO": "LR", "A2C": "LR", "REINFORCE": "LR", "GRPO": "LR", "DPO": "LR Beta",
		}},
		{"a finite number, 0 or above", -0.1, map[string]string{
			"FineTune": "KL.Beta KL.Target KL.Horizon", "GRPO": "Penalty.Beta Penalty.Target Penalty.Horizon",
		}},
		{"a finite number of at most 1", 1.01, map[string]string{
			"FineTune": "Gamma Lambda Alpha", "PPO": "Gamma Lambda", "A2C": "Gamma Lambda", "REINFORCE": "Gamma",
		}},
		{"a finite number", math.NaN(), map[string]string{
			"FineTune": "ClipNorm Clip ValueClip TargetKL Entropy", "PPO": "ClipNorm Clip ValueClip ValueCoef Entropy TargetKL",
			"A2C": "ClipNorm ValueCoef Entropy", "REINFORCE": "ClipNorm ValueCoef Entropy", "GRPO": "ClipNorm Clip Entropy",
		}},
	} {
		for algorithm, names := range c.settings {
			for _, name := range strings.Fields(names) {
				for _, x := range []float64{c.bad, math.NaN(), math.Inf(1), math.Inf(-1)} {
					require.EqualError(t, validate[algorithm](name, x), fmt.Sprintf("rl: %s: %s must be %s, not %v", algorithm, name, c.says, x))
				}
			}
		}
	}
	_, err := rl.PPO{Epochs: -1}.Train(ctx, env.NewCartPole)
	require.ErrorContains(t, err, "Epochs")
	_, err = rl.GRPO{Epochs: -1}.Train(ctx, env.NewCartPole)
	require.ErrorContains(t, err, "Epochs")
}

// All that the documentation of FineTune allows is allowed.
func TestFineTuneAccepts(t *testing.T) {
	none := rl.FineTune{ClipNorm: -1, Gamma: -1, Lambda: -1, Clip: -1, ValueClip: -1, TargetKL: -1, Alpha: -1, Entropy: -1}
	most := rl.FineTune{Gamma: 1, Lambda: 1, Alpha: 1}
	for _, c := range []rl.FineTune{{}, none, most} {
		for _, c.Method = range []string{"reinforce", "rloo", "grpo", "ppo"} {
			require.NoError(t, c.Validate())
			c.Run, c.Prompts, c.MaxNew = rl.Run{Steps: 1}, 4, 2
			require.NoError(t, c.Train(context.Background(), writer(1), nil, rl.TextTask{Prompts: prompts, Reward: often, End: endToken}))
		}
	}
}

// A negative weight of the entropy is none, as of the other settings.
func TestNegativeEntropyIsNone(t *testing.T) {
	curve := func(entropy float64) (all []rl.Progress) {
		run := rl.Run{Steps: 256, Seed: 1, Progress: func(p rl.Progress) { all = append(all, p) }}
		for _, c := range []interface {
			Train(context.Context, func() rl.Env) (*rl.Agent, error)
		}{
			rl.PPO{Run: run, Rollout: 16, Entropy: entropy}, rl.A2C{Run: run, Entropy: entropy},
			rl.REINFORCE{Run: run, Episodes: 4, Entropy: entropy}, rl.GRPO{Run: run, Groups: 2, Size: 2, Entropy: entropy},
		} {
			_, err := c.Train(context.Background(), env.NewCartPole)
			require.NoError(t, err)
		}
		return all
	}
	require.Equal(t, curve(0), curve(-1))
	require.NotEqual(t, curve(0), curve(1))
}
