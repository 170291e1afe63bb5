package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/internal/run"
)

const asProgram = "NOEMA_USERLLM_PROGRAM"

// The test binary is the program, too.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is the program in the folder dir.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), asProgram+"=1")
	return cmd
}

// small is a quick run made quicker.
var small = []string{"-quick", "-length", "12", "-beam", "4", "-titles", "2"}

func with(more ...string) []string { return append(append([]string{}, small...), more...) }

// ended runs cmd to its end, which must be good.
func ended(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func results(t *testing.T, path string) run.Results {
	t.Helper()
	r, err := run.ReadResults(path)
	require.NoError(t, err)
	return r
}

// checkRun makes sure that a finished run holds what it should.
func checkRun(t *testing.T, dir string) {
	t.Helper()
	r := results(t, filepath.Join(dir, "results.json"))
	require.Len(t, r.WeightsSHA256, 64)
	require.NotEmpty(t, r.Commit)
	require.NotEmpty(t, r.Machine)
	require.EqualValues(t, 1, r.Seed)
	require.Equal(t, "cross", r.Config.(map[string]any)["fusion"])
	require.Contains(t, r.Config.(map[string]any)["run"], "vocab")
	have := map[string]bool{}
	for _, row := range r.Results {
		name := row.Task + " " + row.Method + " " + row.Metric
		require.False(t, have[name], "%s stands there twice", name)
		have[name] = true
		require.Equal(t, "synthetic", row.Dataset)
		require.Equal(t, 1, row.Seeds)
		require.Positive(t, row.N, name)
		require.False(t, math.IsNaN(row.Value), name)
		require.True(t, row.HasInterval(), name)
		switch row.Metric {
		case "recall@1", "recall@5", "recall@10", "accuracy", "accuracy-cold":
			require.GreaterOrEqual(t, row.Value, 0.0)
			require.LessOrEqual(t, row.Value, 1.0)
		}
	}
	cost := []string{"tokens", "flops", "ms"}
	for _, method := range []string{"user-llm", "dual-encoder", "textprompt", "popularity", "cooccurrence"} {
		for _, metric := range append([]string{"recall@1", "recall@5", "recall@10"}, cost...) {
			require.Contains(t, have, "next_item "+method+" "+metric)
		}
	}
	for _, task := range []string{"fav_genre", "fav_genre_next"} {
		for _, method := range []string{"user-llm", "textprompt", "majority", "history-count"} {
			for _, metric := range append([]string{"accuracy"}, cost...) {
				require.Contains(t, have, task+" "+method+" "+metric)
			}
		}
	}
	require.Contains(t, have, "fav_genre user-llm accuracy-cold")
	flops := r.Extra["training_flops"].(map[string]any)
	for _, stage := range []string{"encoder", "user-llm", "dual-encoder", "textprompt"} {
		require.Positive(t, flops[stage], stage)
	}
	require.Len(t, r.Extra["differences"], 4+3+3)

	html, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(html), "<svg")
	for _, text := range []string{"src=\"http", "href=\"http", "<script src"} {
		require.NotContains(t, string(html), text, "the report is one file")
	}
	for i, line := range lines(t, filepath.Join(dir, "metrics.jsonl")) {
		require.True(t, json.Valid(line), "line %d", i+1)
	}
}

func lines(t *testing.T, path string) [][]byte {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

// A mistake gives one short line that names what is wrong, an exit code, and
// leaves nothing behind.
func TestMistakes(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(home, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	movies := "movieId,title,genres\n1,Toy Story (1995),Comedy\n2,Heat (1995),Action|Crime\n"
	header := "userId,movieId,rating,timestamp\n"
	for name, ratings := range map[string]string{
		"cut":     header + "1,1,4.0,964982703\n1,2,3.",
		"word":    header + "1,1,4.0,964982703\n1,two,4.0,964982703\n",
		"item":    header + "1,9,4.0,964982703\n",
		"rubbish": "\x7fELF\x02\x01\x01\x00\x00\x00\xff\xfe" + strings.Repeat("\x00\x90", 4000),
		"empty":   "",
		"few":     header + "1,1,4.0,964982703\n1,2,3.0,964982704\n",
	} {
		write(name+"/movies.csv", movies)
		write(name+"/ratings.csv", ratings)
	}
	write("bare/readme.txt", "nothing here")
	write("file", "a file")
	write("old/config.json", `{"dataset":"synthetic","colour":"red"}`)
	for _, k := range []struct {
		args string
		code int
		says string
	}{
		{"-data nowhere", 1, "nowhere"},
		{"-data file", 1, "not a folder"},
		{"-data bare", 1, "no known data set"},
		{"-data bare -dataset ml-1m", 1, "movies.dat"},
		{"-data cut", 1, "ratings.csv:3"},
		{"-data word", 1, "ratings.csv:3"},
		{"-data item", 1, "ratings.csv:2"},
		{"-data rubbish", 1, "ratings.csv:1"},
		{"-data empty", 1, "ratings.csv"},
		{"-data few", 1, "enough events"},
		{"-dataset ml-1m", 2, "-data"},
		{"-dataset imdb -data cut", 2, "dataset"},
		{"-fusion both", 2, "cross or soft"},
		{"-encoder dual -perceiver 4", 2, "one embedding"},
		{"-strategy some", 2, "strategy"},
		{"-beam -3", 2, "beam"},
		{"-perceiver -1", 2, "perceiver"},
		{"-length 0", 2, "length"},
		{"-length 1e9", 2, "length"},
		{"-titles many", 2, "titles"},
		{"-seeds 0", 2, "seeds"},
		{"-seed -1", 2, "seed"},
		{"-budget -5m", 2, "budget"},
		{"-budget 30", 2, "budget"},
		{"-colour red", 2, "-colour"},
		{"quick", 2, "quick"},
		{"-quick -out file/run", 1, "file/run"},
		{"-quick -out old", 1, "-resume old"},
		{"-quick -json nowhere/results.json", 1, "nowhere/results.json"},
		{"-quick -json bare", 1, "folder"},
		{"-resume nowhere", 1, "nowhere"},
		{"-resume bare", 1, "no run"},
		{"-resume old", 1, "colour"},
		{"-resume old -beam 4", 2, "-beam"},
	} {
		before := tree(t, home)
		cmd := command(home, strings.Fields(k.args)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		err := cmd.Run()
		require.Error(t, err, k.args)
		says := stderr.String()
		require.Equal(t, k.code, cmd.ProcessState.ExitCode(), "%s: %s", k.args, says)
		require.Contains(t, says, k.says, k.args)
		require.True(t, strings.HasPrefix(says, "userllm: "), says)
		require.Equal(t, 1, strings.Count(says, "\n"), says)
		require.Less(t, len(says), 450, says)
		require.Equal(t, before, tree(t, home), "%s left something behind", k.args)
	}
	out, err := command(home, "-h").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "-strategy")
}

// tree lists the files below dir, but for the lock of a run.
func tree(t *testing.T, dir string) (names []string) {
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if filepath.Base(path) != "lock" {
			names = append(names, path)
		}
		return err
	}))
	return names
}
