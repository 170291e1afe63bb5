package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// BPE is a byte-level byte-pair encoding. It is immutable and safe for
// concurrent use.
type BPE struct {
	tokens []string         // id -> the vocabulary's spelling
	text   []string         // id -> bytes
	ids    map[string]int32 // spelling -> id
	bytes  [256]int32       // byte -> id
	merges map[pair]merge
	order  []pair // merges by rank
	added  []addedToken
	digits bool // every number character is a word of its own
	// ignoreMerges: a word that is itself a token is that token, even if the
	// merges lead elsewhere (Llama 3).
	ignoreMerges bool

	words          map[string]int32 // words that are encoded as one token
	plain, special matcher          // added tokens found by Encode, EncodeSpecial
	reserved       map[int32]bool   // the special ones
}

// A pair is two adjacent tokens.
type pair struct{ left, right int32 }

// A merge replaces a pair by one token; lower ranks go first.
type merge struct{ rank, id int32 }

// An addedToken stands outside the merges and is matched in the text as a
// whole. Only trusted text is searched for the special ones.
type addedToken struct {
	id      int32
	special bool
}

// maxTokens bounds vocabularies and lists of merges.
const maxTokens = 1 << 24

// newBPE builds a BPE and checks that it is sound: every byte has a token,
// merges name tokens and spell what they produce, and no special token can
// come out of ordinary text. added tokens are part of tokens; a merge's parts
// are spellings.
func newBPE(tokens []string, merges [][2]string, added []addedToken, ignoreMerges bool) (*BPE, error) {
	if len(tokens) > maxTokens || len(merges) > maxTokens {
		return nil, fmt.Errorf("%d tokens and %d merges, want at most %d", len(tokens), len(merges), maxTokens)
	}
	t := &BPE{
		tokens:       tokens,
		text:         make([]string, len(tokens)),
		ids:          make(map[string]int32, len(tokens)),
		merges:       make(map[pair]merge, len(merges)),
		order:        make([]pair, 0, len(merges)),
		added:        added,
		reserved:     map[int32]bool{},
		ignoreMerges: ignoreMerges,
	}
	reserved := make(map[int32]bool, len(added))
	for _, a := range added {
		if s := tokens[a.id]; s == "" || !utf8.ValidString(s) {
			return nil, fmt.Errorf("added token %d %q is empty or not UTF-8", a.id, s)
		}
		reserved[a.id] = true
	}
	for i, tok := range tokens {
		id := int32(i)
		if prev, ok := t.ids[tok]; ok {
			return nil, fmt.Errorf("tokens %d and %d are both %q", prev, id, tok)
		}
		t.ids[tok] = id
		text, ok := unspell(tok)
		if !ok || reserved[id] {
			text = tok
		}
		t.text[id] = text
	}
	for b, c := range byteRune {
		id, ok := t.ids[string(c)]
		if !ok {
			return nil, fmt.Errorf("byte 0x%02X (%q) has no token", b, string(c))
		}
		if reserved[id] {
			return nil, fmt.Errorf("added token %d %q is a byte", id, string(c))
		}
		t.bytes[b] = id
	}
	for i, m := range merges {
		if err := t.addMerge(m, reserved); err != nil {
			return nil, fmt.Errorf("merge %d: %w", i, err)
		}
	}
	t.indexWords(reserved)
	for _, a := range added {
		t.special.add(tokens[a.id], a.id)
		if a.special {
			t.reserved[a.id] = true
		} else {
			t.plain.add(tokens[a.id], a.id)
		}
	}
	return t, nil
}

// With returns t with further tokens at the end of its vocabulary. Each stands for a
// text, such as a name, that Encode finds as a whole before it cuts the rest into
// words; of several that match at one place the longest. It is what Hugging Face's
// add_tokens does. A text matches inside words too, so a short one should begin and
// end with what no word goes on with. Encode may take as long as its text times the
// longest token. It returns an error if a token is empty, not
// UTF-8 or one already.
func (t *BPE) With(texts ...string) (*BPE, error) {
	merges := make([][2]string, len(t.order))
	for i, p := range t.order {
		merges[i] = [2]string{t.tokens[p.left], t.tokens[p.right]}
	}
	tokens, added := slices.Clone(t.tokens), slices.Clone(t.added)
	for _, text := range texts {
		added = append(added, addedToken{id: int32(len(tokens))})
		tokens = append(tokens, text)
	}
	more, err := newBPE(tokens, merges, added, t.ignoreMerges)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: with %d more tokens: %w", len(texts), err)
	}
	more.digits = t.digits
	return more, nil
}

func (t *BPE) addMerge(m [2]string, reserved map[int32]bool) error {
	var ids [3]int32
	for i, tok := range [3]string{m[0], m[1], m[0] + m[1]} {
		id, ok := t.ids[tok]
		if !ok {
			return fmt.Errorf("token %q is not in the vocabulary", tok)
		}
		if reserved[id] {
			return fmt.Errorf("token %q is an added token", tok)
		}
		if _, ok := unspell(tok); !ok || tok == "" {
			return fmt.Errorf("token %q is not spelt in the byte alphabet", tok)
		}
		ids[i] = id
	}
	p := pair{ids[0], ids[1]}
	if prev, ok := t.merges[p]; ok {
		return fmt.Errorf("%q %q is merge %d again", m[0], m[1], prev.rank)
	}
	t.merges[p] = merge{int32(len(t.order)), ids[2]}
	t.order = append(t.order, p)
	return nil
}

// indexWords finds the tokens that their own text is encoded as, which is
// nearly every token. How a word is encoded depends on its bytes alone, so
// Encode can then look common words up: a cache that needs no lock.
func (t *BPE) indexWords(reserved map[int32]bool) {
	t.words = make(map[string]int32, len(t.tokens))
	var m merger
	var buf []int32
	for i, tok := range t.tokens {
		id := int32(i)
		if text := t.text[id]; text != "" && !reserved[id] {
			if _, ok := unspell(tok); !ok {
				continue // no text leads to it
			}
			if buf = m.encode(t, buf[:0], text); t.ignoreMerges || len(buf) == 1 && buf[0] == id {
				t.words[text] = id
			}
		}
	}
}

// Encode returns the tokens of text. Special tokens are never among them:
// where text spells one, that is ordinary text.
func (t *BPE) Encode(text string) []int32 { return t.encode(text, &t.plain) }

// EncodeSpecial is like Encode, but where text spells a special token, that
// token is returned; of several that match at one place, the longest. It is
// meant for prompts and templates that the program wrote itself.
func (t *BPE) EncodeSpecial(text string) []int32 { return t.encode(text, &t.special) }

func (t *BPE) encode(text string, added *matcher) []int32 {
	out := make([]int32, 0, len(text)/4+1)
	var m merger
	word := func(w string) {
		if id, ok := t.words[w]; ok {
			out = append(out, id)
		} else {
			out = m.encode(t, out, w)
		}
	}
	for {
		at, end, id := added.find(text)
		splitWords(text[:at], t.digits, word)
		if at == end {
			return out
		}
		out = append(out, id)
		text = text[end:]
	}
}

// Decode returns the text of ids, special tokens included: it gives back what
// Encode or EncodeSpecial was given, byte for byte. Ids outside the vocabulary
// add nothing. A cut between tokens may fall inside a character, so the text
// of only some of the ids need not be valid UTF-8.
func (t *BPE) Decode(ids []int32) string {
	var sb strings.Builder
	for _, id := range ids {
		if 0 <= id && int(id) < len(t.text) {
			sb.WriteString(t.text[id])
		}
	}
	return sb.String()
}

// Vocab returns the number of tokens, special tokens included.
func (t *BPE) Vocab() int { return len(t.tokens) }

// Token returns the vocabulary's spelling of id, where each byte is written as
// one printable character ("Ġhello" for " hello"); "" if there is no such id.
// Decode gives the text.
func (t *BPE) Token(id int32) string {
	if id < 0 || int(id) >= len(t.tokens) {
		return ""
	}
	return t.tokens[id]
}

// ID returns the token with this spelling, as Token gives it.
func (t *BPE) ID(token string) (id int32, ok bool) {
	id, ok = t.ids[token]
	return id, ok
}

// IsSpecial reports whether id is a special token.
func (t *BPE) IsSpecial(id int32) bool {
	return t.reserved[id]
}
