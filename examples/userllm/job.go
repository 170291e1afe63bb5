package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm"
	"github.com/noema-ml/noema/userllm/history"
)

// questions are the data and what is asked about it.
type questions struct {
	data   *history.Dataset
	exp    *userllm.Experiment
	probes []userllm.Probe
}

// read opens the data set that the options name.
func (o options) read() (*questions, error) {
	say("%s", o.title())
	data, err := o.open()
	if err != nil {
		return nil, err
	}
	say("%d users, %d items, %d events, %d genres", len(data.Users), len(data.Items), data.NumEvents(), len(data.Genres))
	q := &questions{data: data, exp: userllm.NewExperiment(data, held(data), o.Seed)}
	q.probes = q.exp.Probes(o.Length)
	if o.Quick {
		q.probes = few(q.probes, 60)
	}
	if len(q.probes) == 0 {
		return nil, fmt.Errorf("no user of %s has enough events to ask about: at least %d more than the %d that are withheld", o.Dataset, q.exp.Split.MinHistory+q.exp.Split.Valid, held(data))
	}
	return q, nil
}

// job trains and tests every method for every seed and writes the results.
func job(ctx context.Context, folder *run.Folder, o options, q *questions, jsonFile string) error {
	begin := time.Now()
	say("→ %s", folder.Dir())
	exp, probes := q.exp, q.probes
	metrics, err := run.OpenMetrics(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	defer metrics.Close()
	outcomes := map[string][][]userllm.Outcome{}
	var first *userllm.Run
	var plan *userllm.Plan
	for k := range o.Seeds {
		c := o.config()
		c.Seed += uint64(k)
		dir := folder.Dir()
		if k > 0 {
			dir = folder.Path(fmt.Sprintf("seed-%d", k+1))
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		r, err := userllm.NewRun(ctx, dir, filepath.Join(filepath.Dir(filepath.Clean(folder.Dir())), "cache"), c, exp)
		if err != nil {
			return err
		}
		watch(r, metrics, k)
		if first == nil {
			first = r
		}
		if plan == nil {
			if plan, err = planned(ctx, folder, o, r); err != nil {
				return err
			}
		}
		r.Config.Plan = *plan
		if err := r.Describe(); err != nil {
			return err
		}
		for _, method := range userllm.Methods {
			out, err := test(ctx, r, method, probes)
			if err != nil {
				return err
			}
			outcomes[method] = append(outcomes[method], out)
		}
	}
	figures, differences := userllm.Summary(o.Seed, probes, outcomes)
	rows := resultRows(o, figures)
	show(rows, differences)
	model, err := first.Model(ctx)
	if err != nil {
		return err
	}
	curves, spent, err := training(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	results := run.Results{
		Results: rows, Config: o, Seed: o.Seed, WeightsSHA256: train.WeightsSHA256(model), Seconds: time.Since(begin).Seconds(),
		Extra: map[string]any{"plan": plan, "training_flops": spent, "differences": differenceRows(differences)},
	}
	if err := results.Write(folder.Path("results.json")); err != nil {
		return err
	}
	if jsonFile != "" {
		if err := results.Write(jsonFile); err != nil {
			return err
		}
	}
	if err := metrics.Close(); err != nil {
		return err
	}
	if err := report(folder, o, first, model, rows, differences, curves); err != nil {
		return err
	}
	say("\nweights %s", results.WeightsSHA256[:16])
	say("results %s\nreport  %s", folder.Path("results.json"), folder.Path("report.html"))
	say("in %s", run.FormatDuration(time.Since(begin)))
	return nil
}

// planned returns how much each stage trains: as the folder says if it was
// resumed, else fixed, or scaled to the budget by rates measured now.
func planned(ctx context.Context, folder *run.Folder, o options, r *userllm.Run) (*userllm.Plan, error) {
	path := folder.Path("plan.json")
	text, err := os.ReadFile(path)
	if err == nil {
		p := new(userllm.Plan)
		if err := json.Unmarshal(text, p); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return p, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p := r.Config.Plan
	if o.Budget > 0 {
		say("measuring how fast this machine trains, to fill %s", run.FormatDuration(o.Budget))
		if p, err = r.Scale(ctx, o.Budget/time.Duration(o.Seeds)); err != nil {
			return nil, err
		}
	}
	say("plan: %d titles for the language model, %d histories for the encoder, %d windows for every method", p.LMItems, p.EncoderWindows, p.Windows)
	text, err = json.Marshal(p)
	if err != nil {
		return nil, err
	}
	return &p, folder.WriteFile("plan.json", text)
}

// watch reports a training on the terminal and in metrics.jsonl.
func watch(r *userllm.Run, metrics *run.Metrics, seed int) {
	var line *run.Progress
	name := func(stage string) string {
		if seed > 0 {
			return fmt.Sprintf("seed-%d/%s", seed+1, stage)
		}
		return stage
	}
	r.Log = func(msg string) { say("%s", msg) }
	var done int
	r.Start = func(stage string, step int) {
		line, done = nil, step
		if err := metrics.Rewind(name(stage), step); err != nil {
			say("%v", err)
		}
	}
	r.Progress = func(stage string, p train.Progress) {
		if line == nil {
			line = run.NewProgress(os.Stdout, "  "+stage, "steps", done, p.Steps)
		}
		line.Set(p.Step, fmt.Sprintf("loss %.3f", p.Loss))
		if p.Step == p.Steps {
			line.Done(fmt.Sprintf("loss %.3f", p.Loss))
		}
	}
	r.Metrics = func(stage string, step int, m map[string]float64) {
		record := map[string]any{"stage": name(stage), "step": step}
		for k, v := range m {
			record[k] = v
		}
		metrics.Log(record)
	}
}

// test trains and tests one method, with a progress line.
func test(ctx context.Context, r *userllm.Run, method string, probes []userllm.Probe) ([]userllm.Outcome, error) {
	var line *run.Progress
	out, err := r.Test(ctx, method, probes, func(done, all int) {
		if line == nil {
			line = run.NewProgress(os.Stdout, "  testing "+method, "questions", 0, all)
		}
		line.Set(done, "")
	})
	if line != nil && err == nil {
		line.Done("")
	}
	return out, err
}

// few returns at most n probes of each task, spread over all.
func few(probes []userllm.Probe, n int) []userllm.Probe {
	all, seen := map[userllm.Task]int{}, map[userllm.Task]int{}
	for _, p := range probes {
		all[p.Task]++
	}
	return slices.DeleteFunc(slices.Clone(probes), func(p userllm.Probe) bool {
		i := seen[p.Task]
		seen[p.Task]++
		return all[p.Task] > n && i*n/all[p.Task] == (i+1)*n/all[p.Task]
	})
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
