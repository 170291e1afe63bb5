package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// writeMovieLens writes a data set in the form of MovieLens 1M, with what the
// users say of themselves, to the folder dir.
func writeMovieLens(t *testing.T, dir string, users int) {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o755))
	d := history.Synthetic(history.SyntheticConfig{Seed: 3, Users: users, Items: 150, Events: 100})
	var films, ratings, people strings.Builder
	for i, item := range d.Items {
		var genres []string
		for _, g := range item.Genres {
			genres = append(genres, d.Genres[g])
		}
		fmt.Fprintf(&films, "%d::Film %d (%d)::%s\n", i+1, i, 1960+i%40, strings.Join(genres, "|"))
	}
	for u, user := range d.Users {
		fmt.Fprintf(&people, "%d::%s::%d::%d::00000\n", u+1, []string{"M", "F"}[u%3/2], []int{18, 25, 50}[u%3], u%21)
		for k, e := range user.Events {
			fmt.Fprintf(&ratings, "%d::%d::%d::%d\n", u+1, e.Item+1, 1+k%5, 1000000+k)
		}
	}
	for name, text := range map[string]string{"movies.dat": films.String(), "ratings.dat": ratings.String(), "users.dat": people.String()} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}

// What the texts tell of the people is asked of everybody, of the first of two
// seeds.
func TestPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run")
	}
	home := t.TempDir()
	writeMovieLens(t, filepath.Join(home, "films"), 60)
	ended(t, command(home, "-quick", "-data", "films", "-seeds", "2", "-updates", "2", "-out", "run"))
	probed, asked := 0, 0
	for _, row := range results(t, filepath.Join(home, "run", "results.json")).Results {
		if strings.HasSuffix(row.Metric, "-probe") {
			probed++
			require.Equal(t, 60, row.N)
			require.Equal(t, 1, row.Seeds)
		} else if row.Task == "gender" && row.Metric == "accuracy" {
			asked++
			require.Equal(t, 2, row.Seeds)
		}
	}
	require.Equal(t, 3*10, probed) // age, gender, occupation
	require.Equal(t, 13, asked)    // greedy policies too
	require.NoDirExists(t, filepath.Join(home, "run", "seed-2", "probes"))
	page, err := os.ReadFile(filepath.Join(home, "run", "report.html"))
	require.NoError(t, err)
	for _, part := range []string{"five folds over all users", "share both predictors", "of the first seed"} {
		require.Contains(t, string(page), part)
	}
}
