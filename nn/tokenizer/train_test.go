package tokenizer_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/stretchr/testify/require"
)

// learned returns the merged tokens of a vocabulary trained without special
// tokens.
func learned(bpe *tokenizer.BPE) []string {
	var out []string
	for id := 256; id < bpe.Vocab(); id++ {
		out = append(out, bpe.Token(int32(id)))
	}
	return out
}

func TestTrainByHand(t *testing.T) {
	tests := []struct {
		name, text string
		vocab      int
		want       []string
	}{
		// Sennrich et al. 2016, figure 1: low ×5, lower ×2, newest ×6,
		// widest ×3. Pairs: es 9, st 9, we 8, lo 7, ow 7, ...: es goes
		// before st, and later ew (6) before ne (6), because e has the smaller id.
		{"paper",
			strings.Repeat("low\n", 5) + strings.Repeat("lower\n", 2) + strings.Repeat("newest\n", 6) + strings.Repeat("widest\n", 3),
			262, []string{"es", "est", "lo", "low", "ew", "new"}},
		// aaaa is aa aa after the first merge, then aaaa; five a's are
		// merged from the left.
		{"runs", "aaaa\naaaa\naaaaa\naaaaa", 300, []string{"aa", "aaaa", "aaaaa"}},
		{"nothing twice", "abc", 300, nil},
		{"empty", "", 256, nil},
		{"words do not join", "ab1ab1", 300, []string{"ab"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, learned(train(t, one(tt.text), tt.vocab)))
		})
	}
}

func TestTrainIsDeterministic(t *testing.T) {
	var first bytes.Buffer
	require.NoError(t, train(t, one(fable), 500, "<s>").Save(&first))
	for range 3 {
		var again bytes.Buffer
		require.NoError(t, train(t, one(fable), 500, "<s>").Save(&again))
		require.Equal(t, first.String(), again.String())
	}
}

func TestTrainErrors(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		vocab   int
		special []string
		want    string
	}{
		{255, nil, "vocabulary of 255"},
		{256, []string{"<s>"}, "vocabulary of 256"},
		{300, []string{"<s>", "<s>"}, "both \"<s>\""},
		{300, []string{""}, "empty"},
		{300, []string{"a"}, "both \"a\""},
		{300, []string{"\xff"}, "not UTF-8"},
	} {
		_, err := tokenizer.TrainBPE(ctx, one(fable), tt.vocab, tt.special...)
		require.ErrorContains(t, err, tt.want)
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	_, err := tokenizer.TrainBPE(ctx, one(fable), 300)
	require.ErrorIs(t, err, context.Canceled)
}

// titles yields n film titles of three words out of a small lexicon.
func titles(n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		x := uint32(1)
		next := func() uint32 { x = x*1664525 + 1013904223; return x >> 16 }
		for range n {
			if !yield(fmt.Sprintf("The %x of %x's %x (19%02d)", next()%977, next()%1009, next()%499, next()%100)) {
				return
			}
		}
	}
}

func BenchmarkTrainTitles(b *testing.B) {
	for b.Loop() {
		train(b, titles(10_000), 4096)
	}
}
