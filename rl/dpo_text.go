package rl

import (
	"context"
	"errors"
	"fmt"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
)

// A TextPreference says that after Prompt the text Chosen is better than
// Rejected. Their end token belongs to them.
type TextPreference struct {
	Prompt, Chosen, Rejected []int32
}

// TrainText is Train for a language model and texts. A prompt is computed once
// for its two texts.
func (c DPO) TrainText(ctx context.Context, policy *lm.Model, pairs []TextPreference) error {
	if len(pairs) == 0 {
		return errors.New("rl: DPO has no pairs")
	}
	for i, p := range pairs {
		if len(p.Prompt) == 0 || len(p.Chosen) == 0 || len(p.Rejected) == 0 {
			return fmt.Errorf("rl: preference %d has an empty text", i)
		}
		for _, text := range [][]int32{p.Prompt, p.Chosen, p.Rejected} {
			for _, t := range text {
				if t < 0 || int(t) >= policy.Config.Vocab {
					return fmt.Errorf("rl: preference %d has token %d, not in [0, %d)", i, t, policy.Config.Vocab)
				}
			}
		}
	}
	return c.train(ctx, policy, len(pairs), func(s *autograd.Scope, rows []int) (chosen, rejected *autograd.Var) {
		var texts []textRow
		for _, i := range rows {
			texts = append(texts, textRow{prompt: pairs[i].Prompt, actions: [][]int32{pairs[i].Chosen, pairs[i].Rejected}})
		}
		b := newTextBatch(texts)
		logp, _ := b.logProbs(s, policy, 1, false)
		both := autograd.Reshape(b.totals(logp), len(rows), 2)
		return autograd.Squeeze(autograd.Slice(both, 1, 0, 1), 1), autograd.Squeeze(autograd.Slice(both, 1, 1, 2), 1)
	})
}
