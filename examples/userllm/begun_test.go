package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/userllm"
)

// A run goes on with the plan and the data it began with, or not at all.
func TestBegun(t *testing.T) {
	o := options{Dataset: synthetic, Length: 12, Quick: true, Seed: 1}
	q, err := o.read()
	require.NoError(t, err)
	folder, err := run.Create(filepath.Join(t.TempDir(), "run"), o)
	require.NoError(t, err)
	defer folder.Close()
	plan, err := begun(folder, q)
	require.NoError(t, err)
	require.Nil(t, plan)

	want := userllm.Plan{LMItems: 3, EncoderWindows: 2, Windows: 1}
	text, err := json.Marshal(began{want, q.facts()})
	require.NoError(t, err)
	require.NoError(t, folder.WriteFile("plan.json", text))
	plan, err = begun(folder, q)
	require.NoError(t, err)
	require.Equal(t, want, *plan)

	events := &q.data.Users[3].Events
	last := &(*events)[len(*events)-1]
	last.Rating++ // a withheld event, and no cached file depends on it
	_, err = begun(folder, q)
	require.ErrorContains(t, err, "as many users, items and events, but others")
	last.Rating--
	*events = (*events)[:len(*events)-1]
	_, err = begun(folder, q)
	require.ErrorContains(t, err, "events, now ")

	for _, bad := range []string{"", "{", `{"lm_items":3}`, `[]`} {
		require.NoError(t, folder.WriteFile("plan.json", []byte(bad)))
		_, err = begun(folder, q)
		require.ErrorContains(t, err, "plan.json", bad)
	}
}
