package rlpf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// Rivals that are measured by RLPF's length have as many tokens on average, not
// a title less.
func TestEqualTokens(t *testing.T) {
	r := tiny(t).run
	events := r.Data.Users[0].Events[:50]
	newest := make([]int, len(events))
	for i := range newest {
		newest[i] = len(events) - 1 - i
	}
	off, n := 0.0, 0
	for tokens := 60.0; tokens < 160; tokens++ {
		off += float64(len(r.Lang.Encode(r.fitting(events, newest, tokens)))) - tokens
		n++
	}
	require.InDelta(t, 0, off/float64(n), 5)
	require.Equal(t, r.Lang.Activities(events[49:]), r.fitting(events, newest, 1))

	var histories [][]history.Event
	for _, u := range r.Data.Users[:20] {
		histories = append(histories, u.Events[:20])
	}
	r.Config.Tokens = 1000
	defer func() { r.Config.Tokens = tinyConfig().Tokens }()
	for _, tokens := range []float64{40, 61.5} {
		template := Templates()[4] // titles
		template.Limit = r.limit(template, histories, tokens)
		mean := r.meanTokens(r.templated(template, histories))
		require.LessOrEqual(t, mean, tokens)
		require.Greater(t, mean, tokens-3)
	}
}
