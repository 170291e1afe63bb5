package lm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Texts packed into one row give the logits that they give alone, each with a
// memory of its own behind the others'.
func TestPackedTexts(t *testing.T) {
	c := small
	c.CrossEvery, c.MemoryDim = 2, 6
	m := New(pcg(), c)
	texts := [][]int32{{1, 2, 3}, {4, 5}, {6, 7, 8, 9}}
	mem := noise(3, tensor.Float32, 1, 7, 6)
	memory := [][2]int32{{0, 3}, {3, 3}, {3, 7}}

	var tokens, pos, start, from, to []int32
	for i, text := range texts {
		first := int32(len(tokens))
		for j, tok := range text {
			tokens, pos, start = append(tokens, tok), append(pos, int32(j)), append(start, first)
			from, to = append(from, memory[i][0]), append(to, memory[i][1])
		}
	}
	s := autograd.Inference()
	packed := m.Logits(s, m.Hidden(s, Input{
		Tokens: ids(1, len(tokens), tokens...), Pos: pos, Start: start,
		Memory: s.Const(mem), MemoryStart: from, MemoryLen: to,
	})).Value()
	at := 0
	for i, text := range texts {
		part := mem.Slice(1, int(memory[i][0]), int(memory[i][1])).Clone()
		alone := m.Logits(s, m.Hidden(s, Input{Tokens: ids(1, len(text), text...), Memory: s.Const(part)})).Value()
		got := packed.Slice(1, at, at+len(text)).Clone()
		require.InDeltaSlice(t, tensor.Data[float32](alone.Clone()), tensor.Data[float32](got), 1e-5)
		at += len(text)
	}
}

// Embeddings given in place of tokens are used as they are.
func TestEmbeds(t *testing.T) {
	m := New(pcg(), small)
	tokens := ids(1, 4, 5, 6, 7, 8)
	s := autograd.Inference()
	want := m.Hidden(s, Input{Tokens: tokens}).Detach()
	got := m.Hidden(s, Input{Embeds: m.Embed.Forward(s, tokens)}).Detach()
	require.Equal(t, tensor.Data[float32](want), tensor.Data[float32](got))
	soft := m.Hidden(s, Input{Prefix: m.Embed.Forward(s, ids(1, 2, 5, 6)), Tokens: ids(1, 2, 7, 8)}).Detach()
	require.Equal(t, tensor.Data[float32](want), tensor.Data[float32](soft))
}
