package rlpf_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/noema-ml/noema/rlpf"
	"github.com/noema-ml/noema/userllm/history"
)

// A run leaves what a summariser needs in its folder. This one is far too short
// to learn anything; examples/rlpf trains longer ones.
func ExampleLoad() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "rlpf-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	data := history.Synthetic(history.SyntheticConfig{Seed: 1, Users: 60, Items: 200, Events: 90})
	config := rlpf.Config{Seed: 1, Vocab: 330, Tokens: 12}
	config.Ask.History = 5
	config.Model.Dim, config.Model.Layers = 8, 1
	config.Predictor = rlpf.PredictorConfig{Pretrain: 1, Steps: 1, Texts: 1, Contexts: 2, Questions: 2}
	config.Warm = rlpf.WarmConfig{Steps: 2, Histories: 2, Summaries: 2}
	config.RL.Steps, config.RL.Prompts = 1, 2
	run, err := rlpf.NewRun(ctx, dir, config, data, nil, 1)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := run.Policy(ctx); err != nil {
		log.Fatal(err)
	}
	if err := run.Describe(); err != nil {
		log.Fatal(err)
	}

	s, err := rlpf.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	events := data.Users[0].Events[:5]
	text, err := s.Summarise(ctx, events)
	if err != nil {
		log.Fatal(err)
	}
	again, err := s.Summarise(ctx, events)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("of", s.Tokens, "tokens at most; the same text again:", text == again)
	// Output: of 12 tokens at most; the same text again: true
}
