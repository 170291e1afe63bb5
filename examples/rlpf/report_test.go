package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn/metric"
	"github.com/noema-ml/noema/rlpf"
)

// What the texts tell of the people stands in a table of its own, and a count of
// genres is explained where it stands.
func TestTables(t *testing.T) {
	o := options{Dataset: "ml-1m", Seeds: 2}
	right := []map[rlpf.Task]float64{{rlpf.Gender: 1, rlpf.Age: 0, rlpf.Occupation: 1}, {rlpf.Gender: 1, rlpf.Age: 1, rlpf.Occupation: 0}}
	probes := map[string][][]map[rlpf.Task]float64{}
	for _, method := range []string{"rlpf", "before-rl", "options-only", "logistic-regression"} {
		probes[method] = [][]map[rlpf.Task]float64{right}
	}
	figures, differences := rlpf.ProbeFigures(1, probes)
	figures = append(figures,
		rlpf.Figure{Task: "future_activity", Method: "genre-counts", Metric: "accuracy", N: 8, Seeds: []float64{0.5, 0.5}},
		rlpf.Figure{Task: "future_activity", Method: "rlpf", Metric: "accuracy", N: 8, Seeds: []float64{0.5, 0.25}},
		rlpf.Figure{Task: "future_activity", Method: "rlpf", Metric: rlpf.WayMetric, Interval: metric.Interval{Value: .24}, N: 8, Seeds: []float64{0.2, 0.25}},
	)
	rows := resultRows(o, figures)
	require.Len(t, rows, 15)
	require.Equal(t, "occupation", rows[11].Task)
	require.Equal(t, "recall@3-probe", rows[11].Metric)
	require.Equal(t, 2, rows[11].N)
	require.Equal(t, 1, rows[11].Seeds) // probes are of one
	require.Equal(t, 2, rows[12].Seeds)
	require.True(t, rows[11].HasInterval())

	ts := tables(rows)
	require.Len(t, ts, 2)
	require.Contains(t, differenceTable(differences).Note, "first seed")
	require.NotContains(t, differenceTable(nil).Note, "first seed")
	seeds := seedTable(&findings{figures: figures, differences: differences})
	require.Equal(t, [][]string{{"future_activity", "accuracy", "rlpf", "0.5000  0.2500"}, {"future_activity", rlpf.WayMetric, "rlpf", "0.2000  0.2500"}}, seeds.Rows)
	require.Contains(t, seeds.Note, "share both predictors")
	require.Contains(t, ts[0].Note, "yardstick")
	require.Contains(t, ts[0].Note, "24 % of the way")
	require.Equal(t, "What the texts tell of the people, five folds over all users", ts[1].Title)
	require.Equal(t, []string{"method", "age", "gender", "occupation, first three"}, ts[1].Columns)
	require.Len(t, ts[1].Rows, 4)
	for _, line := range ts[1].Rows {
		require.NotContains(t, line, "–")
	}
}
