package main

import (
	"bytes"
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

// began is what plan.json keeps of the start of a run, to go on with.
type began struct {
	Plan userllm.Plan `json:"plan"`
	Data facts        `json:"data"`
}

// facts tell one data set from another.
type facts struct {
	Users  int    `json:"users"`
	Items  int    `json:"items"`
	Events int    `json:"events"`
	SHA256 string `json:"sha256"` // of the content; see userllm.Experiment.Fingerprint
}

func (q *questions) facts() facts {
	return facts{len(q.data.Users), len(q.data.Items), q.data.NumEvents(), q.exp.Fingerprint()}
}

// changed names how the data differ from those the run began with, "" if they
// do not.
func (f facts) changed(now facts) string {
	for _, n := range []struct {
		name      string
		then, now int
	}{{"users", f.Users, now.Users}, {"items", f.Items, now.Items}, {"events", f.Events, now.Events}} {
		if n.then != n.now {
			return fmt.Sprintf("%d %s, now %d", n.then, n.name, n.now)
		}
	}
	if f.SHA256 != now.SHA256 {
		return "as many users, items and events, but others"
	}
	return ""
}

// settings are what results.json keeps: the flags, and all that follows from
// them.
type settings struct {
	options
	Run userllm.Config `json:"run"`
}

// job trains and tests every method for every seed and writes the results.
func job(ctx context.Context, folder *run.Folder, o options, q *questions, jsonFile string) error {
	begin := time.Now()
	say("→ %s", folder.Dir())
	exp, probes := q.exp, q.probes
	plan, err := begun(folder, q)
	if err != nil {
		return err
	}
	config, err := userllm.ReadConfig(folder.Dir()) // what this program trains by default may have changed since
	if errors.Is(err, fs.ErrNotExist) {
		config, err = o.config(), nil
	}
	if err != nil {
		return err
	}
	metrics, err := run.OpenMetrics(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	defer metrics.Close()
	outcomes := map[string][][]userllm.Outcome{}
	var first *userllm.Run
	for k := range o.Seeds {
		c := config
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
			if plan, err = planned(ctx, folder, o, q, r); err != nil {
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
	spent, curves, err := training(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	trained := trainingTable(spent, o.Seeds)
	fmt.Println()
	trained.Print(os.Stdout, 0)
	flops := map[string]float64{}
	for _, s := range spent {
		flops[s.name] = s.flops
	}
	results := run.Results{
		Results: rows, Config: settings{o, first.Config}, Seed: o.Seed, WeightsSHA256: train.WeightsSHA256(model), Seconds: time.Since(begin).Seconds(),
		Extra: map[string]any{"plan": plan, "training_flops": flops, "differences": differenceRows(differences)},
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
	if err := report(folder, o, first, model, rows, differences, append([]run.Block{trained}, curves...)); err != nil {
		return err
	}
	say("\nweights %s", results.WeightsSHA256[:16])
	say("results %s\nreport  %s", folder.Path("results.json"), folder.Path("report.html"))
	say("in %s", run.FormatDuration(time.Since(begin)))
	return nil
}

// begun returns how much each stage trains in a run that is resumed, nil if it
// has not come to plan that yet. The data must be those it began with.
func begun(folder *run.Folder, q *questions) (*userllm.Plan, error) {
	path := folder.Path("plan.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var b began
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return nil, fmt.Errorf("%s: %w (damaged, or written by another version: start a new run)", path, err)
	}
	if what := b.Data.changed(q.facts()); what != "" {
		return nil, fmt.Errorf("the data have changed since the run in %s began: %s (put them back, or start a new run)", folder.Dir(), what)
	}
	return &b.Plan, nil
}

// planned returns how much each stage trains, fixed or scaled to the budget by
// rates measured now, and keeps it in the folder.
func planned(ctx context.Context, folder *run.Folder, o options, q *questions, r *userllm.Run) (_ *userllm.Plan, err error) {
	p := r.Config.Plan
	if o.Budget > 0 {
		say("measuring how fast this machine trains, to fill %s", run.FormatDuration(o.Budget))
		if p, err = r.Scale(ctx, o.Budget/time.Duration(o.Seeds)); err != nil {
			return nil, err
		}
	}
	say("plan: %d titles for the language model, %d histories for the encoder, %d windows for every method", p.LMItems, p.EncoderWindows, p.Windows)
	text, err := json.Marshal(began{p, q.facts()})
	if err != nil {
		return nil, err
	}
	return &p, folder.WriteFile("plan.json", text)
}

// stageName is what metrics.jsonl calls a stage of the training of a seed, from
// 0.
func stageName(seed int, stage string) string {
	if seed > 0 {
		return fmt.Sprintf("seed-%d/%s", seed+1, stage)
	}
	return stage
}

// watch reports a training on the terminal and in metrics.jsonl.
func watch(r *userllm.Run, metrics *run.Metrics, seed int) {
	var line *run.Progress
	name := func(stage string) string { return stageName(seed, stage) }
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
	failed := false
	r.Metrics = func(stage string, step int, m map[string]float64) {
		record := map[string]any{"stage": name(stage), "step": step}
		for k, v := range m {
			record[k] = v
		}
		if err := metrics.Log(record); err != nil && !failed {
			failed = true
			say("%v", err)
		}
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
