package userllm

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// A run that is interrupted in every stage, early and late, and each time begun
// again from its folder, ends as one that was never interrupted: the same
// weights, the same answers.
func TestResumeIsExact(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run")
	}
	want := tiny(t)
	dir := t.TempDir()
	for _, stop := range []struct {
		stage string
		step  int
	}{
		{"lm", 2}, {"encoder", 1}, {"encoder", 3}, {"user-llm", 1}, {"user-llm", 4}, {"dual-encoder", 2}, {"textprompt", 5},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := trainTiny(ctx, dir, tinyConfig(), tinyData(), func(stage string, step int) {
			if stage == stop.stage && step >= stop.step {
				cancel()
			}
		})
		require.ErrorIs(t, err, context.Canceled, "%+v", stop)
		_, err = os.Stat(filepath.Join(dir, "checkpoints", stop.stage))
		require.NoError(t, err)
		cancel()
	}
	got, err := trainTiny(context.Background(), dir, tinyConfig(), tinyData(), nil)
	require.NoError(t, err)
	require.Equal(t, want.hashes, got.hashes)
	require.Equal(t, want.answers, got.answers)
	left, err := filepath.Glob(filepath.Join(dir, "checkpoints", "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A run is described as it is trained, whatever the defaults become later.
func TestReadConfig(t *testing.T) {
	dir := t.TempDir()
	_, err := ReadConfig(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	r, err := tinyRun(context.Background(), dir, tinyConfig(), tinyData())
	require.NoError(t, err)
	r.Config.LR, r.Config.Plan.Windows = 0.125, 77
	require.NoError(t, r.Describe())
	got, err := ReadConfig(dir)
	require.NoError(t, err)
	require.Equal(t, r.Config, got)
}

// The number of cores changes nothing.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	want := tiny(t)
	for _, n := range []int{3, 1} {
		if testing.Short() && n == 1 {
			break
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			got, err := trainTiny(context.Background(), t.TempDir(), tinyConfig(), tinyData(), nil)
			require.NoError(t, err)
			require.Equal(t, want.hashes, got.hashes)
			require.Equal(t, want.answers, got.answers)
		})
	}
}

// What another run has cached is used, and is the same.
func TestCache(t *testing.T) {
	want := tiny(t)
	dir := t.TempDir()
	c := tinyConfig()
	r, err := NewRun(context.Background(), dir, filepath.Join(want.dir, "cache"), c, NewExperiment(tinyData(), tinyHeld, c.Seed))
	require.NoError(t, err)
	r.Metrics = func(stage string, step int, _ map[string]float64) { require.NotEqual(t, "lm", stage) }
	_, err = r.LM(context.Background())
	require.NoError(t, err)
	a, err := os.ReadFile(filepath.Join(want.dir, "lm.safetensors"))
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "lm.safetensors"))
	require.NoError(t, err)
	require.Equal(t, a, b)
	// Another vocabulary, seed or catalogue is another model.
	keys := map[string]bool{}
	for range 2 {
		for _, seed := range []uint64{1, 2} {
			keys[r.key("lm", seed)] = true
		}
		r.Exp.Split.Dataset.Items[0].Title += "!"
	}
	require.Len(t, keys, 4)
}
