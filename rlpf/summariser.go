package rlpf

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/userllm/history"
)

// Summariser writes summaries of histories. Several goroutines may use one.
type Summariser struct {
	Model   *lm.Model
	Lang    *Language
	History int // events that are read, the last ones
	Tokens  int // of a summary, at most
}

// batch is how many summaries are written side by side.
const batch = 64

// Summarise returns a summary of a user's events, oldest first, which are the
// data set's items. It takes the most probable words, so it returns the same
// text for the same events: those of the method rlpf-greedy of [Run.Test], while
// the method rlpf samples as in reinforcement learning. It returns an error if
// there are no events or one is not of a known item.
func (s *Summariser) Summarise(ctx context.Context, events []history.Event) (string, error) {
	texts, err := s.SummariseAll(ctx, [][]history.Event{events}, nil)
	if err != nil {
		return "", err
	}
	return texts[0], nil
}

// SummariseAll is Summarise for many histories, which is faster than one after
// the other. progress, if not nil, is told how many are done.
func (s *Summariser) SummariseAll(ctx context.Context, histories [][]history.Event, progress func(done, all int)) ([]string, error) {
	return s.summarise(ctx, nil, histories, lm.Sampling{}, progress)
}

// summarise is SummariseAll with words drawn by g.
func (s *Summariser) summarise(ctx context.Context, g *rand.PCG, histories [][]history.Event, how lm.Sampling, progress func(done, all int)) ([]string, error) {
	texts := make([]string, 0, len(histories))
	for len(texts) < len(histories) {
		part := histories[len(texts):min(len(histories), len(texts)+batch)]
		prompts := make([]string, len(part))
		for i, events := range part {
			if err := s.check(events); err != nil {
				return nil, fmt.Errorf("rlpf: history %d: %w", len(texts)+i, err)
			}
			prompts[i] = s.Prompt(events)
		}
		more, err := s.write(ctx, g, prompts, 1, how)
		if err != nil {
			return nil, err
		}
		texts = append(texts, more...)
		if progress != nil {
			progress(len(texts), len(histories))
		}
	}
	return texts, nil
}

func (s *Summariser) check(events []history.Event) error {
	if len(events) == 0 {
		return errors.New("there are no events to sum up")
	}
	for i, e := range events {
		if e.Item < 0 || int(e.Item) >= len(s.Lang.Data.Items) {
			return fmt.Errorf("event %d is of item %d; there are %d", i, e.Item, len(s.Lang.Data.Items))
		}
	}
	return nil
}

// Prompt returns what the model reads of the events: as many of the last ones
// as leave room for a summary.
func (s *Summariser) Prompt(events []history.Event) string {
	events = events[max(0, len(events)-s.History):]
	for {
		prompt := s.Lang.Prompt(events)
		if len(events) <= 1 || len(s.Lang.Encode(prompt))+s.Tokens < s.Model.Config.MaxLen {
			return prompt
		}
		events = events[1:]
	}
}

// write returns n texts behind each prompt.
func (s *Summariser) write(ctx context.Context, r *rand.PCG, prompts []string, n int, how lm.Sampling) ([]string, error) {
	q := lm.Request{Samples: n, MaxNew: s.Tokens, Stop: []int32{s.Lang.End}, Sampling: how}
	for _, p := range prompts {
		q.Tokens = append(q.Tokens, s.Lang.Encode(p))
	}
	written, err := s.Model.Generate(ctx, r, q)
	if err != nil {
		return nil, fmt.Errorf("rlpf: %w", err)
	}
	texts := make([]string, len(written))
	for i, tokens := range written {
		texts[i] = readable(s.Lang.Decode(tokens))
	}
	return texts, nil
}

// readable returns a text as a reader gets it: without blanks around it, and as
// UTF-8, which bytes that a model writes one by one need not be.
func readable(text string) string {
	return strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
}
