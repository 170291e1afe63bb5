package rlpf

import (
	"context"
	"fmt"
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
	r.Oracle, r.Tastes = trained.run.Oracle, trained.run.Tastes
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
	probes := map[string][][]map[Task]float64{}
	for _, method := range r.Methods() {
		if r.Probes(method) {
			p, err := r.Probe(ctx, method, e, nil)
			require.NoError(t, err, method)
			again, err := r.Probe(ctx, method, e, nil)
			require.NoError(t, err, method)
			require.Equal(t, p, again, method)
			probes[method] = [][]map[Task]float64{p}
		}
	}
	require.NotContains(t, probes, "shuffled")
	probed, differences := ProbeFigures(1, probes)
	require.Len(t, probed, 3*10)
	require.Len(t, differences, 3*(len(compared)-1)) // not of greedy policies
	for _, f := range probed {
		require.Equal(t, len(d.Users), f.N)
	}
	// What is said of all is kept, and made again in the same words.
	ours, err := r.everyone(ctx, policyName, e, nil)
	require.NoError(t, err)
	require.Len(t, ours, len(d.Users))
	for _, name := range []string{"everyone", "probes"} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
	}
	done := 0
	again, err := r.Probe(ctx, policyName, e, func(n, of int) {
		require.Equal(t, len(d.Users), of)
		done = n
	})
	require.NoError(t, err)
	require.Equal(t, len(d.Users), done)
	require.Equal(t, probes[policyName][0], again)
	made, err := r.everyone(ctx, policyName, e, nil)
	require.NoError(t, err)
	require.Equal(t, ours, made)
	require.NoError(t, writeJSON(filepath.Join(dir, "everyone", "last-x.json"), answered[string]{e.key, ours[1:]}))
	_, err = r.Probe(ctx, "last-x", e, nil)
	require.ErrorContains(t, err, fmt.Sprint(len(d.Users)-1, " values"))
	p := slices.Clone(probes[policyName][0])
	p[3] = map[Task]float64{Age: 1}
	require.NoError(t, writeJSON(filepath.Join(dir, "probes", "rlpf.json"), answered[map[Task]float64]{e.key, p}))
	_, err = r.Probe(ctx, policyName, e, nil)
	require.ErrorContains(t, err, "probes/rlpf.json is damaged: of user 3")

	figures, _ := Figures(1, e.Questions, outcomes)
	figures = append(figures, QualityFigures(1, e, quality)...)
	for _, task := range []Task{Age, Gender, Occupation} {
		for _, method := range Methods {
			has := slices.ContainsFunc(figures, func(f Figure) bool {
				return f.Task == string(task) && f.Method == method && f.Metric == measures(task)[0].name
			})
			require.Equal(t, method != oracleName && method != tastesName && method != countsName, has, "%s %s", task, method)
		}
	}
}
