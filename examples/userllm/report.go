package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/userllm"
)

// resultRows turns figures into the rows of results.json.
func resultRows(o options, figures []userllm.Figure) []run.Row {
	var rows []run.Row
	for _, f := range figures {
		rows = append(rows, run.Row{
			Dataset: o.Dataset, Task: f.Task.String(), Method: f.Method, Metric: f.Metric,
			Value: f.Value, N: f.N, Seeds: o.Seeds,
		}.Within(f.Low, f.High))
	}
	return rows
}

// differenceRows are the paired differences as they stand in results.json.
func differenceRows(differences []userllm.Figure) []map[string]any {
	var rows []map[string]any
	for _, d := range differences {
		rows = append(rows, map[string]any{
			"task": d.Task.String(), "metric": d.Metric, "method": d.Method, "minus": d.Other,
			"value": d.Value, "low": d.Low, "high": d.High, "p": d.P, "n": d.N,
		})
	}
	return rows
}

// tables are the results as one table a task.
func tables(rows []run.Row) []run.Table {
	cost := func(task string, m ...run.Metric) []run.Metric {
		return append(m, run.Metric{Task: task, Name: "tokens"}, run.Metric{Task: task, Name: "flops", Head: "FLOPs"}, run.Metric{Task: task, Name: "ms"})
	}
	heads := map[string]string{
		"next_item":      "Next item: which title comes next, of the whole catalogue but what was seen",
		"fav_genre":      "Favourite genre of the history",
		"fav_genre_next": fmt.Sprintf("Favourite genre of the next %d events, of users that were never trained on", userllm.Horizon),
	}
	plain := make([]run.Row, len(rows)) // what a question costs needs no interval
	for i, r := range rows {
		if plain[i] = r; r.Metric == "tokens" || r.Metric == "flops" || r.Metric == "ms" {
			plain[i].Low, plain[i].High = nil, nil
		}
	}
	var ts []run.Table
	for _, task := range []string{"next_item", "fav_genre", "fav_genre_next"} {
		metrics := cost(task, run.Metric{Task: task, Name: "accuracy"})
		if task == "next_item" {
			metrics = cost(task, run.Metric{Task: task, Name: "recall@1"}, run.Metric{Task: task, Name: "recall@5"}, run.Metric{Task: task, Name: "recall@10"})
		}
		if task == "fav_genre" {
			metrics = slices.Insert(metrics, 1, run.Metric{Task: task, Name: "accuracy-cold"})
		}
		if t := run.Pivot(plain, metrics...); len(t.Rows) > 0 {
			t.Title = heads[task]
			t.Note = "95 % bootstrap intervals, clustered by user; tokens the language model reads, FLOPs (2mnk a matrix product, the search included) and milliseconds a question."
			if task == "fav_genre" {
				t.Note += " Some 90 % of these users were trained on, in windows that overlap the history asked about; accuracy-cold is over the others alone."
			}
			ts = append(ts, t)
		}
	}
	return ts
}

func differenceTable(differences []userllm.Figure) run.Table {
	t := run.Table{
		Title:   "User-LLM minus the others, question by question",
		Columns: []string{"task", "metric", "minus", "difference", "95 % interval", "p"}, Align: "lllrrr",
	}
	for _, d := range differences {
		t.Rows = append(t.Rows, []string{
			d.Task.String(), d.Metric, d.Other, fmt.Sprintf("%+.4f", d.Value),
			fmt.Sprintf("[%+.4f, %+.4f]", d.Low, d.High), fmt.Sprintf("%.4f", d.P),
		})
	}
	return t
}

// show prints the results.
func show(rows []run.Row, differences []userllm.Figure) {
	for _, t := range append(tables(rows), differenceTable(differences)) {
		fmt.Println()
		t.Print(os.Stdout, 0)
	}
}

// report writes report.html.
func report(folder *run.Folder, o options, r *userllm.Run, model *userllm.Model, rows []run.Row, differences []userllm.Figure, curves []run.Block) error {
	settings, err := run.ConfigTable(r.Config)
	if err != nil {
		return err
	}
	results := run.Section{Title: "Results"}
	for _, t := range append(tables(rows), differenceTable(differences)) {
		results.Blocks = append(results.Blocks, t)
	}
	next := run.ResultBars(rows, "next_item", "user-llm", "recall@1", "recall@5", "recall@10")
	next.Title = "Next item"
	past := run.ResultBars(rows, "fav_genre", "user-llm", "accuracy", "accuracy-cold")
	past.Title = "Favourite genre of the history"
	future := run.ResultBars(rows, "fav_genre_next", "user-llm", "accuracy")
	future.Title = "Favourite genre of what comes next"
	bars := run.Section{Title: "In pictures", Blocks: []run.Block{next, past, future}}
	rep := run.Report{
		Title: o.title(),
		Lead:  fmt.Sprintf("A user encoder that contextualises a language model (User-LLM, arXiv 2402.13598), beside its rivals on the same users and candidates. What is trained sees the same number of windows; popularity, co-occurrence and majority count all training events. %d seed(s).", o.Seeds),
		Sections: []run.Section{
			results, bars,
			{Title: "Training", Blocks: curves},
			{Title: "Users", Blocks: []run.Block{userMap(r, model)}},
			{Title: "Settings", Blocks: []run.Block{settings}},
		},
		Foot: fmt.Sprintf("%s · commit %s", run.Machine(), run.Commit()),
	}
	return rep.WriteFile(folder.Path("report.html"))
}

// spending is what the training of a stage took.
type spending struct {
	name  string
	steps int
	flops float64
}

// trainingTable lists what each stage took, and language models that were not
// trained here.
func trainingTable(spent []spending, seeds int) run.Table {
	t := run.Table{
		Title: "What training took", Columns: []string{"stage", "steps", "FLOPs"},
		Note: "Matrix products of all steps, forward and backward, at 2mnk each; validation is not counted.",
	}
	for k := range seeds {
		lm := stageName(k, "lm")
		if !slices.ContainsFunc(spent, func(s spending) bool { return s.name == lm }) {
			t.Rows = append(t.Rows, []string{lm + ", from the cache", "0", "0"})
		}
	}
	for _, s := range spent {
		t.Rows = append(t.Rows, []string{s.name, run.Format(float64(s.steps)), run.Format(s.flops)})
	}
	return t
}

// training reads metrics.jsonl: what every stage took, and its loss as a curve.
func training(path string) (spent []spending, curves []run.Block, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	series := map[string]*run.Series{}
	in := bufio.NewScanner(f)
	for in.Scan() {
		var m struct {
			Stage string
			Step  float64
			Loss  *float64
			FLOPs float64
		}
		if json.Unmarshal(in.Bytes(), &m) != nil || m.Loss == nil {
			continue
		}
		s := series[m.Stage]
		if s == nil {
			s = &run.Series{Name: m.Stage}
			series[m.Stage] = s
			spent = append(spent, spending{name: m.Stage})
		}
		s.X, s.Y = append(s.X, m.Step), append(s.Y, *m.Loss)
		i := slices.IndexFunc(spent, func(s spending) bool { return s.name == m.Stage })
		spent[i].steps, spent[i].flops = int(m.Step), m.FLOPs
	}
	if err := in.Err(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	words := run.LineChart{Title: "Language models: loss a token", XLabel: "step", YLabel: "nats"}
	others := run.LineChart{Title: "Encoders: loss a prediction", XLabel: "step", YLabel: "nats"}
	for _, s := range spent {
		chart := &words
		if strings.HasSuffix(s.name, "encoder") {
			chart = &others
		}
		chart.Series = append(chart.Series, *series[s.name])
	}
	return spent, []run.Block{words, others}, nil
}

// mapped is the most users that the map shows.
const mapped = 1500

// userMap draws the users' embeddings in two dimensions, coloured by the genre
// that they like best.
func userMap(r *userllm.Run, model *userllm.Model) run.Block {
	d := r.Exp.Split.Dataset
	var rows [][]float64
	var points []run.Point
	step := (len(d.Users) + mapped - 1) / mapped
	for u := 0; u < len(d.Users); u += step {
		events := d.Users[u].Events
		if len(events) == 0 {
			continue
		}
		rows = append(rows, model.UserEmbedding(events))
		p := run.Point{Category: "none", Label: "user " + d.Users[u].Key}
		if favs := d.FavGenres(events[max(0, len(events)-r.Config.Model.Encoder.Length):]); len(favs) > 0 {
			p.Category = d.Genres[favs[0]]
		}
		points = append(points, p)
	}
	for i, xy := range run.PCA2(rows) {
		points[i].X, points[i].Y = xy[0], xy[1]
	}
	return run.Scatter{
		Title: "User embeddings, coloured by favourite genre", Points: points,
		Note: "The encoder's state after each user's last event, projected on its two principal components.",
	}
}
