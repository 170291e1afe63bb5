package rlpf_test

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rlpf"
)

// Any language model learns to please any reward: here, to write one letter.
func ExampleTrainer() {
	ctx := context.Background()
	texts := []string{"sing", "sing a song"}
	tok, err := tokenizer.TrainBPE(ctx, slices.Values(texts), 260, "<|end|>")
	if err != nil {
		log.Fatal(err)
	}
	end, _ := tok.ID("<|end|>")
	trainer := rlpf.Trainer{
		Policy:    lm.New(rand.NewPCG(1, 2), lm.Config{Vocab: tok.Vocab(), Dim: 16, Layers: 1, MaxLen: 32}),
		Tokenizer: tok,
		End:       end,
		Prompts: func(r *rand.PCG, n int) []string {
			prompts := make([]string, n)
			for i := range prompts {
				prompts[i] = texts[rand.New(r).IntN(len(texts))]
			}
			return prompts
		},
		Reward: func(_ context.Context, prompts, completions []string) ([]float64, error) {
			rewards := make([]float64, len(prompts))
			for i, text := range completions {
				for _, c := range text {
					if c >= 'a' && c <= 'z' {
						rewards[i]++
					}
				}
			}
			return rewards, nil
		},
	}
	var first, last float64
	trainer.RL = rl.FineTune{Method: "rloo", MaxNew: 4, LR: 0.02, Run: rl.Run{
		Steps: 60,
		Progress: func(p rl.Progress) {
			if last = p.Metrics["reward"]; p.Step == 1 {
				first = last
			}
		},
	}}
	if err := trainer.Train(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("letters before:", first < 1, "and after:", last > 3)
	// Output: letters before: true and after: true
}
