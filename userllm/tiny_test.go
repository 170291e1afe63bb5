package userllm

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// tinyData has cold users, ratings, times, genres and users with more than
// Horizon training events.
func tinyData() *history.Dataset {
	return history.Synthetic(history.SyntheticConfig{Seed: 5, Users: 40, Items: 120, Events: 60})
}

const tinyHeld = 3

func tinyConfig() Config {
	c := Config{Seed: 1, Vocab: 300, Beam: 8, Titles: 3, Plan: Plan{LMItems: 256, EncoderWindows: 96, Windows: 96}}
	c.Model.Encoder = EncoderConfig{Dim: 8, Layers: 1, Heads: 2, Length: 10, Dropout: 0.1}
	c.Model.LM = lm.Config{Dim: 8, Layers: 2, Heads: 2, FFN: 12}
	c.Model.Perceiver = 2
	return c
}

// tinyRun begins a run in dir, which shares its cache with nobody.
func tinyRun(ctx context.Context, dir string, c Config, d *history.Dataset) (*Run, error) {
	return NewRun(ctx, dir, filepath.Join(dir, "cache"), c, NewExperiment(d, tinyHeld, c.Seed))
}

// tinyResult is a finished run: its folder, its weights and its answers, the
// times left out.
type tinyResult struct {
	dir     string
	hashes  map[string]string
	probes  []Probe
	answers map[string][]Outcome
}

var tinyOnce = sync.OnceValues(func() (*tinyResult, error) {
	dir, err := os.MkdirTemp("", "noema-tiny-")
	if err != nil {
		return nil, err
	}
	tinyDir = dir
	return trainTiny(context.Background(), dir, tinyConfig(), tinyData(), nil)
})

var tinyDir string // for TestMain to remove

// tiny returns a run that is trained once for all tests; nobody writes there.
func tiny(t *testing.T) *tinyResult {
	t.Helper()
	r, err := tinyOnce()
	require.NoError(t, err)
	return r
}

func TestMain(m *testing.M) {
	code := m.Run()
	if tinyDir != "" {
		os.RemoveAll(tinyDir)
	}
	os.Exit(code)
}

// trainTiny trains and tests every method. watch, if not nil, sees each step.
func trainTiny(ctx context.Context, dir string, c Config, d *history.Dataset, watch func(stage string, step int)) (*tinyResult, error) {
	r, err := tinyRun(ctx, dir, c, d)
	if err != nil {
		return nil, err
	}
	if watch != nil {
		r.Metrics = func(stage string, step int, _ map[string]float64) { watch(stage, step) }
	}
	res := &tinyResult{dir: dir, probes: thirds(r.Exp.Probes(r.Config.Model.Encoder.Length)), hashes: map[string]string{}, answers: map[string][]Outcome{}}
	for _, method := range Methods {
		if res.answers[method], err = r.Test(ctx, method, res.probes, func(int, int) {}); err != nil {
			return nil, err
		}
		for i := range res.answers[method] {
			res.answers[method][i].Millis = 0
		}
	}
	if err := r.Describe(); err != nil {
		return nil, err
	}
	u, err := r.Model(ctx)
	if err != nil {
		return nil, err
	}
	m, err := r.TextPrompt(ctx)
	if err != nil {
		return nil, err
	}
	e, err := r.DualEncoder(ctx)
	if err != nil {
		return nil, err
	}
	for name, m := range map[string]any{"user-llm": u, "textprompt": m, "dual-encoder": e} {
		res.hashes[name] = train.WeightsSHA256(m)
	}
	return res, nil
}

// thirds returns every third of the probes, and all about the future.
func thirds(ps []Probe) (some []Probe) {
	for i, p := range ps {
		if i%3 == 0 || p.Task == FavGenreNext {
			some = append(some, p)
		}
	}
	return some
}

// There is something of everything in the tiny run.
func TestTinyRun(t *testing.T) {
	r := tiny(t)
	count := map[Task]int{}
	for _, p := range r.probes {
		count[p.Task]++
	}
	for task := range numTasks {
		require.Positive(t, count[task], task)
	}
	for _, method := range Methods {
		require.Len(t, r.answers[method], len(r.probes))
		placed := 0
		for i, o := range r.answers[method] {
			if !answers(method, r.probes[i].Task) {
				require.Zero(t, o)
				continue
			}
			placed += min(o.Place, 1)
			switch method {
			case "user-llm", "textprompt":
				require.Positive(t, o.Tokens)
				require.Positive(t, o.FLOPs)
			case "dual-encoder":
				require.Positive(t, o.FLOPs)
			}
		}
		require.Equal(t, answers(method, NextItem), placed > 0, method)
	}
}
