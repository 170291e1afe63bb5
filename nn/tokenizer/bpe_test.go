package tokenizer_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/stretchr/testify/require"
)

var _ tokenizer.Tokenizer = (*tokenizer.BPE)(nil)

func train(t testing.TB, texts iter.Seq[string], vocab int, special ...string) *tokenizer.BPE {
	t.Helper()
	bpe, err := tokenizer.TrainBPE(context.Background(), texts, vocab, special...)
	require.NoError(t, err)
	return bpe
}

func one(text string) iter.Seq[string] { return slices.Values([]string{text}) }

// fable is a small text with runs, contractions, numbers and several scripts.
const fable = `The fox who'd lost its tail said: "We'll all cut ours off!" 12 foxes,
	3 hens and 40 geese weren't convinced…   The foxes' tails stayed on.
Der Fuchs, le renard, 狐狸, лисица, η αλεπού: the fox, the foxes, the tail, the tails.`

func TestEncodeRoundTrip(t *testing.T) {
	bpe := train(t, one(fable), 300, "<|end|>")
	for _, text := range []string{
		"", " ", "\n", "  two  spaces ", "the foxes' tails", "naïve 日本語 🙂", "\xff\xfe\x80 bad \xc3", "a\x00b",
		"<|end|>", "<|end", "Ġthe Ċ", strings.Repeat("a", 5000), strings.Repeat(" ", 5000), fable,
	} {
		for _, ids := range [][]int32{bpe.Encode(text), bpe.EncodeSpecial(text)} {
			require.Equal(t, text, bpe.Decode(ids))
		}
	}
}

func TestEncodeNeverGivesSpecial(t *testing.T) {
	// The text would make "<s>", "Ġthe" and "<s><s>" merges.
	text := strings.Repeat("<s><s> the", 50)
	bpe := train(t, one(text), 300, "<s>", "Ġthe", "<s><s>")
	id, ok := bpe.ID("<s>")
	require.True(t, ok)
	require.EqualValues(t, 0, id)
	require.True(t, bpe.IsSpecial(0))
	require.False(t, bpe.IsSpecial(3))
	require.Equal(t, "<s>", bpe.Decode([]int32{0}))
	require.Equal(t, "Ġthe", bpe.Decode([]int32{1}))
	for _, id := range bpe.Encode(text) {
		require.False(t, bpe.IsSpecial(id))
	}
	// The longest match wins, and what lies between is ordinary text.
	got := bpe.EncodeSpecial("a<s><s><s>b<s")
	want := slices.Concat(bpe.Encode("a"), []int32{2, 0}, bpe.Encode("b<s"))
	require.Equal(t, want, got)
}

func TestTokenAndID(t *testing.T) {
	bpe := train(t, one(fable), 280, "<pad>")
	require.LessOrEqual(t, bpe.Vocab(), 280)
	for id := range int32(bpe.Vocab()) {
		got, ok := bpe.ID(bpe.Token(id))
		require.True(t, ok)
		require.Equal(t, id, got)
	}
	require.Empty(t, bpe.Token(-1))
	require.Empty(t, bpe.Token(int32(bpe.Vocab())))
	_, ok := bpe.ID("not a token")
	require.False(t, ok)
	require.Equal(t, "!", bpe.Decode([]int32{-1, 1, 1 << 30}))
}

func TestEncodeConcurrently(t *testing.T) {
	bpe := train(t, one(fable), 400)
	want := bpe.Encode(fable)
	var wg sync.WaitGroup
	got := make([][]int32, 8)
	for i := range got {
		wg.Go(func() { got[i] = bpe.Encode(fable) })
	}
	wg.Wait()
	for _, g := range got {
		require.Equal(t, want, g)
	}
}

// A million letters without a space are one word; a quadratic merge would
// take hours.
func TestEncodeLongWord(t *testing.T) {
	bpe := train(t, one("aa aa aaaa aaaa aaaaaaaa aaaaaaaa"), 300)
	text := strings.Repeat("a", 1_000_001)
	require.Equal(t, text, bpe.Decode(bpe.Encode(text)))
}

func FuzzEncode(f *testing.F) {
	bpe := train(f, one(fable), 400, "<|end|>", "<|")
	f.Add(fable)
	f.Add("<|end|><|\xff  \xc3(\u2028\u00a0x's're")
	var saved bytes.Buffer
	require.NoError(f, bpe.Save(&saved))
	again, err := tokenizer.Load(&saved)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		ids := bpe.Encode(text)
		if got := bpe.Decode(ids); got != text {
			t.Fatalf("Encode: %q came back as %q", text, got)
		}
		if slices.ContainsFunc(ids, bpe.IsSpecial) {
			t.Fatalf("%q gave a special token: %v", text, ids)
		}
		if !slices.Equal(ids, again.Encode(text)) {
			t.Fatalf("%q: saved and loaded tokenizers differ", text)
		}
		if got := bpe.Decode(bpe.EncodeSpecial(text)); got != text {
			t.Fatalf("EncodeSpecial: %q came back as %q", text, got)
		}
	})
}

func ExampleTrainBPE() {
	titles := []string{"The Matrix", "The Matrix Reloaded", "The Thing", "Matilda"}
	bpe, err := tokenizer.TrainBPE(context.Background(), slices.Values(titles), 263, "<|endoftext|>")
	if err != nil {
		panic(err)
	}
	ids := bpe.Encode("The Matrix")
	for _, id := range ids {
		fmt.Printf("%d %q\n", id, bpe.Token(id))
	}
	fmt.Println(bpe.Decode(ids))
	// Output:
	// 259 "The"
	// 221 "Ġ"
	// 260 "Mat"
	// 262 "rix"
	// The Matrix
}

func ExampleBPE_EncodeSpecial() {
	bpe, err := tokenizer.TrainBPE(context.Background(), slices.Values([]string{"hi hi"}), 300, "<user>")
	if err != nil {
		panic(err)
	}
	fmt.Println(bpe.Encode("<user>hi"))
	fmt.Println(bpe.EncodeSpecial("<user>hi"))
	// Output:
	// [28 85 83 69 82 30 257]
	// [0 257]
}

// Names become tokens wherever they stand in a text, the longest first, and nothing
// else changes: neither other words, nor what decoding gives back, nor special tokens.
func TestWith(t *testing.T) {
	bpe := train(t, one("the last of the mohicans and the lost world (1925)"), 300, "<|end|>")
	more, err := bpe.With(" The Lost World (1925)", " The Lost World (1925) II", "Ω")
	require.NoError(t, err)
	require.Equal(t, bpe.Vocab()+3, more.Vocab())
	first, ok := more.ID(" The Lost World (1925)")
	require.True(t, ok)
	require.EqualValues(t, bpe.Vocab(), first)
	require.False(t, more.IsSpecial(first))
	for _, text := range []string{"", "the last of the mohicans", "The Lost World (192", "<|end|>"} {
		require.Equal(t, bpe.Encode(text), more.Encode(text), text)
	}
	text := "Ω; The Lost World (1925) II, The Lost World (1925); The Lost World (1925) III"
	tokens := more.Encode(text)
	require.Equal(t, text, more.Decode(tokens))
	require.Equal(t, first+2, tokens[0])
	require.Equal(t, []int32{first + 1, first, first + 1}, slices.DeleteFunc(slices.Clone(tokens), func(id int32) bool { return id < first || id > first+1 }))

	var saved bytes.Buffer
	require.NoError(t, more.Save(&saved))
	again, err := tokenizer.Load(&saved)
	require.NoError(t, err)
	require.Equal(t, tokens, again.Encode(text))
	twice, err := again.With("mohicans")
	require.NoError(t, err)
	require.Equal(t, []int32{int32(again.Vocab())}, twice.Encode("mohicans"))

	for _, bad := range [][]string{{""}, {"a\xff"}, {"a"}, {"Z", "Z"}, {"<|end|>"}} {
		_, err := bpe.With(bad...)
		require.ErrorContains(t, err, "tokenizer: with", "%q", bad)
	}
}
