package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/rlpf"
)

// resultRows turns figures into the rows of results.json.
func resultRows(o options, figures []rlpf.Figure) []run.Row {
	var rows []run.Row
	for _, f := range figures {
		seeds := o.Seeds
		if f.Seeds != nil {
			seeds = len(f.Seeds) // of probes one
		}
		rows = append(rows, run.Row{
			Dataset: o.Dataset, Task: f.Task, Method: f.Method, Metric: f.Metric, Value: f.Value, N: f.N, Seeds: seeds,
		}.Within(f.Low, f.High))
	}
	return rows
}

// differenceRows are the paired differences as they stand in results.json.
func differenceRows(differences []rlpf.Figure) []map[string]any {
	var rows []map[string]any
	for _, d := range differences {
		rows = append(rows, map[string]any{
			"task": d.Task, "metric": d.Metric, "method": d.Method, "minus": d.Other,
			"value": d.Value, "low": d.Low, "high": d.High, "p": d.P, "n": d.N, "seeds": d.Seeds,
		})
	}
	return rows
}

// seedRows are the values of the seeds, of which the results are the means.
func seedRows(figures []rlpf.Figure) (rows []map[string]any) {
	for _, f := range figures {
		if len(f.Seeds) > 1 {
			rows = append(rows, map[string]any{"task": f.Task, "method": f.Method, "metric": f.Metric, "values": f.Seeds})
		}
	}
	return rows
}

// leaks counts the questions whose context names the answer though the history
// does not, of all seeds.
func leaks(f *findings) map[string]int {
	counts := map[string]int{}
	for method, seeds := range f.outcomes {
		counts[method] = 0
		for _, outcomes := range seeds {
			for _, o := range outcomes {
				if o.Leak {
					counts[method]++
				}
			}
		}
	}
	return counts
}

// asked returns the users who are asked in an exam, by number.
func asked(e *rlpf.Exam) (users []int) {
	for _, c := range e.Cases {
		users = append(users, c.User)
	}
	return slices.Compact(users)
}

// heads are the titles of the tasks' tables, in their order.
var heads = []struct{ task, metric, title string }{
	{"future_activity", "accuracy", "The next activity, one of four"},
	{"future_activity_gap50", "accuracy", "The 50th activity from now, one of four"},
	{"fav_genre", "accuracy", "The history's favourite genre"},
	{"age", "accuracy", "The user's group of age"},
	{"gender", "accuracy", "The user's gender"},
	{"occupation", "recall@3", "The user's occupation, in the first three of 21"},
}

// tables are the results as one table a task, and one of the texts themselves.
func tables(rows []run.Row) []run.Table {
	plain := make([]run.Row, len(rows)) // tokens need no interval
	for i, r := range rows {
		if plain[i] = r; r.Metric == "tokens" || r.Task == rlpf.SummaryTask {
			plain[i].Low, plain[i].High = nil, nil
		}
	}
	var ts []run.Table
	for _, h := range heads {
		t := run.Pivot(plain,
			run.Metric{Task: h.task, Name: h.metric}, run.Metric{Task: h.task, Name: h.metric + "-transfer", Head: "second predictor"},
			run.Metric{Task: h.task, Name: "log-probability"}, run.Metric{Task: h.task, Name: "tokens"},
		)
		if len(t.Rows) == 0 {
			continue
		}
		t.Title = h.title
		t.Note = "95 % bootstrap intervals, clustered by user; tokens of what the predictor reads about the user."
		for _, r := range rows {
			if r.Task == h.task && r.Method == "genre-counts" {
				t.Note += " genre-counts compares the options' genres with a count of the history's, without a predictor: a yardstick for how much of the way the best histogram goes."
			}
			if r.Task == h.task && r.Method == "inferred-tastes" {
				t.Note += " inferred-tastes knows the made-up world, infers the user's tastes from the history, and answers by these without what follows what: a strong yardstick for texts on tastes."
			}
			if r.Task == h.task && r.Method == "rlpf-greedy" && r.Metric == h.metric {
				t.Note += " The greedy ones write the most probable words of the same policies, which elsewhere are drawn as in training."
			}
			if r.Task == h.task && r.Metric == rlpf.WayMetric {
				t.Note += fmt.Sprintf(" RLPF goes %.0f %% of the way from before RL to the oracle, which knows more than anyone can.", 100*r.Value)
			}
		}
		ts = append(ts, t)
	}
	probe := run.Pivot(rows,
		run.Metric{Task: "age", Name: "accuracy-probe", Head: "age"},
		run.Metric{Task: "gender", Name: "accuracy-probe", Head: "gender"},
		run.Metric{Task: "occupation", Name: "recall@3-probe", Head: "occupation, first three"},
	)
	if len(probe.Rows) > 0 {
		probe.Title = "What the texts tell of the people, five folds over all users"
		probe.Note = "A logistic regression on the tokens of each method's texts, fitted to four fifths of all users and asked about the others, without the predictor. The texts are the first seed's and of all users, those among them that a policy trained here learned to sum up; who they are it never learned. options-only says nothing: the majority. logistic-regression reads the items and genres of the history themselves. 95 % bootstrap intervals over users."
		ts = append(ts, probe)
	}
	var metrics []run.Metric
	for _, name := range []string{"tokens", "compression", "factuality", "claims", "abstractiveness", "reading-ease", "repetition"} {
		metrics = append(metrics, run.Metric{Task: rlpf.SummaryTask, Name: name})
	}
	if t := run.Pivot(plain, metrics...); len(t.Rows) > 0 {
		t.Title = "The texts themselves, by rule"
		t.Note = "Compression: tokens over those of all activities. Factuality: share of claims that the history bears out. Abstractiveness: share of three words in a row that the history does not have. Reading ease: Flesch's, 60 is plain."
		ts = append(ts, t)
	}
	return ts
}

func differenceTable(differences []rlpf.Figure) run.Table {
	t := run.Table{
		Title:   "RLPF minus the others, question by question",
		Columns: []string{"task", "metric", "minus", "difference", "95 % interval", "p"}, Align: "lllrrr",
		Note: "before-rl-greedy is taken off rlpf-greedy, the others off rlpf.",
	}
	probed := false
	for _, d := range differences {
		probed = probed || d.Metric == rlpf.ProbeMetric(rlpf.Task(d.Task))
		t.Rows = append(t.Rows, []string{
			d.Task, d.Metric, d.Other, fmt.Sprintf("%+.4f", d.Value), fmt.Sprintf("[%+.4f, %+.4f]", d.Low, d.High), fmt.Sprintf("%.4f", d.P),
		})
	}
	if probed {
		t.Note += " Those of probes are user by user, of the first seed's texts."
	}
	return t
}

// seedTable shows RLPF's accuracies and differences for each seed.
func seedTable(f *findings) run.Table {
	t := run.Table{
		Title: "Seed by seed", Columns: []string{"task", "metric", "", "each seed"}, Align: "lllr",
		Note: "The seeds share both predictors and the language model that all start from; each has a warm start, reinforcement learning and rivals of its own. The intervals of the other tables tell of the chance that lies in the users, not of that which lies in the seeds or in the predictors.",
	}
	for _, g := range slices.Concat(f.figures, f.differences) {
		what := "rlpf"
		if g.Other != "" {
			what = g.Method + " − " + g.Other
		}
		if g.Method != "rlpf" && g.Other == "" || g.Metric == "tokens" || g.Metric == "log-probability" || len(g.Seeds) < 2 {
			continue
		}
		var values []string
		for _, v := range g.Seeds {
			values = append(values, fmt.Sprintf("%.4f", v))
		}
		t.Rows = append(t.Rows, []string{g.Task, g.Metric, what, strings.Join(values, "  ")})
	}
	return t
}

// show prints the results.
func show(rows []run.Row, differences []rlpf.Figure) {
	for _, t := range append(tables(rows), differenceTable(differences)) {
		fmt.Println()
		t.Print(os.Stdout, 0)
	}
}

// report writes report.html.
func report(ctx context.Context, folder *run.Folder, o options, f *findings, leaks map[string]int) error {
	settings, err := run.ConfigTable(f.first.Config)
	if err != nil {
		return err
	}
	series, err := curves(folder.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	texts, err := sideBySide(ctx, f)
	if err != nil {
		return err
	}
	results := run.Section{Title: "Results"}
	for _, t := range append(tables(f.rows), differenceTable(f.differences)) {
		results.Blocks = append(results.Blocks, t)
	}
	if o.Seeds > 1 {
		results.Blocks = append(results.Blocks, seedTable(f))
	}
	bars := run.Section{Title: "In pictures"}
	for _, h := range heads {
		if c := run.ResultBars(f.rows, h.task, "rlpf", h.metric); len(c.Groups) > 0 {
			c.Title = h.title
			bars.Blocks = append(bars.Blocks, c)
		}
	}
	checks := run.Table{
		Title: "Checks", Columns: []string{"method", "questions whose answer's title stands in the context"},
		Note: widenedNote(f.exam) + fmt.Sprintf("Titles that the user has met are never answers, so a title can only stand there by guessing. The predictors read histories of %d users, the second of half of these, and learn from made-up users with the tastes of all of them; none is of the %d kept for tests, of whom %d were asked. They read the last %d tokens of a context.", len(f.first.Users.Train), len(f.first.Users.Test), len(asked(f.exam)), f.first.Config.Predictor.MaxContext),
	}
	for _, method := range f.first.Methods() {
		checks.Rows = append(checks.Rows, []string{method, fmt.Sprint(leaks[method])})
	}
	lead := fmt.Sprintf("A small language model sums up histories of up to %d activities; reinforcement learning from a frozen predictor's answers makes the summaries useful (RLPF, arXiv 2409.04421). Every method's text is read by the same predictor; all figures are of %d users that nothing was trained on, but for the logistic regressions, which learn from four fifths of all users and answer for the others. %d seed(s)", f.first.Config.Ask.History, len(asked(f.exam)), o.Seeds)
	if o.Seeds > 1 {
		lead += ", which share the predictors"
	}
	lead += "."
	if o.Policy != "" {
		lead = fmt.Sprintf("The policies were trained on %s, warm start included, and have learned nothing from %s, whose training users taught the predictors alone. ", o.PolicyData, o.Dataset) + lead
	}
	rep := run.Report{
		Title: o.title(),
		Lead:  lead,
		Sections: []run.Section{
			results, bars,
			{Title: "How it learned", Blocks: series},
			{Title: "Summaries before and after", Blocks: texts},
			{Title: "Checks and settings", Blocks: []run.Block{checks, settings}},
		},
		Foot: fmt.Sprintf("%s · commit %s", run.Machine(), run.Commit()),
	}
	return rep.WriteFile(folder.Path("report.html"))
}

// widened returns for each future activity the share of the questions whose
// options were not found in one bucket of popularity and one range of years.
func widened(e *rlpf.Exam) map[string]float64 {
	wide, all := map[string]float64{}, map[string]float64{}
	for _, q := range e.Questions {
		if q.Task.Future() {
			all[string(q.Task)]++
			if q.Widened > 0 {
				wide[string(q.Task)]++
			}
		}
	}
	shares := map[string]float64{}
	for task, n := range all {
		shares[task] = wide[task] / n
	}
	return shares
}

// widenedNote says how exactly options match their target.
func widenedNote(e *rlpf.Exam) string {
	var wide, moved []string
	shares := widened(e)
	for _, h := range heads {
		if share, asked := shares[h.task]; asked {
			wide = append(wide, fmt.Sprintf("%.0f %% of %s", 100*share, h.task))
			moved = append(moved, fmt.Sprintf("%.0f %% of %s", 100*e.Moved[rlpf.Task(h.task)], h.task))
		}
	}
	return "Where too few titles are as popular and of the same years as the target, the search for options goes further: in " + strings.Join(wide, " and ") +
		". Where a target was met before, or has no equals among what is never met, a place near by stands in, or none: for " + strings.Join(moved, " and ") + ". "
}

// shown is how many users' summaries the report has.
const shown = 10

// sideBySide shows the summaries of the first users' last history before and
// after RL, unselected.
func sideBySide(ctx context.Context, f *findings) ([]run.Block, error) {
	before, err := f.first.Contexts(ctx, "before-rl", f.exam)
	if err != nil {
		return nil, err
	}
	after, err := f.first.Contexts(ctx, "rlpf", f.exam)
	if err != nil {
		return nil, err
	}
	t := run.Table{
		Columns: []string{"user", "before RL", "after RL"}, Align: "lll",
		Note: fmt.Sprintf("The first %d of the users who were asked, by number, each at the last place; not selected.", shown),
	}
	cases := f.exam.Cases
	for i, c := range cases {
		if i+1 < len(cases) && cases[i+1].User == c.User || len(t.Rows) == shown {
			continue
		}
		t.Rows = append(t.Rows, []string{f.first.Data.Users[c.User].Key, before[i], after[i]})
	}
	return []run.Block{t}, nil
}

// curves reads metrics.jsonl: what RL came to, update by update, and the losses
// of the other stages.
func curves(path string) ([]run.Block, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names := []string{"reward", "accuracy", "kl", "length", "entropy", "loss"}
	charts := map[string]*run.LineChart{
		"reward":   {Title: "Reward of a summary", YLabel: "reward"},
		"accuracy": {Title: "The predictor's answers to the reward's questions, on training and made-up users", YLabel: "share right"},
		"kl":       {Title: "Divergence from the policy before RL", YLabel: "nats a summary"},
		"length":   {Title: "Length of a summary", YLabel: "tokens"},
		"entropy":  {Title: "Entropy", YLabel: "nats a token"},
		"loss":     {Title: "Losses of the other stages", YLabel: "nats", LogY: true},
	}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		m := map[string]any{}
		if json.Unmarshal(in.Bytes(), &m) != nil {
			continue
		}
		stage, _ := m["stage"].(string)
		step, ok := m["step"].(float64)
		if !ok || strings.HasSuffix(stage, "-samples") {
			continue
		}
		for _, name := range names {
			if v, ok := m[name].(float64); ok {
				c := charts[name]
				i := slices.IndexFunc(c.Series, func(s run.Series) bool { return s.Name == stage })
				if i < 0 {
					i = len(c.Series)
					c.Series = append(c.Series, run.Series{Name: stage})
				}
				c.Series[i].X, c.Series[i].Y = append(c.Series[i].X, step), append(c.Series[i].Y, v)
			}
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var blocks []run.Block
	for _, name := range names {
		if len(charts[name].Series) == 0 {
			continue // nothing learned from rewards in this run
		}
		charts[name].XLabel = "step"
		blocks = append(blocks, *charts[name])
	}
	return blocks, nil
}
