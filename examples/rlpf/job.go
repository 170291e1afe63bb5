package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rlpf"
)

// settings are what results.json keeps: the flags, and all that follows from
// them.
type settings struct {
	options
	Run rlpf.Config `json:"run"`
}

// findings are what all seeds came to.
type findings struct {
	first       *rlpf.Run
	exam        *rlpf.Exam
	outcomes    map[string][][]rlpf.Outcome
	quality     map[string][]rlpf.Quality
	probes      map[string][][]map[rlpf.Task]float64
	figures     []rlpf.Figure
	differences []rlpf.Figure
	rows        []run.Row
}

// job trains and tests every method for every seed and writes the results.
func job(ctx context.Context, folder *run.Folder, o options, w *world, jsonFile string) error {
	begin := time.Now()
	say("→ %s", folder.Dir())
	metrics, err := run.OpenMetrics(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	defer metrics.Close()
	f, err := trainAll(ctx, folder, o, w, metrics)
	if err != nil {
		return err
	}
	f.rows = resultRows(o, f.figures)
	show(f.rows, f.differences)
	policy, err := f.first.Policy(ctx)
	if err != nil {
		return err
	}
	leaks := leaks(f)
	results := run.Results{
		Results: f.rows, Config: settings{o, f.first.Config}, Seed: o.Seed, WeightsSHA256: train.WeightsSHA256(policy), Seconds: time.Since(begin).Seconds(),
		Extra: map[string]any{"differences": differenceRows(f.differences), "seeds": seedRows(f.figures), "leaks": leaks, "widened": widened(f.exam), "moved": f.exam.Moved, "users": map[string]int{
			"train": len(f.first.Users.Train), "valid": len(f.first.Users.Valid), "test": len(f.first.Users.Test), "asked": len(asked(f.exam)),
		}},
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
	if err := report(ctx, folder, o, f, leaks); err != nil {
		return err
	}
	say("\nweights %s", results.WeightsSHA256[:16])
	say("results %s\nreport  %s", folder.Path("results.json"), folder.Path("report.html"))
	say("in %s", run.FormatDuration(time.Since(begin)))
	return nil
}

// trainAll trains and tests every method for every seed.
func trainAll(ctx context.Context, folder *run.Folder, o options, w *world, metrics *run.Metrics) (*findings, error) {
	config, err := begun(ctx, folder, o, w)
	if err != nil {
		return nil, err
	}
	if err := folders(folder, o); err != nil {
		return nil, err
	}
	f := &findings{outcomes: map[string][][]rlpf.Outcome{}, quality: map[string][]rlpf.Quality{}, probes: map[string][][]map[rlpf.Task]float64{}}
	for k := range o.Seeds {
		dir := seedDir(folder.Dir(), k)
		if k > 0 {
			if err := f.first.ShareReaders(ctx, dir); err != nil {
				return nil, err
			}
		}
		c := *config
		c.Seed += uint64(k)
		r, err := rlpf.NewRun(ctx, dir, c, w.data, w.people, o.Seed)
		if err != nil {
			return nil, err
		}
		if w.truth != nil {
			r.Oracle, r.Tastes = r.Asker.OracleReader(w.truth), r.Asker.TasteReader(w.truth)
		}
		watch(r, metrics, k)
		if k == 0 {
			f.first, f.exam = r, r.Exam()
			if len(f.exam.Questions) == 0 {
				return nil, fmt.Errorf("nothing can be asked about the test users of %s", o.Dataset)
			}
		}
		if err := r.Describe(); err != nil {
			return nil, err
		}
		for _, method := range r.Methods() {
			out, err := test(ctx, r, method, f.exam)
			if err != nil {
				return nil, err
			}
			f.outcomes[method] = append(f.outcomes[method], out)
			quality, err := r.Quality(ctx, method, f.exam)
			if err != nil {
				return nil, err
			}
			f.quality[method] = append(f.quality[method], quality...)
			if k == 0 && r.Probes(method) { // of one seed: it takes everybody's texts
				right, err := probe(ctx, r, method, f.exam)
				if err != nil {
					return nil, err
				}
				f.probes[method] = append(f.probes[method], right)
			}
		}
	}
	f.figures, f.differences = rlpf.Figures(o.Seed, f.exam.Questions, f.outcomes)
	f.figures = append(f.figures, rlpf.QualityFigures(o.Seed, f.exam, f.quality)...)
	figures, differences := rlpf.ProbeFigures(o.Seed, f.probes)
	f.figures, f.differences = append(f.figures, figures...), append(f.differences, differences...)
	return f, nil
}

// folders makes the folder of each seed. Policies that are taken are copied there
// at once: the run that they come from need not be there to the end.
func folders(folder *run.Folder, o options) error {
	for k := range o.Seeds {
		dir := seedDir(folder.Dir(), k)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if o.Policy != "" {
			if _, err := rlpf.TakePolicy(dir, seedDir(o.Policy, k)); err != nil {
				return err
			}
		}
	}
	return nil
}

// beginning is what begun.json keeps of the start of a run, to go on with.
type beginning struct {
	Config rlpf.Config `json:"config"`
	SHA256 string      `json:"sha256"` // of the data
}

// begun returns the configuration of the first seed: that which a resumed run
// began with, whatever the defaults have become since (but not how a step is
// made). The data must be those it began with.
func begun(ctx context.Context, folder *run.Folder, o options, w *world) (*rlpf.Config, error) {
	const name = "begun.json"
	text, err := os.ReadFile(folder.Path(name))
	if errors.Is(err, fs.ErrNotExist) {
		b := beginning{o.config().WithDefaults(), w.sha256}
		if o.Budget > 0 {
			say("measuring how fast this machine trains, to fill %s", run.FormatDuration(o.Budget))
			if b.Config, err = rlpf.Scale(ctx, b.Config, w.data, w.people, o.Budget, o.Seeds, o.Policy); err != nil {
				return nil, err
			}
			if o.Updates > 0 {
				b.Config.RL.Steps = o.Updates
			}
		}
		if text, err = json.Marshal(b); err != nil {
			return nil, err
		}
		return &b.Config, folder.WriteFile(name, text)
	} else if err != nil {
		return nil, err
	}
	var b beginning
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return nil, fmt.Errorf("%s: %w (damaged, or written by another version: start a new run)", folder.Path(name), err)
	}
	if b.SHA256 != w.sha256 {
		if o.Dataset == synthetic {
			return nil, fmt.Errorf("another version of this program, with other synthetic data, began the run in %s: start a new run", folder.Dir())
		}
		return nil, fmt.Errorf("the data have changed since the run in %s began: put them back, or start a new run", folder.Dir())
	}
	return &b.Config, nil
}
