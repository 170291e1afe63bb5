package userllm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/internal/file"
	"github.com/noema-ml/noema/nn/metric"
	"github.com/noema-ml/noema/userllm/history"
)

// Methods are the names of User-LLM and its rivals, in the order of results.
var Methods = []string{"user-llm", "dual-encoder", "textprompt", "popularity", "cooccurrence", "majority", "history-count"}

// answers reports whether a method answers a task.
func answers(method string, t Task) bool {
	switch method {
	case "user-llm", "textprompt":
		return true
	case "majority", "history-count":
		return t != NextItem
	}
	return t == NextItem
}

// Test trains what method needs, unless the run folder has it, and puts those
// of the probes that the method answers to it; the others keep the zero
// Outcome. Outcomes are kept in the run folder and read back.
func (r *Run) Test(ctx context.Context, method string, probes []Probe, progress func(done, all int)) ([]Outcome, error) {
	path := filepath.Join(r.Dir, "outcomes", method+".json")
	if out, err := readOutcomes(path, len(probes)); err == nil {
		return out, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	start, err := r.answerer(ctx, method)
	if err != nil {
		return nil, err
	}
	var at []int
	var asked []Probe
	for i, p := range probes {
		if answers(method, p.Task) {
			at, asked = append(at, i), append(asked, p)
		}
	}
	got, err := r.Exp.ask(ctx, asked, start, progress)
	if err != nil {
		return nil, fmt.Errorf("userllm: testing %s: %w", method, err)
	}
	out := make([]Outcome, len(probes))
	for i, o := range got {
		out[at[i]] = o
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, file.Explain("create", filepath.Dir(path), err)
	}
	return out, file.WriteWith(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(out) })
}

func readOutcomes(path string, n int) ([]Outcome, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []Outcome
	if err := json.Unmarshal(text, &out); err != nil || len(out) != n {
		return nil, fmt.Errorf("userllm: %s is damaged (%d of %d outcomes, %v); remove it to test again", path, len(out), n, err)
	}
	return out, nil
}

// answerer trains a method, or reads it back, and returns what starts it.
func (r *Run) answerer(ctx context.Context, method string) (func() answerer, error) {
	d, items := r.Exp.Split.Dataset, len(r.Exp.Split.Dataset.Items)
	switch method {
	case "user-llm":
		u, err := r.Model(ctx)
		return func() answerer { return newContextual(u, r.Cat, r.Config.Beam) }, err
	case "textprompt":
		m, err := r.TextPrompt(ctx)
		return func() answerer {
			return &prompted{reader: newReader(r.Cat, m, r.Config.Beam), n: r.Config.Titles}
		}, err
	case "dual-encoder":
		e, err := r.DualEncoder(ctx)
		if err != nil {
			return nil, err
		}
		scorer := e.scorer()
		return func() answerer {
			s := scorer()
			return newScored(s, items, s.flops)
		}, nil
	case "popularity":
		p := r.Exp.Popularity()
		return func() answerer { return newScored(p, items, nil) }, nil
	case "cooccurrence":
		c := NewCooccurrence(r.Exp.Split, r.Exp.Warm)
		return func() answerer { return newScored(c, items, nil) }, nil
	case "majority":
		var most [numTasks]int32
		var past, future [][]int32
		for _, w := range r.windows() {
			past = append(past, d.FavGenres(w.inputs()))
			if len(w.after) >= Horizon {
				future = append(future, d.FavGenres(w.after[:Horizon]))
			}
		}
		most[FavGenre], most[FavGenreNext] = majority(past, len(d.Genres)), majority(future, len(d.Genres))
		return func() answerer { return counted(func(t Task, _ []history.Event) int32 { return most[t] }) }, nil
	case "history-count":
		length := r.Config.Model.Encoder.Length
		return func() answerer {
			return counted(func(_ Task, events []history.Event) int32 {
				if favs := d.FavGenres(events[max(0, len(events)-length):]); len(favs) > 0 {
					return favs[0]
				}
				return -1
			})
		}, nil
	}
	return nil, fmt.Errorf("userllm: no method %q", method)
}

// Figure is a number of the results with its 95 % bootstrap interval, clustered
// by user, over all seeds.
type Figure struct {
	Task   Task
	Method string
	Metric string
	metric.Interval
	N     int // questions
	P     float64
	Other string // of a paired difference: the method taken off
}

// resamples is how many bootstrap resamples an interval takes.
const resamples = 2000

// measures are a task's metrics as functions of an outcome.
func measures(t Task) []measure {
	cost := []measure{
		{"tokens", func(o Outcome) float64 { return float64(o.Tokens) }},
		{"flops", func(o Outcome) float64 { return float64(o.FLOPs) }},
	}
	if t != NextItem {
		return append([]measure{{"accuracy", func(o Outcome) float64 { return one(o.Right) }}}, cost...)
	}
	return append([]measure{
		{"recall@1", func(o Outcome) float64 { return metric.Hit(o.Place, 1) }},
		{"recall@5", func(o Outcome) float64 { return metric.Hit(o.Place, 5) }},
		{"recall@10", func(o Outcome) float64 { return metric.Hit(o.Place, 10) }},
	}, cost...)
}

type measure struct {
	name string
	of   func(Outcome) float64
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Summary is what the outcomes of all methods come to: outcomes[method] holds
// one slice for each seed, of one outcome a probe. FavGenre also has its metric
// over the cold users alone, "accuracy-cold".
func Summary(seed uint64, probes []Probe, outcomes map[string][][]Outcome) (figures, differences []Figure) {
	for task := range numTasks {
		at, users := choose(probes, func(p Probe) bool { return p.Task == task })
		var cold []int
		var coldUsers []int32
		if task == FavGenre {
			cold, coldUsers = choose(probes, func(p Probe) bool { return p.Task == task && p.Cold })
		}
		if len(at) == 0 {
			continue
		}
		for _, method := range Methods {
			seeds := outcomes[method]
			if !answers(method, task) || len(seeds) == 0 {
				continue
			}
			add := func(m measure, name string, at []int, users []int32) {
				f := Figure{Task: task, Method: method, Metric: name, N: len(at)}
				f.Interval = metric.Bootstrap(mean(seeds, at, m.of), users, stream(seed, "bootstrap"), resamples)
				figures = append(figures, f)
			}
			for i, m := range measures(task) {
				add(m, m.name, at, users)
				if i == 0 && len(cold) > 0 {
					add(m, m.name+"-cold", cold, coldUsers)
				}
			}
			figures = append(figures, millis(task, method, seeds, at))
		}
		m := measures(task)[0]
		if task == NextItem {
			m = measures(task)[2]
		}
		for _, other := range Methods[1:] {
			if !answers(other, task) || len(outcomes[other]) == 0 || len(outcomes["user-llm"]) == 0 {
				continue
			}
			d := metric.Paired(mean(outcomes["user-llm"], at, m.of), mean(outcomes[other], at, m.of), users, stream(seed, "paired"), resamples)
			differences = append(differences, Figure{
				Task: task, Method: "user-llm", Other: other, Metric: m.name, Interval: d.Interval, P: d.P, N: len(at),
			})
		}
	}
	return figures, differences
}

// choose returns the places of the probes for which want holds, and their users.
func choose(probes []Probe, want func(Probe) bool) (at []int, users []int32) {
	for i, p := range probes {
		if want(p) {
			at, users = append(at, i), append(users, int32(p.User))
		}
	}
	return at, users
}

// mean returns a measure of each of the given probes, averaged over the seeds.
func mean(seeds [][]Outcome, at []int, of func(Outcome) float64) []float64 {
	values := make([]float64, len(at))
	for _, outcomes := range seeds {
		for k, i := range at {
			values[k] += of(outcomes[i]) / float64(len(seeds))
		}
	}
	return values
}

// millis is the mean time of the queries that were timed.
func millis(task Task, method string, seeds [][]Outcome, at []int) Figure {
	var ms []float64
	for _, outcomes := range seeds {
		for _, i := range at {
			if v := outcomes[i].Millis; v > 0 {
				ms = append(ms, v)
			}
		}
	}
	f := Figure{Task: task, Method: method, Metric: "ms", N: len(ms)}
	f.Interval = metric.Bootstrap(ms, nil, stream(0, "ms"), resamples)
	return f
}
