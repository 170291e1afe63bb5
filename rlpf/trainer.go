package rlpf

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/rl"
)

// A Tokenizer turns text into a language model's tokens and back. *Language and
// *tokenizer.BPE are Tokenizers.
type Tokenizer interface {
	Encode(text string) []int32
	Decode(tokens []int32) string
}

// Trainer fine-tunes a language model towards any reward of what it writes: the
// reinforcement learning of RLPF without its data and its predictor.
type Trainer struct {
	Policy    *lm.Model
	Reference *lm.Model // what the policy is held to; nil: the policy as it is at first
	Tokenizer Tokenizer
	End       int32 // the token that ends a text
	// Prompts draws the n prompts of an update, from histories of any source:
	// with r as its only randomness, a resumed run draws the same.
	Prompts func(r *rand.PCG, n int) []string
	Reward  Reward
	RL      rl.FineTune
}

// Train trains the policy until RL's updates are done or ctx is cancelled. With
// a Dir in RL it goes on from its last checkpoint, bit for bit. The reward is
// asked once an update, with each prompt as often as it was sampled.
func (t Trainer) Train(ctx context.Context) error {
	if t.Policy == nil || t.Tokenizer == nil || t.Prompts == nil || t.Reward == nil {
		return errors.New("rlpf: a Trainer needs a Policy, a Tokenizer, Prompts and a Reward")
	}
	var drawn []string // the prompts of the update under way
	return t.RL.Train(ctx, t.Policy, t.Reference, rl.TextTask{
		End: t.End,
		Prompts: func(r *rand.PCG, n int) []rl.Prompt {
			drawn = t.Prompts(r, n)
			prompts := make([]rl.Prompt, len(drawn))
			for i, text := range drawn {
				prompts[i] = rl.Prompt{Tokens: t.Tokenizer.Encode(text), Item: i}
			}
			return prompts
		},
		Reward: func(ctx context.Context, prompts []rl.Prompt, completions [][]int32) ([]float64, error) {
			asked, written := make([]string, len(prompts)), make([]string, len(prompts))
			for i, p := range prompts {
				asked[i], written[i] = drawn[p.Item], t.Tokenizer.Decode(completions[i])
			}
			return t.Reward(ctx, asked, written)
		},
	})
}
