//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stop starts cmd and sends it the signal once metrics.jsonl says that the stage
// has done the given step.
func stop(t *testing.T, cmd *exec.Cmd, signal syscall.Signal, metrics, stage string, step int) {
	t.Helper()
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			t.Fatalf("the program ended before step %d of %s: %v", step, stage, err)
		case <-time.After(2 * time.Millisecond):
		}
		if done(metrics, stage) >= step {
			require.NoError(t, cmd.Process.Signal(signal))
			require.Error(t, <-ended)
			if signal == syscall.SIGINT {
				require.Equal(t, 130, cmd.ProcessState.ExitCode())
			}
			return
		}
	}
}

// done returns the last step of the stage in metrics.jsonl, 0 if it is not there.
func done(metrics, stage string) (step int) {
	f, err := os.Open(metrics)
	if err != nil {
		return 0
	}
	defer f.Close()
	for d := json.NewDecoder(f); ; {
		var m struct {
			Stage string
			Step  int
		}
		if d.Decode(&m) != nil { // the end, or a line under way
			return step
		}
		if m.Stage == stage {
			step = m.Step
		}
	}
}

// A run that is killed in the middle of the predictor's training and of RL, then
// stopped by Ctrl-C and killed in RL of the second seed, and each time resumed,
// ends as one that was left alone, on another number of cores: the same weights,
// results and metrics.
func TestKillAndResume(t *testing.T) {
	if testing.Short() {
		t.Skip("two whole runs")
	}
	home := t.TempDir()
	whole, killed := filepath.Join(home, "whole"), filepath.Join(home, "killed")
	cmd := command(home, "-quick", "-seeds", "2", "-updates", "8", "-out", whole)
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	ended(t, cmd)
	checkRun(t, whole, 2)

	metrics := filepath.Join(killed, "metrics.jsonl")
	start := []string{"-quick", "-seeds", "2", "-updates", "8", "-out", killed}
	for _, at := range []struct {
		stage  string
		step   int
		signal syscall.Signal
	}{{"predictor", 11, syscall.SIGKILL}, {"rlpf", 6, syscall.SIGKILL}, {"second-predictor", 3, syscall.SIGINT}, {"seed-2/rlpf", 6, syscall.SIGKILL}} {
		cmd := command(home, start...)
		cmd.Env = append(cmd.Env, "GOMAXPROCS=2")
		stop(t, cmd, at.signal, metrics, at.stage, at.step)
		start = []string{"-resume", killed}
	}
	ended(t, command(home, start...))
	checkRun(t, killed, 2)

	want := timeless(t, filepath.Join(whole, "results.json"))
	require.Equal(t, want, timeless(t, filepath.Join(killed, "results.json")))
	require.Equal(t, lines(t, filepath.Join(whole, "metrics.jsonl")), lines(t, metrics))
	// Once it is done, resuming it changes nothing.
	ended(t, command(home, "-resume", killed))
	require.Equal(t, want, timeless(t, filepath.Join(killed, "results.json")))
}

// timeless returns the results as JSON without what the clock and the number of
// cores have to do with.
func timeless(t *testing.T, path string) string {
	t.Helper()
	r := results(t, path)
	r.Seconds, r.Machine = 0, ""
	text, err := json.MarshalIndent(r, "", " ")
	require.NoError(t, err)
	return string(text)
}
