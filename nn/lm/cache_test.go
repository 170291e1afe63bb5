package lm

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
)

// However rows that continue one prompt are repeated, moved, dropped and cut,
// they give what their texts give alone; a cache that was emptied serves the
// next prompt.
func TestCacheOfOnePrompt(t *testing.T) {
	m, s := New(pcg(), small), autograd.Inference()
	r := rand.New(rand.NewPCG(5, 6))
	cache := m.NewCache(1)
	check := func(got []float32, texts [][]int32) {
		t.Helper()
		for i, text := range texts {
			alone := autograd.Inference()
			want := m.lastLogits(alone, Input{Tokens: ids(1, len(text), text...)})
			require.InDeltaSlice(t, want, got[i*small.Vocab:(i+1)*small.Vocab], 1e-5)
		}
	}
	for _, prompt := range [][]int32{{1, 2, 3, 4, 5, 6}, {7, 8}, {9, 10, 11}} {
		for _, c := range cache {
			c.Reset(1)
		}
		s.Reset()
		texts := [][]int32{prompt}
		check(m.lastLogits(s, Input{Tokens: ids(1, len(prompt), prompt...), Cache: cache}), texts)
		for i := range 12 {
			from := make([]int32, 1+r.IntN(7))
			for i := range from {
				from[i] = r.Int32N(int32(len(texts)))
			}
			if i%2 == 0 { // as a search has them
				slices.Sort(from)
			}
			var next [][]int32
			var tokens []int32
			for _, p := range from {
				tok := r.Int32N(int32(small.Vocab))
				next, tokens = append(next, append(slices.Clone(texts[p]), tok)), append(tokens, tok)
			}
			texts = next
			for _, c := range cache {
				c.Reorder(from)
			}
			s.Reset()
			check(m.lastLogits(s, Input{Tokens: ids(len(tokens), 1, tokens...), Cache: cache}), texts)
			if i == 5 { // back into the prompt
				for j := range texts {
					texts[j] = texts[j][:len(prompt)-1]
				}
				for _, c := range cache {
					c.Truncate(slices.Repeat([]int32{int32(len(prompt) - 1)}, len(texts)))
				}
			}
		}
	}
}
