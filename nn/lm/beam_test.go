package lm

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var answers = [][]int32{{3, 4, 0}, {3, 4, 5, 0}, {3, 6, 0}, {7, 0}, {3, 4, 0}, {8, 9, 10, 11, 0}, {8, 9, 12, 0}}

func TestTrie(t *testing.T) {
	tree, err := NewTrie(answers)
	require.NoError(t, err)
	require.Equal(t, 6, tree.Leaves())
	require.Equal(t, 5, tree.Depth())
	require.Equal(t, tree.Leaf(0), tree.Leaf(4), "equal sequences share a leaf")
	for i, a := range answers {
		require.Equal(t, a, tree.Sequence(tree.Leaf(i)))
		var walked []int32
		tree.Path(tree.Leaf(i), func(allowed []int32, taken int) {
			require.True(t, slices.IsSorted(allowed))
			walked = append(walked, allowed[taken])
		})
		require.Equal(t, a, walked)
	}
	for _, bad := range [][][]int32{{{}}, {{1}, {1, 2}}, {{1, 2}, {1}}} {
		_, err := NewTrie(bad)
		require.Error(t, err)
	}
}

// A beam as wide as the tree ranks like scoring every leaf by itself; a narrow
// one gives true scores, and leaves that are excluded never come.
func TestBeamEqualsExhaustiveScores(t *testing.T) {
	m := New(pcg(), small)
	m.Embed.Weight.Value = noise(1, tensor.Float32, small.Vocab, small.Dim) // far from uniform
	tree, err := NewTrie(answers)
	require.NoError(t, err)
	prompt := []int32{1, 2}
	excluded := []int32{tree.Leaf(3), tree.Leaf(5)}

	var want []Answer
	for leaf := range int32(tree.Leaves()) {
		seq, score, i := append(slices.Clone(prompt), tree.Sequence(leaf)...), 0.0, len(prompt)
		s := autograd.Inference()
		logits := m.Logits(s, m.Hidden(s, Input{Tokens: ids(1, len(seq), seq...)})).Value()
		tree.Path(leaf, func(allowed []int32, taken int) {
			row := tensor.Data[float32](logits.Slice(1, i-1, i).Clone())
			score += float64(row[allowed[taken]]) - logSumExp(row, allowed)
			i++
		})
		if !slices.Contains(excluded, leaf) {
			want = append(want, Answer{leaf, score})
		}
	}
	slices.SortFunc(want, func(a, b Answer) int {
		if a.Score > b.Score {
			return -1
		}
		return 1
	})

	search := func(ctx context.Context, width int) ([]Answer, error) {
		s, cache := autograd.Inference(), m.NewCache(1)
		first := slices.Clone(m.lastLogits(s, Input{Tokens: ids(1, 2, prompt...), Cache: cache}))
		return tree.Beam(ctx, first, func(parents, tokens []int32) [][]float32 {
			s.Reset()
			for _, c := range cache {
				c.Reorder(parents)
			}
			all := m.lastLogits(s, Input{Tokens: ids(len(tokens), 1, tokens...), Cache: cache})
			var rows [][]float32
			for i := range tokens {
				rows = append(rows, all[i*small.Vocab:(i+1)*small.Vocab])
			}
			return rows
		}, width, tree.Without(excluded))
	}
	for width := 1; width <= tree.Leaves(); width++ {
		got, err := search(context.Background(), width)
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), width)
		for i, a := range got {
			at := slices.IndexFunc(want, func(w Answer) bool { return w.Leaf == a.Leaf })
			require.GreaterOrEqual(t, at, 0)
			require.InDelta(t, want[at].Score, a.Score, 1e-4)
			if width == tree.Leaves() {
				require.Equal(t, i, at)
			}
		}
		if width == tree.Leaves() {
			require.Len(t, got, len(want))
		}
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = search(done, 3)
	require.ErrorIs(t, err, context.Canceled)
}
