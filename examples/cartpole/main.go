// Command cartpole learns to balance a pole on a cart with PPO, or to solve
// another classic control task, for some seeds, and draws how it learned.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/rl/env"
)

// options are what the flags say; a run folder keeps them in config.json.
type options struct {
	Env      string `json:"env"`
	Episodes int    `json:"episodes"`
	Seeds    int    `json:"seeds"`
	PPO      rl.PPO `json:"ppo"` // of the first seed
}

func main() {
	run.Main("cartpole", func(ctx context.Context) error { return program(ctx, os.Args[1:]) })
}

func program(ctx context.Context, args []string) (err error) {
	fs := flag.NewFlagSet("cartpole", flag.ContinueOnError)
	var o options
	name := run.Choice(fs, "env", "CartPole-v1", "what is to be learned", env.Names()...)
	steps := run.Int(fs, "steps", 0, 0, 1e9, "steps of the environment; 0: as many as usually solve it")
	episodes := run.Positive(fs, "episodes", 100, "episodes of the evaluation")
	seeds := run.Int(fs, "seeds", 1, 1, 100, "trainings")
	seed := fs.Uint64("seed", 1, "of the first training")
	quick := fs.Bool("quick", false, "a run of a second through the same code, to try it")
	out := fs.String("out", "", "folder for the run; empty: the next runs/cartpole-…")
	resume := fs.String("resume", "", "folder of an interrupted run to go on with; it keeps its options")
	jsonFile := fs.String("json", "", "also write results.json to this file")
	if err := run.Parse(fs, args, os.Stdout); err != nil {
		return err
	}
	if *jsonFile != "" {
		if err := run.CheckWritable("json", *jsonFile); err != nil {
			return err
		}
	}
	var folder *run.Folder
	if *resume != "" {
		for name := range run.Given(fs) {
			if name != "resume" && name != "json" {
				return run.Usagef("-%s cannot be changed by -resume: the run keeps its own options", name)
			}
		}
		folder, err = run.Open(*resume, &o)
	} else {
		o = options{Env: *name, Episodes: *episodes, Seeds: *seeds}
		if o.PPO, err = env.Recipe(o.Env); err != nil {
			return err
		}
		o.PPO = o.PPO.Defaults()
		o.PPO.Seed = *seed
		if *quick {
			o.PPO.Steps = 4000
		}
		o.PPO.Steps = cmp.Or(*steps, o.PPO.Steps)
		if *out != "" {
			folder, err = run.Create(*out, o)
		} else {
			folder, err = run.CreateNext("runs", "cartpole", o)
		}
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	return job(ctx, folder, o, *jsonFile)
}

// job trains and evaluates every seed and writes the results.
func job(ctx context.Context, folder *run.Folder, o options, jsonFile string) error {
	begin := time.Now()
	fmt.Printf("→ %s\n", folder.Dir())
	newEnv, err := env.Lookup(o.Env)
	if err != nil {
		return err
	}
	metrics, err := run.OpenMetrics(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	defer metrics.Close()
	var medians []float64
	weights := ""
	for k := range o.Seeds {
		agent, err := learn(ctx, folder, metrics, o, k, newEnv)
		if err != nil {
			return err
		}
		played, err := agent.Evaluate(ctx, newEnv, o.Episodes, o.PPO.Seed+1_000_000)
		if err != nil {
			return err
		}
		var returns []float64
		for _, e := range played {
			returns = append(returns, e.Return)
		}
		medians = append(medians, median(returns))
		fmt.Printf("  seed %d: median return of %d episodes %.1f, worst %.1f, best %.1f\n", o.PPO.Seed+uint64(k), o.Episodes, median(returns), slices.Min(returns), slices.Max(returns))
		weights = cmp.Or(weights, train.WeightsSHA256(agent))
	}
	curves, err := readCurves(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	fmt.Printf("return while learning  %s\n", sparkline(middle(curves).Y))
	row := func(metric string, v float64) run.Row {
		return run.Row{Dataset: o.Env, Task: "return", Method: "ppo", Metric: metric, Value: v, N: o.Episodes, Seeds: o.Seeds}
	}
	results := run.Results{
		Results: []run.Row{row("median", median(medians)), row("median_worst_seed", slices.Min(medians)), row("median_best_seed", slices.Max(medians))},
		Config:  o, Seed: o.PPO.Seed, WeightsSHA256: weights, Seconds: time.Since(begin).Seconds(),
		Extra: map[string]any{"medians": medians},
	}
	if err := results.Write(folder.Path("results.json")); err != nil {
		return err
	}
	if jsonFile != "" {
		if err := results.Write(jsonFile); err != nil {
			return err
		}
	}
	if err := report(folder, o, medians, curves); err != nil {
		return err
	}
	fmt.Printf("results %s\nreport  %s\nin %s\n", folder.Path("results.json"), folder.Path("report.html"), run.FormatDuration(time.Since(begin)))
	return nil
}

// learn trains seed k, from 0, with a live line.
func learn(ctx context.Context, folder *run.Folder, metrics *run.Metrics, o options, k int, newEnv func() rl.Env) (*rl.Agent, error) {
	c := o.PPO
	c.Seed += uint64(k)
	stage := fmt.Sprintf("seed-%d", c.Seed)
	c.Dir = folder.Path(stage)
	var line *run.Progress
	var failed error
	c.Start = func(step int) {
		failed = metrics.Rewind(stage, step)
		if step < c.Steps {
			line = run.NewProgress(os.Stdout, stage, "steps", step, c.Steps)
		}
	}
	c.Progress = func(p rl.Progress) {
		line.Set(min(p.Step, p.Steps), fmt.Sprintf("return %.1f", p.Return))
		record := map[string]any{"stage": stage, "step": p.Step, "return": p.Return}
		for name, v := range p.Metrics {
			record[name] = v
		}
		failed = cmp.Or(failed, metrics.Log(record))
	}
	agent, err := c.Train(ctx, newEnv)
	if err == nil && line != nil {
		line.Done("")
	}
	return agent, cmp.Or(err, failed)
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// sparkline draws x in one line of text.
func sparkline(x []float64) string {
	x = slices.DeleteFunc(slices.Clone(x), math.IsNaN)
	if len(x) == 0 {
		return ""
	}
	const bars, width = "▁▂▃▄▅▆▇█", 60
	low, high := slices.Min(x), slices.Max(x)
	var b strings.Builder
	for i := range min(width, len(x)) {
		v := x[i*len(x)/min(width, len(x))]
		b.WriteRune([]rune(bars)[int(7*(v-low)/max(high-low, 1e-9))])
	}
	return fmt.Sprintf("%.0f %s %.0f", low, b.String(), high)
}
