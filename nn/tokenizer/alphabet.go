package tokenizer

import "strings"

// GPT-2 writes each byte of a token as one printable character, so that
// vocabularies are plain text: printable Latin-1 characters stand for
// themselves and the other 68 bytes, in order, are U+0100 and on (a space is
// "Ġ", a newline "Ċ"). This is bytes_to_unicode of the GPT-2 release
// (encoder.py).
var (
	byteRune [256]rune       // byte -> character
	runeByte [256 + 68]int16 // character -> byte, -1 where there is none
)

func init() {
	for i := range runeByte {
		runeByte[i] = -1
	}
	next := rune(256)
	for b := range rune(256) {
		c := b
		if !('!' <= b && b <= '~' || 0xA1 <= b && b <= 0xAC || 0xAE <= b) {
			c = next
			next++
		}
		byteRune[b], runeByte[c] = c, int16(b)
	}
}

// spell writes bytes in the alphabet.
func spell(text string) string {
	var sb strings.Builder
	sb.Grow(len(text) + len(text)/4)
	for i := range len(text) {
		sb.WriteRune(byteRune[text[i]])
	}
	return sb.String()
}

// unspell is the inverse of spell; ok is false where token has a character
// outside the alphabet.
func unspell(token string) (text string, ok bool) {
	out := make([]byte, 0, len(token))
	for _, c := range token {
		if int(c) >= len(runeByte) || runeByte[c] < 0 {
			return "", false
		}
		out = append(out, byte(runeByte[c]))
	}
	return string(out), true
}
