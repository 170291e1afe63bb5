package main

import (
	"context"
	"fmt"
	"os"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/rlpf"
)

// stageName is what metrics.jsonl calls a stage of the training of a seed, from
// 0.
func stageName(seed int, stage string) string {
	if seed > 0 {
		return fmt.Sprintf("seed-%d/%s", seed+1, stage)
	}
	return stage
}

// watch reports a training on the terminal and in metrics.jsonl.
func watch(r *rlpf.Run, metrics *run.Metrics, seed int) {
	var line *run.Progress
	failed := false
	complain := func(err error) {
		if err != nil && !failed {
			failed = true
			say("%v", err)
		}
	}
	r.Log = func(msg string) { say("%s", msg) }
	r.Start = func(stage string, step, steps int) {
		line = run.NewProgress(os.Stdout, "  "+stage, "steps", step, steps)
		complain(metrics.Rewind(stageName(seed, stage), step))
	}
	r.Step = func(stage string, step, steps int, values map[string]float64) {
		record := map[string]any{"stage": stageName(seed, stage), "step": step}
		for k, v := range values {
			record[k] = v
		}
		complain(metrics.Log(record))
		note := ""
		if v, ok := values["loss"]; ok {
			note = fmt.Sprintf("loss %.3f", v)
		}
		if v, ok := values["accuracy"]; ok {
			note = fmt.Sprintf("right %.3f", v)
		}
		if v, ok := values["reward"]; ok {
			note += fmt.Sprintf(" · reward %.3f · kl %.2f · %.0f tokens", v, values["kl"], values["length"])
		}
		line.Set(step, note)
		if step == steps {
			line.Done(note)
		}
	}
}

// test trains and tests one method, with a progress line.
func test(ctx context.Context, r *rlpf.Run, method string, e *rlpf.Exam) (out []rlpf.Outcome, err error) {
	err = progress("testing "+method, "questions", func(report func(done, all int)) error {
		out, err = r.Test(ctx, method, e, report)
		return err
	})
	return out, err
}

// probe asks what a method's texts tell of all users, with a progress line.
func probe(ctx context.Context, r *rlpf.Run, method string, e *rlpf.Exam) (right []map[rlpf.Task]float64, err error) {
	err = progress("texts of all users by "+method, "texts", func(report func(done, all int)) error {
		right, err = r.Probe(ctx, method, e, report)
		return err
	})
	return right, err
}

// progress shows a line from the first report of work on.
func progress(label, unit string, work func(report func(done, all int)) error) error {
	var line *run.Progress
	err := work(func(done, all int) {
		if line == nil {
			line = run.NewProgress(os.Stdout, "  "+label, unit, 0, all)
		}
		line.Set(done, "")
	})
	if line != nil && err == nil {
		line.Done("")
	}
	return err
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
