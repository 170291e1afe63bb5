package rlpf

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// Of people who like items by known mixes, the mixes are found again.
func TestMixes(t *testing.T) {
	d, _ := SyntheticData(1, true)
	d.Users = make([]history.User, 600)
	a := quickAsker(t)
	known := make([]mix, len(d.Items))
	for i, genres := range a.genres {
		known[i] = mix{1}
		if len(genres) == 2 {
			known[i] = []mix{{.8, .2}, {.5, .5}, {.3, .7}}[i%3]
		}
		require.Len(t, genres, len(known[i]))
	}
	a.mixes = known
	for u := range d.Users {
		r := rand.New(rand.NewPCG(3, uint64(u)))
		d.Users[u] = history.User{Events: a.invent(r).act(r, 120)}
	}
	found := askerOf(t, d).mixes
	var off, n float64
	for i, m := range found {
		require.Len(t, m, len(known[i]))
		var sum float64
		for _, x := range m {
			sum += x
		}
		require.InDelta(t, 1, sum, 1e-9)
		if len(m) == 2 {
			off += math.Abs(m[0] - known[i][0])
			n++
		}
	}
	t.Logf("off by %.3f", off/n)
	require.Less(t, off/n, .1)
}
