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
	"github.com/noema-ml/noema/rlpf"
)

const asProgram = "NOEMA_RLPF_PROGRAM"

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
func checkRun(t *testing.T, dir string, seeds int) {
	t.Helper()
	r := results(t, filepath.Join(dir, "results.json"))
	require.Len(t, r.WeightsSHA256, 64)
	require.NotEmpty(t, r.Commit)
	require.EqualValues(t, 1, r.Seed)
	require.Equal(t, "reinforce", r.Config.(map[string]any)["method"])
	require.Contains(t, r.Config.(map[string]any)["run"], "warm")
	have := map[string]bool{}
	for _, row := range r.Results {
		name := row.Task + " " + row.Method + " " + row.Metric
		require.False(t, have[name], "%s stands there twice", name)
		have[name] = true
		require.Equal(t, "synthetic", row.Dataset)
		require.Equal(t, seeds, row.Seeds)
		require.Positive(t, row.N, name)
		require.False(t, math.IsNaN(row.Value), name)
		require.True(t, row.HasInterval(), name)
		if strings.HasPrefix(row.Metric, "accuracy") || row.Metric == "factuality" {
			require.GreaterOrEqual(t, row.Value, 0.0)
			require.LessOrEqual(t, row.Value, 1.0)
		}
	}
	for _, task := range []string{"future_activity", "future_activity_gap50", "fav_genre"} {
		for _, method := range rlpf.Methods[:15] {
			if method == "oracle" || method == "inferred-tastes" || method == "genre-counts" {
				require.Equal(t, task != "fav_genre", have[task+" "+method+" accuracy"])
				continue
			}
			for _, metric := range []string{"accuracy", "accuracy-transfer", "log-probability", "tokens"} {
				name := task + " " + method + " " + metric
				require.True(t, have[name], name)
			}
		}
	}
	for _, metric := range []string{"tokens", "compression", "factuality", "repetition"} {
		require.True(t, have["summary best-template "+metric], metric)
	}
	require.NotEmpty(t, r.Extra["differences"])
	require.Contains(t, r.Extra["leaks"], "rlpf")
	require.EqualValues(t, 12, r.Extra["users"].(map[string]any)["asked"])

	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	for _, part := range []string{"before RL", "after RL", "Reward of a summary", "The next activity", "RLPF minus the others", "<svg"} {
		require.Contains(t, string(page), part)
	}
	s, err := rlpf.Load(dir)
	require.NoError(t, err)
	require.NotNil(t, s.Model)
}

// Two seeds, and results in a file of their own.
func TestSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run")
	}
	dir := t.TempDir()
	ended(t, command(dir, "-quick", "-seeds", "2", "-updates", "3", "-out", "run", "-json", "copy.json"))
	checkRun(t, filepath.Join(dir, "run"), 2)
	require.NotEmpty(t, results(t, filepath.Join(dir, "run", "results.json")).Extra["seeds"])
	want, err := os.ReadFile(filepath.Join(dir, "run", "results.json"))
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "copy.json"))
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
}

// Any mistake gives one line that says what is wrong, an exit code, and leaves
// nothing behind.
func TestMistakes(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(home, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("few/movies.csv", "movieId,title,genres\n1,Toy Story (1995),Comedy\n2,Heat (1995),Action|Crime\n")
	write("few/ratings.csv", "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,3.0,964982704\n")
	write("bare/readme.txt", "nothing here")
	write("old/config.json", `{"dataset":"synthetic","colour":"red"}`)
	for _, k := range []struct {
		args string
		code int
		says string
	}{
		{"-data nowhere", 1, "nowhere"},
		{"-data bare", 1, "no known data set"},
		{"-data few", 1, "users"},
		{"-dataset ml-1m", 2, "-data"},
		{"-method sarsa", 2, "reinforce, rloo, ppo or grpo"},
		{"-grade praise", 2, "log-probability"},
		{"-alpha 2", 2, "alpha"},
		{"-w -1", 2, "-w"},
		{"-seeds 0", 2, "seeds"},
		{"-budget 30", 2, "budget"},
		{"-quick -budget 10m", 2, "-quick"},
		{"-quick -out old", 1, "-resume old"},
		{"-quick -json nowhere/results.json", 1, "nowhere/results.json"},
		{"-policy nowhere", 1, "nowhere"},
		{"-policy old", 1, "no finished run"},
		{"-policy old -alpha 0.5", 2, "-alpha"},
		{"-resume nowhere", 1, "nowhere"},
		{"-resume old", 1, "colour"},
		{"-resume old -alpha 0.5", 2, "-alpha"},
	} {
		before := tree(t, home)
		cmd := command(home, strings.Fields(k.args)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		require.Error(t, cmd.Run(), k.args)
		says := stderr.String()
		require.Equal(t, k.code, cmd.ProcessState.ExitCode(), "%s: %s", k.args, says)
		require.Contains(t, says, k.says, k.args)
		require.True(t, strings.HasPrefix(says, "rlpf: "), says)
		require.Equal(t, 1, strings.Count(says, "\n"), says)
		require.Equal(t, before, tree(t, home), "%s left something behind", k.args)
	}
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

// lines reads a file of JSON lines.
func lines(t *testing.T, path string) (out []map[string]any) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for d := json.NewDecoder(f); d.More(); {
		var m map[string]any
		require.NoError(t, d.Decode(&m))
		out = append(out, m)
	}
	return out
}
