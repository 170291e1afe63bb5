package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// fileJSON is the part of a Hugging Face tokenizer.json that matters here.
// Truncation, padding and post-processing are the caller's and are ignored.
type fileJSON struct {
	Version       string      `json:"version"`
	Truncation    *struct{}   `json:"truncation"`
	Padding       *struct{}   `json:"padding"`
	AddedTokens   []addedJSON `json:"added_tokens"`
	Normalizer    *stepJSON   `json:"normalizer"`
	PreTokenizer  *stepJSON   `json:"pre_tokenizer"`
	PostProcessor *struct{}   `json:"post_processor"`
	Decoder       *stepJSON   `json:"decoder"`
	Model         modelJSON   `json:"model"`
}

type addedJSON struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// stepJSON is a normalizer, pre-tokenizer or decoder.
type stepJSON struct {
	Type             string     `json:"type"`
	AddPrefixSpace   *bool      `json:"add_prefix_space,omitempty"`
	TrimOffsets      *bool      `json:"trim_offsets,omitempty"`
	UseRegex         *bool      `json:"use_regex,omitempty"`
	IndividualDigits *bool      `json:"individual_digits,omitempty"`
	PreTokenizers    []stepJSON `json:"pretokenizers,omitempty"`
}

type modelJSON struct {
	Type          string     `json:"type"`
	Dropout       *float64   `json:"dropout"`
	UnkToken      *string    `json:"unk_token"`
	SubwordPrefix *string    `json:"continuing_subword_prefix"`
	EndOfWord     *string    `json:"end_of_word_suffix"`
	FuseUnk       bool       `json:"fuse_unk"`
	ByteFallback  bool       `json:"byte_fallback"`
	IgnoreMerges  bool       `json:"ignore_merges"`
	Vocab         vocabulary `json:"vocab"`
	Merges        mergeList  `json:"merges"`
}

// mergeList is read in both forms that are in use, "a b" and ["a", "b"], and
// written in the first.
type mergeList [][2]string

func (l *mergeList) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	*l = make(mergeList, len(raw))
	for i, r := range raw {
		var s string
		var p []string
		var err error
		if json.Unmarshal(r, &s) == nil {
			(*l)[i], err = cutMerge(s)
		} else if err = json.Unmarshal(r, &p); err == nil && len(p) == 2 {
			(*l)[i] = [2]string(p)
		} else {
			err = fmt.Errorf("%.80q is not two tokens", r)
		}
		if err != nil {
			return fmt.Errorf("merges: merge %d: %w", i, err)
		}
	}
	return nil
}

func (l mergeList) MarshalJSON() ([]byte, error) {
	lines := make([]string, len(l))
	for i, m := range l {
		lines[i] = m[0] + " " + m[1]
	}
	return marshal(lines)
}

// marshal is json.Marshal, but leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// unmarshal is json.Unmarshal, but says where bad syntax is.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("byte %d: %w", e.Offset, err)
	}
	return err
}

// Load reads a Hugging Face tokenizer.json that holds a byte-level BPE: model
// BPE with all 256 bytes, no normalizer, GPT-2's pre-tokenisation, alone or
// after single digits are cut out (SmolLM). Added tokens that are not special
// are found in any text, special ones only by EncodeSpecial. The file's
// post-processor, truncation and padding are not applied. Whatever else would
// change the tokens is an error that names the field, as are repeated tokens
// or ids, ids with gaps, and merges of tokens that are not in the vocabulary.
func Load(r io.Reader) (*BPE, error) {
	t, err := load(r)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: load tokenizer.json: %w", err)
	}
	return t, nil
}

func load(r io.Reader) (*BPE, error) {
	data, err := readAll(r)
	if err != nil {
		return nil, err
	}
	var f fileJSON
	if err := unmarshal(data, &f); err != nil {
		return nil, err
	}
	if err := f.Model.check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if f.Normalizer != nil {
		return nil, fmt.Errorf("normalizer: %q is not supported", f.Normalizer.Type)
	}
	digits, err := f.PreTokenizer.check()
	if err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	tokens, err := f.Model.Vocab.list(f.AddedTokens)
	if err != nil {
		return nil, err
	}
	var added []addedToken
	for _, a := range f.AddedTokens {
		if a.SingleWord || a.LStrip || a.RStrip {
			return nil, fmt.Errorf("added_tokens: %q: single_word, lstrip and rstrip are not supported", a.Content)
		}
		added = append(added, addedToken{int32(a.ID), a.Special})
	}
	t, err := newBPE(tokens, f.Model.Merges, added, f.Model.IgnoreMerges)
	if err != nil {
		return nil, err
	}
	t.digits = digits
	return t, nil
}

func (m *modelJSON) check() error {
	set := func(s *string) bool { return s != nil && *s != "" }
	switch {
	case m.Type != "BPE":
		return fmt.Errorf("type %q, want BPE", m.Type)
	case m.Dropout != nil && *m.Dropout != 0:
		return errors.New("dropout is not supported")
	case set(m.SubwordPrefix), set(m.EndOfWord):
		return errors.New("subword prefixes and suffixes are not supported")
	case m.ByteFallback:
		return errors.New("byte_fallback is not supported")
	}
	return nil
}

// check reports whether digits are cut out; anything but the two known forms
// is an error.
func (s *stepJSON) check() (digits bool, err error) {
	if s == nil {
		return false, errors.New("missing, want ByteLevel")
	}
	if s.Type == "Sequence" && len(s.PreTokenizers) == 2 && s.PreTokenizers[0].Type == "Digits" {
		if d := s.PreTokenizers[0].IndividualDigits; d == nil || !*d {
			return false, errors.New("individual_digits must be true")
		}
		digits, s = true, &s.PreTokenizers[1]
	}
	switch {
	case s.Type != "ByteLevel":
		return false, fmt.Errorf("type %q, want ByteLevel", s.Type)
	case s.AddPrefixSpace == nil || *s.AddPrefixSpace:
		return false, errors.New("add_prefix_space is not supported")
	case s.UseRegex != nil && !*s.UseRegex:
		return false, errors.New("use_regex must be true")
	}
	return digits, nil
}

// Save writes t as a Hugging Face tokenizer.json. Load gives an equal
// tokenizer back, and equal tokenizers give equal bytes.
func (t *BPE) Save(w io.Writer) error {
	yes, no := true, false
	level := stepJSON{Type: "ByteLevel", AddPrefixSpace: &no, TrimOffsets: &yes, UseRegex: &yes}
	f := fileJSON{
		Version:      "1.0",
		AddedTokens:  []addedJSON{},
		PreTokenizer: &level,
		Decoder:      &level,
		Model: modelJSON{
			Type:         "BPE",
			IgnoreMerges: t.ignoreMerges,
			Vocab:        vocabulary{t.tokens, make([]int64, len(t.tokens))},
			Merges:       make(mergeList, len(t.order)),
		},
	}
	if t.digits {
		f.PreTokenizer = &stepJSON{Type: "Sequence", PreTokenizers: []stepJSON{
			{Type: "Digits", IndividualDigits: &yes}, level,
		}}
	}
	for i := range t.tokens {
		f.Model.Vocab.ids[i] = int64(i)
	}
	for i, p := range t.order {
		f.Model.Merges[i] = [2]string{t.tokens[p.left], t.tokens[p.right]}
	}
	for _, a := range t.added {
		f.AddedTokens = append(f.AddedTokens, addedJSON{
			ID: int64(a.id), Content: t.tokens[a.id], Special: a.special, Normalized: !a.special,
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(f); err != nil {
		return fmt.Errorf("tokenizer: save: %w", err)
	}
	return nil
}
