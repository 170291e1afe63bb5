package rlpf

import (
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
