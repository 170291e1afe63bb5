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

// elsewhere is data that the tiny run has nothing of, with other words.
func elsewhere() *history.Dataset {
	d := history.Synthetic(history.SyntheticConfig{Seed: 9, Users: 40, Items: 150, Events: 70, Drift: -1})
	d.Name = "yelp"
	return d
}

// A taken policy is tested on data of which it has learned nothing: only the
// predictors are trained there, with its tokenizer. A run that was interrupted in
// the copy and in a predictor's training ends as one that was not.
func TestTakePolicy(t *testing.T) {
	ctx, from := context.Background(), tiny(t)
	c := tinyConfig()
	c.Seed, c.Vocab, c.Model.Dim, c.Tokens, c.RL.Temperature = 2, 500, 16, 20, 0.5 // but for the seed, all the policy's
	c.Ask.Ahead, c.Ask.History = 2, 4
	source := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.CopyFS(source, os.DirFS(from.dir)))
	tested := func(ctx context.Context, dir string, watch func(stage string, step int)) (map[string][]Outcome, error) {
		o, err := TakePolicy(dir, source)
		require.NoError(t, err)
		require.Equal(t, "synthetic", o.Data)
		r, err := NewRun(ctx, dir, c, elsewhere(), nil, 1)
		require.NoError(t, err)
		require.Equal(t, &o, r.Origin)
		require.Equal(t, from.run.Config.Model, r.Config.Model)
		require.Equal(t, from.run.Config.Tokens, r.Config.Tokens)
		require.Equal(t, from.run.Config.RL.Temperature, r.Config.RL.Temperature)
		require.Equal(t, 4, r.Config.Ask.History)
		require.EqualValues(t, 2, r.Config.Seed)
		require.Equal(t, PlaceWords, r.Lang.Words)
		require.NoError(t, r.Describe())
		r.Step = func(stage string, step, _ int, _ map[string]float64) { watch(stage, step) }
		answers := map[string][]Outcome{}
		for _, method := range r.Methods() {
			if answers[method], err = r.Test(ctx, method, r.Exam(), nil); err != nil {
				return nil, err
			}
		}
		return answers, nil
	}

	whole, stages := t.TempDir(), map[string]bool{}
	want, err := tested(ctx, whole, func(stage string, _ int) { stages[stage] = true })
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"lm": true, "predictor": true, "second-lm": true, "second-predictor": true}, stages)
	for _, name := range []string{tokenizerFile, "before-rl.safetensors", "rlpf.safetensors", "best-of-n-sft.safetensors"} {
		a, err := os.ReadFile(filepath.Join(source, name))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(whole, name))
		require.NoError(t, err)
		require.Equal(t, a, b, name)
	}
	require.NoFileExists(t, filepath.Join(whole, "length.json"))

	again := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(again, "rlpf.safetensors"), []byte("half"), 0o644))
	stopped, cancel := context.WithCancel(ctx)
	_, err = tested(stopped, again, func(stage string, step int) {
		if stage == "predictor" && step == 2 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, os.Rename(source, source+"-moved")) // it has been copied
	got, err := tested(ctx, again, func(string, int) {})
	require.NoError(t, err)
	require.Equal(t, want, got)

	// Another seed's policy is tested with the same readers, and nothing is trained.
	other := t.TempDir()
	_, err = TakePolicy(other, source+"-moved")
	require.NoError(t, err)
	first, err := NewRun(ctx, whole, c, elsewhere(), nil, 1)
	require.NoError(t, err)
	require.NoError(t, first.ShareReaders(ctx, other))
	next := c
	next.Seed++
	r, err := NewRun(ctx, other, next, elsewhere(), nil, 1)
	require.NoError(t, err)
	r.Start = func(stage string, _, _ int) { t.Error("trained", stage) }
	for method, same := range map[string]bool{"options-only": true, "all-activities": true, "rlpf": false} {
		out, err := r.Test(ctx, method, r.Exam(), nil)
		require.NoError(t, err)
		require.Equal(t, same, slices.Equal(want[method], out), method)
	}

	// A policy that is lost is not made anew on these users.
	for name, policy := range map[string]func(*Run) error{
		"before-rl":     func(r *Run) error { _, err := r.BeforeRL(ctx); return err },
		"rlpf":          func(r *Run) error { _, err := r.Policy(ctx); return err },
		"best-of-n-sft": func(r *Run) error { _, err := r.BestOfN(ctx); return err },
	} {
		require.NoError(t, os.Remove(filepath.Join(again, name+weightsExt)))
		r, err := NewRun(ctx, again, c, elsewhere(), nil, 1)
		require.NoError(t, err)
		require.ErrorContains(t, policy(r), name+" are not there any more")
	}
	_, err = TakePolicy(t.TempDir(), whole)
	require.ErrorContains(t, err, "learned in "+source)
}

func TestTakePolicyErrors(t *testing.T) {
	from := tiny(t).dir
	_, err := TakePolicy(t.TempDir(), filepath.Join(from, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "no finished run")
	for _, name := range []string{aboutFile, tokenizerFile, "before-rl.safetensors", "rlpf.safetensors", "best-of-n-sft.safetensors"} {
		source, to := t.TempDir(), t.TempDir()
		require.NoError(t, os.CopyFS(source, os.DirFS(from)))
		path := filepath.Join(source, name)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, damage := range []func() error{
			func() error { return os.WriteFile(path, text[:len(text)/2], 0o644) },
			func() error { return os.Remove(path) },
		} {
			require.NoError(t, damage())
			_, err = TakePolicy(to, source)
			require.ErrorContains(t, err, "no finished run")
			require.ErrorContains(t, err, name)
			left, err := os.ReadDir(to)
			require.NoError(t, err)
			require.Empty(t, left)
		}
	}
	own := t.TempDir()
	require.NoError(t, os.CopyFS(own, os.DirFS(from)))
	_, err = TakePolicy(own, from)
	require.ErrorContains(t, err, "a policy of its own")
}
