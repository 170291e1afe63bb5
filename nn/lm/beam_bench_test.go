package lm

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
)

// BenchmarkBeam reads a prompt of 2 or 400 tokens and looks for 20 of 3000
// titles of 4 to 8 tokens.
func BenchmarkBeam(b *testing.B) {
	const vocab, width = 2000, 20
	r := rand.New(rand.NewPCG(1, 2))
	titles := make([][]int32, 3000)
	for i := range titles {
		for range 3 + r.IntN(5) {
			titles[i] = append(titles[i], 1+r.Int32N(40)) // much in common
		}
		titles[i] = append(titles[i], 0)
	}
	tree, err := NewTrie(titles)
	require.NoError(b, err)
	m := New(rand.NewPCG(1, 2), Config{Vocab: vocab, Dim: 128, Layers: 4, Heads: 4, MaxLen: 512})
	for name, n := range map[string]int{"prompt 2": 2, "prompt 400": 400} {
		b.Run(name, func(b *testing.B) {
			prompt := make([]int32, n)
			for i := range prompt {
				prompt[i] = r.Int32N(vocab)
			}
			s, cache := autograd.Inference(), m.NewCache(1)
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				for _, c := range cache {
					c.Reset(1)
					c.Reserve(n + tree.Depth())
				}
				first := slices.Clone(m.lastLogits(s, Input{Tokens: ids(1, n, prompt...), Cache: cache}))
				_, err := tree.Beam(b.Context(), first, func(parents, tokens []int32) [][]float32 {
					s.Reset()
					for _, c := range cache {
						c.Reorder(parents)
					}
					all := m.lastLogits(s, Input{Tokens: ids(len(tokens), 1, tokens...), Cache: cache})
					rows := make([][]float32, len(tokens))
					for i := range rows {
						rows[i] = all[i*vocab : (i+1)*vocab]
					}
					return rows
				}, width, nil)
				require.NoError(b, err)
			}
		})
	}
}
