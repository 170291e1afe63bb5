package rlpf

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// otherwise is tinyData in which the test users do something else from the place
// on that from returns.
func otherwise(users []int, from func(user int) int) *history.Dataset {
	d := tinyData()
	g := rand.New(rand.NewPCG(9, 9))
	for _, u := range users {
		events, items := d.Users[u].Events, g.Perm(len(d.Items))
		for i := from(u); i < len(events); i++ {
			events[i].Item, events[i].Rating = int32(items[i]), 1
		}
	}
	return d
}

// What test users do has no part in anything that is trained.
func TestNothingIsLearntFromTestUsers(t *testing.T) {
	ctx, want := context.Background(), tiny(t)
	d := otherwise(want.run.Users.Test, func(int) int { return 0 })
	r, err := NewRun(ctx, t.TempDir(), tinyConfig(), d, nil, 1)
	require.NoError(t, err)
	require.Equal(t, want.run.Users, r.Users)
	require.NotEqual(t, want.run.histories(want.exam), r.histories(want.exam))

	policy, err := r.Policy(ctx)
	require.NoError(t, err)
	before, err := r.BeforeRL(ctx)
	require.NoError(t, err)
	best, err := r.BestOfN(ctx)
	require.NoError(t, err)
	first, err := r.Predictor(ctx)
	require.NoError(t, err)
	second, err := r.Second(ctx)
	require.NoError(t, err)
	for name, m := range map[string]any{"rlpf": policy, "before-rl": before, "best-of-n-sft": best, "predictor": first.Model, "second": second.Model} {
		require.Equal(t, want.hashes[name], train.WeightsSHA256(m), name)
	}
}

// What the predictors read does not change with what comes after the place.
func TestContextsDoNotKnowTheFuture(t *testing.T) {
	ctx, want := context.Background(), tiny(t)
	last := map[int]int{}
	for _, c := range want.exam.Cases {
		last[c.User] = max(last[c.User], c.Pos)
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(want.dir)))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "contexts")))
	require.NoError(t, os.Remove(filepath.Join(dir, "templates.json")))
	d := otherwise(want.run.Users.Test, func(u int) int { return last[u] })
	r, err := NewRun(ctx, dir, tinyConfig(), d, nil, 1)
	require.NoError(t, err)
	for _, method := range r.Methods() {
		if !reads(method) {
			continue
		}
		old, err := want.run.Contexts(ctx, method, want.exam)
		require.NoError(t, err)
		now, err := r.Contexts(ctx, method, want.exam)
		require.NoError(t, err)
		require.Equal(t, old, now, method)
	}
}
