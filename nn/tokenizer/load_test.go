package tokenizer_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/stretchr/testify/require"
)

func save(t testing.TB, bpe *tokenizer.BPE) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, bpe.Save(&b))
	return b.String()
}

func TestSaveLoad(t *testing.T) {
	bpe := train(t, one(fable), 400, "<|end|>", "<é & x>")
	file := save(t, bpe)
	again, err := tokenizer.Load(strings.NewReader(file))
	require.NoError(t, err)
	require.Equal(t, bpe, again)
	require.Equal(t, file, save(t, again))
}

// edit returns a small saved tokenizer with the given edits to its JSON: each
// is a path and a value, nil deletes.
func edit(t testing.TB, edits ...any) string {
	t.Helper()
	var f map[string]any
	require.NoError(t, json.Unmarshal([]byte(save(t, train(t, one("the the then"), 300, "<s>"))), &f))
	for i := 0; i < len(edits); i += 2 {
		m := f
		path := strings.Split(edits[i].(string), ".")
		for _, p := range path[:len(path)-1] {
			m = m[p].(map[string]any)
		}
		if m[path[len(path)-1]] = edits[i+1]; edits[i+1] == nil {
			delete(m, path[len(path)-1])
		}
	}
	b, err := json.Marshal(f)
	require.NoError(t, err)
	return string(b)
}

type object = map[string]any
type list = []any

func TestLoadForms(t *testing.T) {
	level := object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}
	digits := object{"type": "Digits", "individual_digits": true}
	tests := []struct {
		name, file, text string
		want             []string
	}{
		{"merges as lists", edit(t, "model.merges", list{list{"h", "e"}, list{"t", "he"}}), "the", []string{"the"}},
		{"digits", edit(t, "pre_tokenizer", object{"type": "Sequence", "pretokenizers": list{digits, level}}),
			"the 12", []string{"the", "Ġ", "1", "2"}},
		{"ignore_merges", edit(t, "model.merges", list{}, "model.ignore_merges", true), " the", []string{"Ġthe"}},
		{"merges decide", edit(t, "model.merges", list{}), "the", []string{"t", "h", "e"}},
		{"added token", edit(t, "added_tokens", list{object{"id": 0, "content": "<s>"}}), "a<s>", []string{"a", "<s>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bpe, err := tokenizer.Load(strings.NewReader(tt.file))
			require.NoError(t, err)
			var got []string
			for _, id := range bpe.Encode(tt.text) {
				got = append(got, bpe.Token(id))
			}
			require.Equal(t, tt.want, got)
			again, err := tokenizer.Load(strings.NewReader(save(t, bpe)))
			require.NoError(t, err)
			require.Equal(t, bpe, again)
		})
	}
}

func TestLoadErrors(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"empty", "", "unexpected end"},
		{"syntax", `{"version": "1.0",, }`, "byte 19"},
		{"no model", `{}`, `type ""`},
		{"unigram", edit(t, "model.type", "Unigram"), `type "Unigram"`},
		{"dropout", edit(t, "model.dropout", 0.1), "dropout"},
		{"suffix", edit(t, "model.end_of_word_suffix", "</w>"), "suffixes"},
		{"fallback", edit(t, "model.byte_fallback", true), "byte_fallback"},
		{"normalizer", edit(t, "normalizer", object{"type": "NFC"}), `"NFC"`},
		{"no pre_tokenizer", edit(t, "pre_tokenizer", nil), "pre_tokenizer: missing"},
		{"whitespace", edit(t, "pre_tokenizer", object{"type": "Whitespace"}), `"Whitespace"`},
		{"prefix space", edit(t, "pre_tokenizer", object{"type": "ByteLevel"}), "add_prefix_space"},
		{"vocab is a list", edit(t, "model.vocab", list{}), "vocab: want an object"},
		{"no bytes", edit(t, "model.vocab", object{"<s>": 0}), "byte 0x00"},
		{"repeated id", edit(t, "model.vocab.zz", 7), "id 7 is"},
		{"gap", edit(t, "model.vocab.he", nil), "no token has id 257 of 259"},
		{"huge id", edit(t, "model.vocab.zz", 1<<40), "outside 0 to"},
		{"id with fraction", edit(t, "model.vocab.zz", 1.5), `token "zz"`},
		{"repeated token", strings.Replace(edit(t), `"!":1,`, `"!":1,"!":2,`, 1), "id 2 is"},
		{"merge of one", edit(t, "model.merges", list{"h e", "th"}), "merge 1: \"th\""},
		{"merge of three", edit(t, "model.merges", list{list{"t", "h", "e"}}), "merge 0"},
		{"unknown part", edit(t, "model.merges", list{"h e", "x yz"}), `merge 1: token "yz"`},
		{"unknown product", edit(t, "model.merges", list{"x y"}), `token "xy"`},
		{"repeated merge", edit(t, "model.merges", list{"h e", "h e"}), "merge 0 again"},
		{"added outside", edit(t, "added_tokens", list{object{"id": 1 << 40, "content": "<x>"}}), "added_tokens"},
		{"added negative", edit(t, "added_tokens", list{object{"id": -1, "content": "<x>"}}), "added_tokens"},
		{"added twice", edit(t, "added_tokens", list{object{"id": 0, "content": "<s>"}, object{"id": 0, "content": "<s>"}}), "repeated"},
		{"added elsewhere", edit(t, "added_tokens", list{object{"id": 0, "content": "<x>"}}), `is "<s>" already`},
		{"added empty", edit(t, "added_tokens", list{object{"id": 260, "content": ""}}), "empty"},
		{"added lstrip", edit(t, "added_tokens", list{object{"id": 0, "content": "<s>", "lstrip": true}}), "lstrip"},
		{"special from merges", edit(t, "added_tokens", list{object{"id": 257, "content": "he", "special": true}}), "added token"},
		{"special byte", edit(t, "added_tokens", list{object{"id": 1, "content": "!", "special": true}}), "is a byte"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tokenizer.Load(strings.NewReader(tt.file))
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(edit(f))
	f.Add(edit(f, "model.merges", list{list{"h", "e"}}, "added_tokens", list{object{"id": 0, "content": "<s>"}}))
	f.Fuzz(func(t *testing.T, file string) {
		bpe, err := tokenizer.Load(strings.NewReader(file))
		if err != nil {
			return
		}
		if text := "<s> the \xff"; bpe.Decode(bpe.EncodeSpecial(text)) != text {
			t.Fatal("loaded tokenizer does not round-trip")
		}
	})
}

func TestLoadGPT2Files(t *testing.T) {
	var f struct {
		Model struct{ Vocab json.RawMessage }
	}
	require.NoError(t, json.Unmarshal([]byte(edit(t)), &f))
	vocab := string(f.Model.Vocab)
	bpe, err := tokenizer.LoadGPT2(strings.NewReader(vocab), strings.NewReader("#version: 0.2\nh e\r\nt he\n"))
	require.NoError(t, err)
	require.Equal(t, "the", bpe.Token(bpe.Encode("the")[0]))
	_, err = tokenizer.LoadGPT2(strings.NewReader(vocab), strings.NewReader("#version: 0.2\nh e\nth\n"))
	require.ErrorContains(t, err, "line 3")
	_, err = tokenizer.LoadGPT2(strings.NewReader("[]"), strings.NewReader(""))
	require.ErrorContains(t, err, "vocab")
}

// gpt2 loads the vocabulary of GPT-2 from the data folder.
func gpt2(t testing.TB) *tokenizer.BPE {
	t.Helper()
	dir := os.Getenv("NOEMA_DATA")
	if dir == "" {
		t.Skip("NOEMA_DATA is not set")
	}
	vocab, err := os.Open(filepath.Join(dir, "tokenizers/gpt2/gpt2_vocab.json"))
	require.NoError(t, err)
	defer vocab.Close()
	merges, err := os.Open(filepath.Join(dir, "tokenizers/gpt2/gpt2_merges.txt"))
	require.NoError(t, err)
	defer merges.Close()
	bpe, err := tokenizer.LoadGPT2(vocab, merges)
	require.NoError(t, err)
	return bpe
}

// The ids are those of Hugging Face's tokenizers 0.23.3 (Python) with the same
// two files: Tokenizer(models.BPE(vocab, merges)), pre-tokenizer
// ByteLevel(add_prefix_space=False), special token <|endoftext|>.
func TestGPT2(t *testing.T) {
	bpe := gpt2(t)
	require.Equal(t, 50257, bpe.Vocab())
	for _, tt := range gpt2Cases {
		require.Equal(t, tt.ids, bpe.EncodeSpecial(tt.text), "%q", tt.text)
		require.Equal(t, tt.text, bpe.Decode(tt.ids))
	}
	require.NotContains(t, bpe.Encode("<|endoftext|>"), int32(50256))
	again, err := tokenizer.Load(strings.NewReader(save(t, bpe)))
	require.NoError(t, err)
	require.Equal(t, bpe, again)
}

// The digest is of the merges, "a b\n" each, that Hugging Face's tokenizers
// 0.23.3 learns from the lines of the same file: ByteLevel pre-tokenizer
// without prefix space, BpeTrainer(vocab_size=4000, special_tokens=["<pad>"],
// initial_alphabet=ByteLevel.alphabet()).
func TestTrainShakespeare(t *testing.T) {
	dir := os.Getenv("NOEMA_DATA")
	if dir == "" {
		t.Skip("NOEMA_DATA is not set")
	}
	text, err := os.ReadFile(filepath.Join(dir, "corpora/tinyshakespeare.txt"))
	require.NoError(t, err)
	bpe := train(t, strings.SplitSeq(string(text), "\n"), 4000, "<pad>")
	var f struct{ Model struct{ Merges []string } }
	require.NoError(t, json.Unmarshal([]byte(save(t, bpe)), &f))
	merges := strings.Join(f.Model.Merges, "\n") + "\n"
	require.Equal(t, "d8219910150a73c2a542e2db09d03203a49a6c9a1b0f3ad1a93ee7aad91629a9",
		fmt.Sprintf("%x", sha256.Sum256([]byte(merges))))
}

func BenchmarkEncodeGPT2(b *testing.B) {
	bpe := gpt2(b)
	text, err := os.ReadFile(filepath.Join(os.Getenv("NOEMA_DATA"), "corpora/tinyshakespeare.txt"))
	require.NoError(b, err)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		bpe.Encode(string(text))
	}
}

// BenchmarkEncode has a vocabulary so small that most words must be merged.
func BenchmarkEncode(b *testing.B) {
	bpe := train(b, titles(1000), 400)
	var text strings.Builder
	for s := range titles(5000) {
		fmt.Fprintln(&text, s)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		bpe.Encode(text.String())
	}
}
