package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// splitWords cuts text into words, which merges never cross, and calls word
// for each in order. With digits, every number character (Unicode's N) is
// first cut out as a word of its own, as SmolLM has it.
func splitWords(text string, digits bool, word func(string)) {
	for len(text) > 0 {
		part := len(text)
		if digits {
			part = beforeNumber(text)
		}
		for rest := text[:part]; len(rest) > 0; {
			n := gpt2Word(rest)
			word(rest[:n])
			rest = rest[n:]
		}
		if text = text[part:]; len(text) > 0 {
			_, n := classify(text)
			word(text[:n])
			text = text[n:]
		}
	}
}

// beforeNumber returns the length of the longest prefix without a number.
func beforeNumber(text string) int {
	for n := 0; n < len(text); {
		kind, size := classify(text[n:])
		if kind == number {
			return n
		}
		n += size
	}
	return len(text)
}

// gpt2Word returns the length of the first word of text, which is not empty,
// under GPT-2's pattern
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// written by hand, because Go's regexp has no lookahead. A byte that is not
// UTF-8 counts as a symbol (neither space, letter nor number).
func gpt2Word(text string) int {
	if n := contraction(text); n > 0 {
		return n
	}
	kind, size := classify(text)
	if kind == space {
		if text[0] == ' ' && len(text) > 1 {
			if k, _ := classify(text[1:]); k != space {
				return 1 + run(text[1:], k)
			}
		}
		// \s+(?!\S): the last space of a run belongs to the word after it.
		// A run of one is taken whole by \s+.
		n, last := 0, 0
		for n < len(text) && kind == space {
			n, last = n+size, size
			kind, size = classify(text[n:])
		}
		if n < len(text) && n > last {
			n -= last
		}
		return n
	}
	return run(text, kind)
}

// contraction returns the length of the English contraction at the start of
// text, 0 if there is none.
func contraction(text string) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(text) > 2 {
		switch text[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

type class uint8

const (
	symbol class = iota
	space
	letter
	number
)

// run returns the length of the longest prefix of text of one class.
func run(text string, kind class) int {
	n := 0
	for n < len(text) {
		k, size := classify(text[n:])
		if k != kind {
			break
		}
		n += size
	}
	return n
}

// classify returns the class and length of the first character of text;
// size is 0 for empty text.
func classify(text string) (kind class, size int) {
	if text == "" {
		return symbol, 0
	}
	if c := text[0]; c < utf8.RuneSelf {
		return ascii[c], 1
	}
	c, size := utf8.DecodeRuneInString(text)
	switch {
	case unicode.IsLetter(c):
		return letter, size
	case unicode.IsNumber(c):
		return number, size
	case unicode.IsSpace(c):
		return space, size
	}
	return symbol, size
}

var ascii = func() (t [utf8.RuneSelf]class) {
	for c := range t {
		switch r := rune(c); {
		case unicode.IsLetter(r):
			t[c] = letter
		case unicode.IsNumber(r):
			t[c] = number
		case unicode.IsSpace(r):
			t[c] = space
		}
	}
	return t
}()
