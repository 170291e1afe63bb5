package rlpf

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// Where something is known of the users, all methods are tested on it, and a
// logistic regression beside them.
func TestPeople(t *testing.T) {
	ctx, trained := context.Background(), tiny(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(trained.dir)))
	for _, name := range []string{"contexts", "outcomes"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	d := tinyData()
	people := make([]history.Person, len(d.Users))
	for i := range people {
		people[i] = history.Person{Gender: []string{"F", "M"}[i%2], Age: ages[i%len(ages)], Occupation: i % 5}
	}
	r, err := NewRun(ctx, dir, tinyConfig(), d, people, 1)
	require.NoError(t, err)
	r.Oracle = trained.run.Oracle
	require.Equal(t, Methods, r.Methods())
	e := r.Exam()
	outcomes, quality := map[string][][]Outcome{}, map[string][]Quality{}
	for _, method := range r.Methods() {
		out, err := r.Test(ctx, method, e, nil)
		require.NoError(t, err)
		outcomes[method] = [][]Outcome{out}
		quality[method], err = r.Quality(ctx, method, e)
		require.NoError(t, err, method)
	}
	figures, _ := Figures(1, e.Questions, outcomes)
	figures = append(figures, QualityFigures(1, e, quality)...)
	for _, task := range []Task{Age, Gender, Occupation} {
		for _, method := range Methods {
			has := slices.ContainsFunc(figures, func(f Figure) bool {
				return f.Task == string(task) && f.Method == method && f.Metric == measures(task)[0].name
			})
			require.Equal(t, method != oracleName && method != countsName, has, "%s %s", task, method)
		}
	}
}
