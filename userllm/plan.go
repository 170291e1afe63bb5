package userllm

import (
	"context"
	"fmt"
	"math/bits"
	"os"
	"time"
)

// The shares of a budget: pretraining of the language model and of the encoder;
// the rest goes to stage 2 of User-LLM and its rivals, on equal windows.
const (
	lmShare      = 0.15
	encoderShare = 0.2
)

// Scale returns the plan that fits the training of one seed into the given time
// on this machine, from the rates of a few steps of every stage. The same
// number of windows goes to every method.
func (r *Run) Scale(ctx context.Context, budget time.Duration) (Plan, error) {
	dir, err := os.MkdirTemp("", "noema-rates-")
	if err != nil {
		return Plan{}, err
	}
	defer os.RemoveAll(dir)
	const steps = 6
	try := *r
	try.Dir, try.measuring = dir, true
	try.Log, try.Progress, try.Start = func(string) {}, nil, nil
	try.Config.Plan = Plan{LMItems: steps * lmBatch, EncoderWindows: steps * encoderBatch, Windows: steps * batch}
	begin := map[string]time.Time{} // of the third step: the first ones warm up
	end := map[string]time.Time{}
	try.Metrics = func(stage string, step int, _ map[string]float64) {
		if step == 2 {
			begin[stage] = time.Now()
		}
		end[stage] = time.Now()
	}
	if _, err := try.Model(ctx); err != nil {
		return Plan{}, fmt.Errorf("measuring rates: %w", err)
	}
	if _, err := try.TextPrompt(ctx); err != nil {
		return Plan{}, fmt.Errorf("measuring rates: %w", err)
	}
	if _, err := try.DualEncoder(ctx); err != nil {
		return Plan{}, fmt.Errorf("measuring rates: %w", err)
	}
	seconds := func(size int, stages ...string) (s float64) { // for an item
		for _, stage := range stages {
			s += end[stage].Sub(begin[stage]).Seconds() / float64((steps-2)*size)
		}
		return s
	}
	b := budget.Seconds()
	items := int(lmShare * b / seconds(lmBatch, "lm") / lmBatch)
	return Plan{
		// A power of two, so that a later run finds the model in the cache.
		LMItems:        lmBatch << max(0, bits.Len(uint(items))-1),
		EncoderWindows: max(encoderBatch, int(encoderShare*b/seconds(encoderBatch, "encoder"))),
		Windows:        max(batch, int((1-lmShare-encoderShare)*b/seconds(batch, modelName, "textprompt", "dual-encoder"))),
	}, nil
}
