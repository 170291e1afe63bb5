package rlpf

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
)

// Texts behind a shared prompt cost what each costs alone, prompts themselves
// nothing.
func TestImitationIsOfEachTextAlone(t *testing.T) {
	r := tiny(t).run
	m := r.policy()
	s := autograd.Inference()
	defer s.Close()
	loss := func(ts ...told) (float64, float64) {
		s.Reset()
		var rows []*row
		for _, t := range ts {
			rows = append(rows, r.tell(t))
		}
		sum, n := imitation(s, m, rows)
		return sum.Value().Item(), n
	}
	a := told{"The first prompt", []string{"Drama.", "", "Mostly comedies"}}
	b := told{"Another", []string{"Drama and more Drama."}}
	want, tokens := 0.0, 0.0
	for _, x := range []told{a, b} {
		for _, text := range x.Texts {
			l, n := loss(told{x.Prompt, []string{text}})
			require.EqualValues(t, len(r.Lang.Encode(text))+1, n, text)
			want, tokens = want+l, tokens+n
		}
	}
	got, n := loss(a, b)
	require.Equal(t, tokens, n)
	require.InDelta(t, want, got, 1e-3)
}

// Best-of-n asks for as many rewards as reinforcement learning does.
func TestBestOfNAsksAsOften(t *testing.T) {
	ctx, want := context.Background(), tiny(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(want.dir)))
	require.NoError(t, os.Remove(filepath.Join(dir, bestName+weightsExt)))
	r, err := NewRun(ctx, dir, tinyConfig(), tinyData(), nil, 1)
	require.NoError(t, err)
	chunks, imitated := 0, 0
	r.Step = func(stage string, _, _ int, _ map[string]float64) {
		switch stage {
		case bestName + "-samples":
			chunks++
		case bestName:
			imitated++
		}
	}
	_, err = r.BestOfN(ctx)
	require.NoError(t, err)
	c := r.Config.RL
	require.Equal(t, c.Steps*c.Prompts*c.Samples, chunks*chunk*r.Config.BestOf)
	require.Equal(t, 2*chunks*chunk/r.Config.Warm.Histories, imitated)

	f, err := r.Feedback(ctx)
	require.NoError(t, err)
	before, err := r.BeforeRL(ctx)
	require.NoError(t, err)
	examples, err := r.best(ctx, f, r.Summariser(before), 0)
	require.NoError(t, err)
	require.Len(t, examples, chunk, "one of n samples of each prompt")
}
