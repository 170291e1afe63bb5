package rl_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
	"github.com/noema-ml/noema/tensor"
)

// PPO learns to balance a pole.
func ExamplePPO() {
	ppo := rl.PPO{Run: rl.Run{Steps: 20_000, Seed: 1}, Gamma: 0.98, Lambda: 0.9}
	agent, err := ppo.Train(context.Background(), env.NewCartPole)
	if err != nil {
		log.Fatal(err)
	}
	episodes, err := agent.Evaluate(context.Background(), env.NewCartPole, 10, 1)
	if err != nil {
		log.Fatal(err)
	}
	steps := 0
	for _, e := range episodes {
		steps += e.Length
	}
	fmt.Println("it stands for more than 100 steps:", steps/len(episodes) > 100)
	// Output: it stands for more than 100 steps: true
}

// corridor is an environment of one's own: five cells, with a reward at the
// right end.
type corridor struct{ at float64 }

func (c *corridor) Observations() rl.Space { return rl.Box([]float64{0}, []float64{4}) }
func (c *corridor) Actions() rl.Space      { return rl.Discrete(2) } // left, right

func (c *corridor) Reset(seed uint64) []float64 {
	c.at = float64(seed % 3)
	return []float64{c.at}
}

func (c *corridor) Step(action []float64) (obs []float64, reward float64, terminated, truncated bool) {
	c.at = max(0, c.at+2*action[0]-1)
	if c.at == 4 {
		return []float64{c.at}, 1, true, false
	}
	return []float64{c.at}, -0.1, false, false
}

func ExampleEnv() {
	newEnv := func() rl.Env { return rl.TimeLimit(&corridor{}, 20) }
	agent, err := rl.A2C{Run: rl.Run{Steps: 20_000}, Hidden: []int{16}}.Train(context.Background(), newEnv)
	if err != nil {
		log.Fatal(err)
	}
	s := autograd.Inference()
	fmt.Println(agent.Act(s, []float64{0, 1, 2, 3}, 4, nil))
	// Output: [1 1 1 1]
}

// A vector begins new episodes by itself, and keeps the last observation of the
// old ones.
func ExampleNewVector() {
	v := rl.EpisodeStatistics(rl.NewVector(2, 1, func() rl.Env { return rl.TimeLimit(&corridor{at: 0}, 4) }))
	for range 4 {
		for _, e := range v.Step([]float64{1, 0}).Episodes {
			fmt.Printf("env %d: return %.1f in %d steps\n", e.Env, e.Return, e.Length)
		}
	}
	// Output:
	// env 0: return 0.9 in 2 steps
	// env 1: return -0.4 in 4 steps
}

func ExampleGAE() {
	t := rl.Trajectory{
		Rewards:    []float64{0, 0, 1},
		Values:     []float64{0.2, 0.4, 0.6},
		Next:       []float64{0.4, 0.6, 0},
		Terminated: []bool{false, false, true},
	}
	fmt.Printf("%.3f\n", rl.GAE(t, 0.9, 0.8))
	// Output: [0.468 0.428 0.400]
}

func ExampleNewMaskedCategorical() {
	s := autograd.Inference()
	logits := s.Const(tensor.Of([]float32{1, 5, 1}, 1, 3))
	p := rl.NewMaskedCategorical(logits, tensor.Of([]bool{true, false, true}, 1, 3))
	fmt.Printf("%.4f nats\n", p.Entropy().Value().At(0))
	fmt.Println("allowed:", p.Sample(rand.NewPCG(1, 2)).At(0) != 1)
	// Output:
	// 0.6931 nats
	// allowed: true
}

// GRPO solves a contextual bandit: each episode is one choice.
func ExampleGRPO() {
	newEnv := func() rl.Env { return env.NewBandit(1, 3, 2, 0.1) }
	agent, err := rl.GRPO{Run: rl.Run{Steps: 20_000}, Hidden: []int{16}}.Train(context.Background(), newEnv)
	if err != nil {
		log.Fatal(err)
	}
	b, best := env.NewBandit(1, 3, 2, 0.1), 0
	s := autograd.Inference()
	for seed := range uint64(100) {
		x := b.Reset(seed)
		arm := int(agent.Act(s, x, 1, nil)[0])
		if m := b.Mean(x, arm); m >= b.Mean(x, 0) && m >= b.Mean(x, 1) && m >= b.Mean(x, 2) {
			best++
		}
	}
	fmt.Println("the best arm in more than 80 of 100 contexts:", best > 80)
	// Output: the best arm in more than 80 of 100 contexts: true
}

// FineTune teaches a language model of four tokens to say 3 twice and to end.
func ExampleFineTune() {
	const end = 0
	policy := lm.New(rand.NewPCG(1, 1), lm.Config{Vocab: 4, Dim: 16, Layers: 1, Heads: 2, MaxLen: 16})
	task := rl.TextTask{
		End: end,
		Prompts: func(r *rand.PCG, n int) []rl.Prompt {
			prompts := make([]rl.Prompt, n)
			for i := range prompts {
				prompts[i].Tokens = []int32{1 + rand.New(r).Int32N(2)}
			}
			return prompts
		},
		Reward: func(_ context.Context, _ []rl.Prompt, completions [][]int32) ([]float64, error) {
			rewards := make([]float64, len(completions))
			for i, c := range completions {
				rewards[i] = -2 * math.Abs(float64(len(c)-2))
				for _, token := range c {
					if token == 3 {
						rewards[i]++
					}
				}
			}
			return rewards, nil
		},
	}
	tune := rl.FineTune{
		Run:    rl.Run{Steps: 100, Seed: 1},
		Method: "rloo", Prompts: 8, MaxNew: 4, LR: 1e-2,
		KL: rl.KLController{Beta: 0.01}, // of the policy as it is now
	}
	if err := tune.Train(context.Background(), policy, nil, task); err != nil {
		log.Fatal(err)
	}
	greedy := lm.Request{Tokens: [][]int32{{1}, {2}}, MaxNew: 4, Stop: []int32{end}}
	texts, err := policy.Generate(context.Background(), nil, greedy)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(texts)
	// Output: [[3 3] [3 3]]
}
