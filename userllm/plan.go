package userllm

import (
	"context"
	"fmt"
	"math"
	"os"
	"time"
)

// The shares of a budget: pretraining of the language model and of the encoder;
// the rest goes to stage 2 of User-LLM and its rivals, on equal windows.
const (
	lmShare      = 0.08
	encoderShare = 0.12
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
	items := 96 + 4*r.Config.Batch
	try := *r
	try.Dir, try.measuring = dir, true
	try.Log, try.Progress, try.Start = func(string) {}, nil, nil
	try.Config.Plan = Plan{LMItems: 8 * items, EncoderWindows: items, Windows: items}
	begin, end := map[string]time.Time{}, map[string]time.Time{} // the first steps warm up
	last := map[string]int{}
	try.Metrics = func(stage string, step int, _ map[string]float64) {
		if step == warm {
			begin[stage] = time.Now()
		}
		end[stage], last[stage] = time.Now(), step
	}
	for _, train := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := try.Model(ctx); return err },
		func(ctx context.Context) error { _, err := try.TextPrompt(ctx); return err },
		func(ctx context.Context) error { _, err := try.DualEncoder(ctx); return err },
	} {
		if err := train(ctx); err != nil {
			return Plan{}, fmt.Errorf("measuring rates: %w", err)
		}
	}
	seconds := func(stage string, size int) float64 { // an item
		return end[stage].Sub(begin[stage]).Seconds() / float64((last[stage]-warm)*size)
	}
	b := budget.Seconds()
	window := seconds(modelName, r.Config.Batch) + seconds("textprompt", r.Config.Batch) + seconds("dual-encoder", dualBatch)
	titles := math.Log2(max(1, lmShare*b/seconds("lm", lmBatch)/lmBatch))
	return Plan{
		// A power of two, so that a later run finds the model in the cache.
		LMItems:        lmBatch << int(math.Round(titles)),
		EncoderWindows: max(encoderBatch, int(encoderShare*b/seconds("encoder", encoderBatch))),
		Windows:        max(encoderBatch, int((1-lmShare-encoderShare)*b/window)),
	}, nil
}

// warm is the step of a stage from which its rate is taken.
const warm = 2
