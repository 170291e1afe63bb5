package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/noema-ml/noema/internal/run"
)

// readCurves reads metrics.jsonl: the return over the steps, a curve a seed. All
// seeds have points at the same steps.
func readCurves(path string) ([]run.Series, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var curves []run.Series
	in := bufio.NewScanner(f)
	for in.Scan() {
		var m struct {
			Stage  string
			Step   float64
			Return *float64
		}
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(curves) == 0 || curves[len(curves)-1].Name != m.Stage {
			curves = append(curves, run.Series{Name: m.Stage})
		}
		c, y := &curves[len(curves)-1], math.NaN()
		if m.Return != nil {
			y = *m.Return
		}
		c.X, c.Y = append(c.X, m.Step), append(c.Y, y)
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(curves) == 0 {
		return nil, fmt.Errorf("%s holds no curve", path)
	}
	return curves, nil
}

// middle is the median of curves, between the lowest and the highest of them.
func middle(curves []run.Series) run.Series {
	m := run.Series{Name: fmt.Sprintf("median of %d seeds", len(curves)), X: curves[0].X}
	for i := range m.X {
		var at []float64
		for _, c := range curves {
			if i < len(c.Y) {
				at = append(at, c.Y[i])
			}
		}
		m.Y, m.Low, m.High = append(m.Y, median(at)), append(m.Low, slices.Min(at)), append(m.High, slices.Max(at))
	}
	return m
}

// report writes report.html.
func report(folder *run.Folder, o options, medians []float64, curves []run.Series) error {
	settings, err := run.ConfigTable(o)
	if err != nil {
		return err
	}
	table := run.Table{Columns: []string{"seed", "median return"}, Note: fmt.Sprintf("Of %d episodes each, played greedily.", o.Episodes)}
	for k, m := range medians {
		table.Rows = append(table.Rows, []string{fmt.Sprint(o.PPO.Seed + uint64(k)), run.Format(m)})
	}
	chart := run.LineChart{
		Title: "Return while learning", XLabel: "steps of the environment", YLabel: "return", Smooth: -1, Series: curves,
		Note: "Mean of the last 100 episodes, as they were played to learn.",
	}
	seeds := "one seed"
	if len(curves) > 1 {
		chart.Series = []run.Series{middle(curves)}
		chart.Note += " The line is the median of the seeds, the band spans all of them."
		seeds = fmt.Sprintf("%d seeds", o.Seeds)
	}
	return run.Report{
		Title: "PPO on " + o.Env,
		Lead:  fmt.Sprintf("Proximal policy optimisation (arXiv 1707.06347), %s of %s steps.", seeds, run.Format(float64(o.PPO.Steps))),
		Sections: []run.Section{
			{Title: "Results", Blocks: []run.Block{table}},
			{Title: "Training", Blocks: []run.Block{chart}},
			{Title: "Settings", Blocks: []run.Block{settings}},
		},
		Foot: fmt.Sprintf("%s · commit %s", run.Machine(), run.Commit()),
	}.WriteFile(folder.Path("report.html"))
}
