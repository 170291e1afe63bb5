package lm

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/tensor"
)

func generate(t *testing.T, m *Model, q Request) [][]int32 {
	t.Helper()
	out, err := m.Generate(context.Background(), pcg(), q)
	require.NoError(t, err)
	return out
}

// Samples of a prompt are what the prompt, repeated, gives: with prompts of
// different lengths, a prefix and a memory.
func TestSamplesEqualRepeatedPrompts(t *testing.T) {
	c := small
	c.CrossEvery, c.MemoryDim = 2, 6
	m := New(pcg(), c)
	prefix := noise(4, tensor.Float32, 3, 2, 16)
	q := Request{
		Tokens: [][]int32{{1, 2, 3, 4, 5, 6}, {4}, {7, 8}},
		Prefix: prefix, Memory: noise(3, tensor.Float32, 3, 4, 6), MemoryLen: []int32{4, 0, 2},
		Samples: 4, MaxNew: 12, Stop: []int32{3, 5}, Sampling: Sampling{Temperature: 1.2},
	}
	got := generate(t, m, q)
	require.Len(t, got, 12)
	one := q
	one.Samples, one.Tokens, one.MemoryLen = 0, nil, nil
	one.Prefix = tensor.New(tensor.Float32, 12, 2, 16)
	for i, p := range q.Tokens {
		for k := range q.Samples {
			at := i*q.Samples + k
			one.Tokens, one.MemoryLen = append(one.Tokens, p), append(one.MemoryLen, q.MemoryLen[i])
			tensor.Copy(one.Prefix.Slice(0, at, at+1), prefix.Slice(0, i, i+1))
		}
	}
	require.Equal(t, generate(t, m, one), got)
	lengths := map[int]bool{}
	for _, g := range got {
		lengths[len(g)] = true
	}
	require.Greater(t, len(lengths), 2, "the rows should end at different times")
}

func TestSamples(t *testing.T) {
	m := New(pcg(), small)
	q := Request{Tokens: [][]int32{{1, 2, 3}, {4}}, Samples: 3, MaxNew: 10}
	greedy := generate(t, m, q)
	for i, g := range greedy {
		require.Equal(t, greedy[i/3*3], g, "greedy samples of a prompt are equal")
	}
	q.Sampling.Temperature = 1
	drawn := generate(t, m, q)
	require.NotEqual(t, drawn[0], drawn[1])
	// The first prompt's samples have the same streams without the second one.
	q.Tokens = q.Tokens[:1]
	require.Equal(t, drawn[:3], generate(t, m, q))

	q.Samples = -1
	_, err := m.Generate(context.Background(), pcg(), q)
	require.Error(t, err)
}
