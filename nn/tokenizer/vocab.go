package tokenizer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxFile bounds the files that are read; real ones are below 40 MB.
const maxFile = 256 << 20

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("more than %d bytes", maxFile)
	}
	return data, err
}

// A vocabulary is a JSON object from tokens to ids. encoding/json would keep
// the last of repeated tokens, and write them in another order than the ids'.
type vocabulary struct {
	tokens []string // in the file's order
	ids    []int64
}

func (v *vocabulary) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("vocab: want an object of tokens and ids")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var id int64
		if err := d.Decode(&id); err != nil {
			return fmt.Errorf("vocab: token %q: %w", key, err)
		}
		v.tokens = append(v.tokens, key.(string))
		v.ids = append(v.ids, id)
	}
	return nil
}

func (v vocabulary) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, tok := range v.tokens {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := marshal(tok)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%s:%d", key, v.ids[i])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// list returns the tokens by id. The ids of v and of the added tokens must be
// 0 to n-1 for some n; an added token may stand in v too, with the same id.
func (v *vocabulary) list(added []addedJSON) ([]string, error) {
	n := len(v.tokens) + len(added)
	tokens := make([]string, n)
	taken := make([]bool, n)
	put := func(tok string, id int64) error {
		switch {
		case id < 0 || id >= int64(n):
			return fmt.Errorf("token %q: id %d is outside 0 to %d", tok, id, n-1)
		case taken[id]:
			return fmt.Errorf("token %q: id %d is %q already", tok, id, tokens[id])
		}
		tokens[id], taken[id] = tok, true
		return nil
	}
	for i, tok := range v.tokens {
		if err := put(tok, v.ids[i]); err != nil {
			return nil, fmt.Errorf("vocab: %w", err)
		}
	}
	seen := make(map[int64]bool, len(added))
	for _, a := range added {
		if seen[a.ID] {
			return nil, fmt.Errorf("added_tokens: id %d is repeated", a.ID)
		}
		seen[a.ID] = true
		if 0 <= a.ID && a.ID < int64(n) && taken[a.ID] && tokens[a.ID] == a.Content {
			n-- // it stands in the vocabulary too
			continue
		}
		if err := put(a.Content, a.ID); err != nil {
			return nil, fmt.Errorf("added_tokens: %w", err)
		}
	}
	for id, ok := range taken {
		if id < n && !ok {
			return nil, fmt.Errorf("vocab: no token has id %d of %d", id, n)
		}
		if id >= n && ok {
			return nil, fmt.Errorf("vocab: token %q: id %d is outside 0 to %d", tokens[id], id, n-1)
		}
	}
	return tokens[:n], nil
}

// LoadGPT2 reads a byte-level BPE in the format of the GPT-2 release: vocab is
// vocab.json (encoder.json), an object of tokens and ids; merges is merges.txt
// (vocab.bpe), a pair of tokens a line in order of rank, after a "#version"
// line that may be missing. <|endoftext|>, if it is in the vocabulary, is a
// special token. Errors name the file and the token or line.
func LoadGPT2(vocab, merges io.Reader) (*BPE, error) {
	t, err := loadGPT2(vocab, merges)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: load GPT-2: %w", err)
	}
	return t, nil
}

func loadGPT2(vocab, merges io.Reader) (*BPE, error) {
	data, err := readAll(vocab)
	if err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	var v vocabulary
	if err := unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("vocab: %w", err)
	}
	tokens, err := v.list(nil)
	if err != nil {
		return nil, err
	}
	pairs, err := readMerges(merges)
	if err != nil {
		return nil, fmt.Errorf("merges: %w", err)
	}
	var added []addedToken
	for id, tok := range tokens {
		if tok == "<|endoftext|>" {
			added = append(added, addedToken{int32(id), true})
		}
	}
	return newBPE(tokens, pairs, added, false)
}

func readMerges(r io.Reader) ([][2]string, error) {
	data, err := readAll(r)
	if err != nil {
		return nil, err
	}
	var pairs [][2]string
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if n == 1 && strings.HasPrefix(line, "#version") || line == "" {
			continue
		}
		p, err := cutMerge(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		pairs = append(pairs, p)
	}
	return pairs, lines.Err()
}

// cutMerge reads a merge written as two tokens with a space between.
func cutMerge(s string) (p [2]string, err error) {
	left, right, _ := strings.Cut(s, " ")
	if left == "" || right == "" || strings.Contains(right, " ") {
		return p, fmt.Errorf("%q is not two tokens with a space between", s)
	}
	return [2]string{left, right}, nil
}
