package main

import (
	"context"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/internal/run"
)

const asProgram = "NOEMA_CARTPOLE_PROGRAM"

// The test binary is the program, too.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	json := filepath.Join(t.TempDir(), "results.json")
	out, err := command("-quick", "-seeds", "2", "-episodes", "20", "-out", dir, "-json", json).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "return while learning")
	r, err := run.ReadResults(json)
	require.NoError(t, err)
	require.Len(t, r.Results, 3)
	for _, row := range r.Results {
		assert.Equal(t, 2, row.Seeds)
		assert.Greater(t, row.Value, 20.0) // chance
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "median of 2 seeds")
	assert.Contains(t, string(page), `class="band`)
	curves, err := readCurves(filepath.Join(dir, "metrics.jsonl"))
	require.NoError(t, err)
	require.Len(t, curves, 2)
	assert.Equal(t, []float64{512, 1024, 1536, 2048, 2560, 3072, 3584, 4096}, curves[1].X)
}

// A killed run goes on to the results of one that was not.
func TestResumeAfterKill(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	whole, killed := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	args := []string{"-steps", "60000", "-episodes", "5", "-out"}
	out, err := command(append(args, whole)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := command(append(args, killed)...)
	require.NoError(t, cmd.Start())
	kept := filepath.Join(killed, "seed-1", "step-0025600") // the first after the start
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(kept); err == nil {
			break
		}
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	out, err = command("-resume", killed).CombinedOutput()
	require.NoError(t, err, "%s", out)
	a, err := run.ReadResults(filepath.Join(whole, "results.json"))
	require.NoError(t, err)
	b, err := run.ReadResults(filepath.Join(killed, "results.json"))
	require.NoError(t, err)
	assert.Equal(t, a.WeightsSHA256, b.WeightsSHA256)
	assert.Equal(t, a.Results, b.Results)
	curves := func(dir string) []run.Series {
		c, err := readCurves(filepath.Join(dir, "metrics.jsonl"))
		require.NoError(t, err)
		return c
	}
	assert.Equal(t, curves(whole), curves(killed))
}

func TestFlags(t *testing.T) {
	var usage *run.UsageError
	for _, args := range [][]string{{"-env", "Pong"}, {"-seeds", "0"}, {"-resume", t.TempDir(), "-seed", "2"}, {"extra"}} {
		assert.ErrorAs(t, program(context.Background(), args), &usage, "%v", args)
	}
	assert.ErrorIs(t, program(context.Background(), []string{"-h"}), flag.ErrHelp)
	assert.Error(t, program(context.Background(), []string{"-resume", filepath.Join(t.TempDir(), "none")}))
}

func TestMiddleAndSparkline(t *testing.T) {
	m := middle([]run.Series{{X: []float64{1, 2}, Y: []float64{1, 5}}, {Y: []float64{3, 6}}, {Y: []float64{9}}})
	assert.Equal(t, []float64{3, 5.5}, m.Y)
	assert.Equal(t, []float64{1, 5}, m.Low)
	assert.Equal(t, []float64{9, 6}, m.High)
	assert.Equal(t, "0 ▁▄█ 2", sparkline([]float64{math.NaN(), 0, 1, 2}))
	assert.Empty(t, sparkline(nil))
	_, err := readCurves(filepath.Join(t.TempDir(), "none"))
	assert.Error(t, err)
}
