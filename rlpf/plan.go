package rlpf

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/noema-ml/noema/userllm/history"
)

// The shares of the training of one seed; testing takes some minutes more.
const (
	lmShare        = 0.18
	predictorShare = 0.36
	secondShare    = 0.08 // half of it for questions
	warmShare      = 0.12
	rlShare        = 0.26 // with best-of-n-sft, which takes about three quarters of the time of RL again
)

// Scale returns c with the steps of every stage that fit the training of so many
// seeds, which share their readers, into the given time on this machine, from
// the rates of a few steps of every stage. If the policies are taken from the
// finished run in the folder policy (TakePolicy), the readers have all the time;
// "": they learn here.
func Scale(ctx context.Context, c Config, d *history.Dataset, people []history.Person, budget time.Duration, seeds int, policy string) (Config, error) {
	const shared = lmShare + predictorShare + secondShare
	one := budget.Seconds() / shared
	if policy == "" {
		one = budget.Seconds() / (shared + (1-shared)*float64(seeds))
	}
	dir, err := os.MkdirTemp("", "noema-rates-")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	const few = 12
	c = c.WithDefaults()
	try := c
	try.Predictor.Pretrain, try.Predictor.Steps, try.Second.Pretrain, try.Second.Steps = 5*few, few, 5*few, few // the first dozen of a language model's are slow
	try.Warm.Steps, try.RL.Steps = 5*few, few                                                                   // one that learned less does not end its texts
	if policy != "" {
		if _, err := TakePolicy(dir, policy); err != nil {
			return c, err
		}
	}
	r, err := NewRun(ctx, dir, try, d, people, c.Seed)
	if err != nil {
		return c, err
	}
	times := map[string][]time.Time{} // when the steps of a stage ended
	r.Step = func(stage string, _, _ int, _ map[string]float64) {
		times[stage] = append(times[stage], time.Now())
	}
	train := func() error {
		if _, err := r.Predictor(ctx); err != nil {
			return err
		}
		if _, err := r.Second(ctx); err != nil || policy != "" {
			return err
		}
		_, err := r.Policy(ctx)
		return err
	}
	if err := train(); err != nil {
		return c, fmt.Errorf("measuring rates: %w", err)
	}
	// The median: the first steps, and those that something else on the machine
	// holds up, take twice as long and longer.
	steps := func(stage string, share float64) int {
		var each []float64
		for i, t := range times[stage][1:] {
			each = append(each, t.Sub(times[stage][i]).Seconds())
		}
		slices.Sort(each)
		return max(1, int(share*one/each[len(each)/2]))
	}
	c.Predictor.Pretrain, c.Predictor.Steps = steps(lmName, lmShare), steps(predictorName, predictorShare)
	c.Second.Pretrain, c.Second.Steps = steps(secondLMName, secondShare/2), steps(secondName, secondShare/2)
	if policy == "" {
		// Steps that copy titles take about three quarters of the time of those that do
		// not, of which there are half as many.
		c.Warm.Steps, c.RL.Steps = steps(beforeName, warmShare/(0.75+0.5)), steps(policyName, rlShare/1.75)
	}
	return c, nil
}
