package rl

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/nn/lm"
)

// A Prompt is what a language model continues.
type Prompt struct {
	Tokens []int32
	Item   int // the caller's own number for it, which the reward may need
}

// TextReward judges completions, without their end token; completions[i]
// follows prompts[i].
type TextReward func(ctx context.Context, prompts []Prompt, completions [][]int32) ([]float64, error)

// A TextTask is what a language model is to learn: to continue prompts so that
// the reward is high. Its decision process is that of tokens: the state is the
// prompt and the tokens so far, an action the next token, the end token
// included, and the reward comes at the end.
type TextTask struct {
	// Prompts draws n prompts. It depends on r alone, so that a resumed run
	// draws the same.
	Prompts func(r *rand.PCG, n int) []Prompt
	Reward  TextReward
	// End is the token that ends a completion. One that reaches the allowed
	// length has none.
	End int32
}

// textRow is a prompt with several completions, as sequences of actions.
type textRow struct {
	prompt  []int32
	actions [][]int32 // each with its end token, if it came to that; none is empty
	rewards []float64 // of the completions
}

// tokens returns how many tokens the row's pass computes: the prompt once, and
// of each completion all but the last, after which nothing is predicted.
func (r textRow) tokens() int {
	n := len(r.prompt)
	for _, a := range r.actions {
		n += len(a) - 1
	}
	return n
}

// sample lets the policy complete each prompt so often: rows in the order of
// the prompts, and the same completions one after the other, without end token.
func sample(ctx context.Context, policy *lm.Model, r *rand.PCG, prompts []Prompt, end int32, samples, most int, temperature float64) (rows []textRow, completions [][]int32, err error) {
	q := lm.Request{Samples: samples, MaxNew: most, Stop: []int32{end}, Sampling: lm.Sampling{Temperature: temperature}}
	for _, p := range prompts {
		q.Tokens = append(q.Tokens, p.Tokens)
	}
	if completions, err = policy.Generate(ctx, r, q); err != nil {
		return nil, nil, fmt.Errorf("rl: sampling: %w", err)
	}
	for i, p := range prompts {
		row := textRow{prompt: p.Tokens}
		room := min(most, policy.Config.MaxLen-len(p.Tokens))
		for _, c := range completions[i*samples : (i+1)*samples] {
			a := c[:len(c):len(c)]
			if len(c) < room {
				a = append(a, end)
			}
			row.actions = append(row.actions, a)
		}
		rows = append(rows, row)
	}
	return rows, completions, nil
}
