package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/nn/lm"
)

// FineTune trains a language model by what the texts that it writes are worth.
// An update samples completions of some prompts, asks for their reward, and
// follows the policy gradient. Of a number whose zero value has a meaning, a
// negative value means 0, if that is in its range.
//
// The methods:
//   - "reinforce": REINFORCE with a learned value of every state as the
//     baseline (Williams 1992), as RLPF does it (arXiv 2409.04421); the value
//     begins as the mean reward of the first update;
//   - "rloo": REINFORCE with the mean reward of a prompt's other samples as the
//     baseline (Ahmadian et al. 2024, arXiv 2402.14740);
//   - "grpo": rewards relative to those of a prompt's other samples, a clipped
//     loss, all completions of the same weight (Shao et al. 2024, arXiv
//     2402.03300);
//   - "ppo": advantages over a learned value, clipped losses, several epochs
//     (Schulman et al. 2017, arXiv 1707.06347; Ouyang et al. 2022, arXiv
//     2203.02155).
type FineTune struct {
	Run           // its Steps are updates: 0 means 1000
	Method string // "" means "reinforce"

	Prompts     int     // of an update; 0 means 16
	Samples     int     // completions of each; 0 means 4
	MaxNew      int     // tokens of a completion, its end included; 0 means 80
	Temperature float64 // of sampling; log-probabilities are those at it. 0 means 1

	LR         float64 // of Adam, falls linearly to 0 over the run; 0 means 1e-4
	ValueLR    float64 // of the value model, likewise; 0 means 3e-4
	ConstantLR bool    // LR and ValueLR do not fall
	ClipNorm   float64 // largest norm of a gradient; 0 means 1

	Gamma  float64 // discount, at most 1; 0 means 1
	Lambda float64 // of GAE; 0 means 1 for reinforce and 0.95 for ppo

	// These are for ppo and grpo; reinforce and rloo take one step an update.
	Epochs      int     // passes over the completions; 0 means 2 for ppo, 1 for grpo
	Minibatches int     // steps of a pass; 0 means 4 for ppo, 1 for grpo
	Clip        float64 // of the ratio; 0 means 0.2
	ValueClip   float64 // of the values, for ppo; 0 means none
	TargetKL    float64 // an update ends with the epoch in which K3 of a token to the policy that sampled exceeds this; 0 means never
	NoScale     bool    // grpo: advantages are not divided by the group's deviation (Dr. GRPO)

	// KL weighs the divergence of the policy from the reference, and adapts the
	// weight if it has a Target; Beta 0 means none. Both count nats a completion,
	// but Beta nats a token where ppo and grpo have the divergence in the loss,
	// which is a mean over tokens.
	KL KLController
	// KLLoss says where the divergence enters. "reward" takes K1 of each token
	// off its reward, which follows the gradient of the divergence of whole
	// completions. "k1", "k2" and "k3" add this estimator of each token to the
	// loss, which does not see where a token leads to; K1 has no gradient there
	// in expectation. "" means "k3" for grpo and "reward" for the others.
	KLLoss string
	// Alpha is RLPF's: θ ← θ + (1-α)·∇E[r] - α·∇KL. It sets KL.Beta to α and
	// weighs the reward with 1-α; 0 leaves both alone. That is the formula with
	// the divergence in the reward and neither ppo nor grpo, which go on to scale
	// what an update's rewards come to.
	Alpha   float64
	Entropy float64 // weight of the entropy bonus; 0 means none

	// Tokens is how many tokens, padding included, pass through a model at
	// once, at least those of one prompt: it bounds the memory and changes
	// nothing but rounding. 0 means 4096.
	Tokens int
}

// Defaults returns c with what it leaves open filled in.
func (c FineTune) Defaults() FineTune {
	c.Steps = cmp.Or(c.Steps, 1000)
	c.Method = cmp.Or(c.Method, "reinforce")
	c.Prompts = cmp.Or(c.Prompts, 16)
	c.Samples = cmp.Or(c.Samples, 4)
	c.MaxNew = cmp.Or(c.MaxNew, 80)
	c.Temperature = cmp.Or(c.Temperature, 1)
	c.LR = cmp.Or(c.LR, 1e-4)
	c.ValueLR = cmp.Or(c.ValueLR, 3e-4)
	c.ClipNorm = cmp.Or(c.ClipNorm, 1)
	c.Gamma = cmp.Or(c.Gamma, 1)
	c.Clip = cmp.Or(c.Clip, 0.2)
	c.Tokens = cmp.Or(c.Tokens, 4096)
	switch c.Method {
	case "ppo":
		c.Lambda, c.Epochs, c.Minibatches = cmp.Or(c.Lambda, 0.95), cmp.Or(c.Epochs, 2), cmp.Or(c.Minibatches, 4)
	case "grpo":
		c.KLLoss, c.Epochs, c.Minibatches = cmp.Or(c.KLLoss, "k3"), cmp.Or(c.Epochs, 1), cmp.Or(c.Minibatches, 1)
	default:
		c.Lambda, c.Epochs, c.Minibatches = cmp.Or(c.Lambda, 1), 1, 1
	}
	c.KLLoss = cmp.Or(c.KLLoss, "reward")
	if c.Alpha > 0 {
		c.KL.Beta = c.Alpha
	}
	return c
}

// Validate returns an error that names a setting out of its range. Numbers are
// finite; Temperature, LR and ValueLR are above 0, those of KL not below 0, and
// Gamma, Lambda and Alpha at most 1.
func (c FineTune) Validate() error {
	c = c.Defaults()
	groups := c.Method == "rloo" || c.Method == "grpo"
	switch {
	case c.Method != "reinforce" && c.Method != "ppo" && !groups:
		return fmt.Errorf("rl: no method %q: choose reinforce, rloo, grpo or ppo", c.Method)
	case c.KLLoss != "reward" && c.KLLoss != "k1" && c.KLLoss != "k2" && c.KLLoss != "k3":
		return fmt.Errorf("rl: KLLoss %q: choose reward, k1, k2 or k3", c.KLLoss)
	case c.Prompts < 1 || c.Samples < 1 || c.MaxNew < 1 || c.Epochs < 1 || c.Minibatches < 1:
		return errors.New("rl: FineTune needs Prompts, Samples, MaxNew, Epochs and Minibatches above 0")
	case groups && c.Samples < 2:
		return fmt.Errorf("rl: %s compares the samples of a prompt: it needs two or more", c.Method)
	case c.Minibatches > c.Prompts:
		return fmt.Errorf("rl: %d prompts do not make %d minibatches", c.Prompts, c.Minibatches)
	}
	return check("FineTune", append([]setting{
		{"Temperature", c.Temperature, aboveZero}, {"LR", c.LR, aboveZero}, {"ValueLR", c.ValueLR, aboveZero},
		{"ClipNorm", c.ClipNorm, finite}, {"Gamma", c.Gamma, upToOne}, {"Lambda", c.Lambda, upToOne},
		{"Clip", c.Clip, finite}, {"ValueClip", c.ValueClip, finite}, {"TargetKL", c.TargetKL, finite},
		{"Alpha", c.Alpha, upToOne}, {"Entropy", c.Entropy, finite},
	}, c.KL.settings("KL")...)...)
}

// Train trains policy; its frozen parameters stay as they are. reference is
// what the divergence is measured to; nil means the policy as it is now, or was
// when the run that is resumed began. An error says why training stopped early;
// it can go on from its checkpoint.
//
// Metrics are means over the update's completions: "reward", "reward_std",
// "kl" to the reference and "length" of a completion without its end token,
// "ended" as a share, "entropy" and "value" of a token, the losses and the
// norms of gradients; "beta" is the weight of the KL, and "update_kl" is K3 of a
// token to the policy that sampled.
func (c FineTune) Train(ctx context.Context, policy, reference *lm.Model, t TextTask) error {
	c = c.Defaults()
	if err := c.Validate(); err != nil {
		return err
	}
	floor(&c.Gamma, &c.Lambda, &c.Clip, &c.Alpha)
	u := newTuner(c, policy, reference)
	defer u.close()
	rng := rand.NewPCG(c.Seed, streamPolicy)
	run, err := begin(c.Run, "FineTune", c, rng, u.parts())
	if err != nil {
		return err
	}
	for {
		if more, err := run.more(ctx); !more {
			return err
		}
		prompts := t.Prompts(rand.NewPCG(rng.Uint64(), rng.Uint64()), c.Prompts)
		if len(prompts) != c.Prompts {
			return fmt.Errorf("rl: %d prompts were drawn, not %d", len(prompts), c.Prompts)
		}
		rows, completions, err := sample(ctx, policy, rng, prompts, t.End, c.Samples, c.MaxNew, c.Temperature)
		if err == nil {
			err = judge(ctx, t.Reward, rows, prompts, completions)
		}
		if err != nil && context.Cause(ctx) != nil {
			continue // run.more says why
		}
		if err != nil { // such as a judge out of reach: the updates before are not lost
			return errors.Join(err, run.save())
		}
		u.setLR(run.left())
		if u.value != nil && run.state.Update == 0 {
			u.value.start(meanReward(rows) * (1 - c.Alpha))
		}
		metrics, err := u.update(rng, rows)
		if err != nil {
			return fmt.Errorf("rl: update %d: %w", run.state.Update+1, err)
		}
		if err := run.done(1, describe(rows, completions, metrics), metrics); err != nil {
			return err
		}
	}
}

// judge asks for the rewards of completions, as many of each row.
func judge(ctx context.Context, reward TextReward, rows []textRow, prompts []Prompt, completions [][]int32) error {
	each := len(completions) / len(rows)
	asked := make([]Prompt, len(completions))
	for i := range asked {
		asked[i] = prompts[i/each]
	}
	rewards, err := reward(ctx, asked, completions)
	if err != nil {
		return fmt.Errorf("rl: the reward: %w", err)
	}
	if len(rewards) != len(completions) {
		return fmt.Errorf("rl: %d rewards for %d completions", len(rewards), len(completions))
	}
	for i, r := range rewards {
		if math.IsNaN(r) || math.IsInf(r, 0) {
			return fmt.Errorf("rl: the reward of completion %d is %v", i, r)
		}
	}
	for i := range rows {
		rows[i].rewards = rewards[i*each : (i+1)*each]
	}
	return nil
}

// meanReward returns the mean over all completions.
func meanReward(rows []textRow) float64 {
	var rewards []float64
	for _, r := range rows {
		rewards = append(rewards, r.rewards...)
	}
	mean, _ := moments(rewards)
	return mean
}

// describe adds to the metrics what an update's completions were like, and
// returns them as episodes.
func describe(rows []textRow, completions [][]int32, metrics map[string]float64) []Episode {
	var episodes []Episode
	var rewards []float64
	length, ended := 0, 0
	for _, r := range rows {
		for k, a := range r.actions {
			c := completions[len(episodes)]
			length += len(c)
			ended += len(a) - len(c)
			rewards = append(rewards, r.rewards[k])
			episodes = append(episodes, Episode{len(episodes), r.rewards[k], len(a)})
		}
	}
	n := float64(len(episodes))
	metrics["reward"], metrics["reward_std"] = moments(rewards)
	metrics["length"], metrics["ended"] = float64(length)/n, float64(ended)/n
	return episodes
}
