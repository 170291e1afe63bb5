package rlpf

import (
	"math"
	"strings"
	"unicode"

	"github.com/noema-ml/noema/userllm/history"
)

// Abstractiveness is the share of a summary's runs of three words that do not
// stand in the history's text (see [Language.Activities]): 0 for a copy, 1 where
// nothing is copied (novel n-grams; See et al. 2017, "Get To The Point", section
// 6.2). Words are compared in lower case. A summary of fewer than three words has
// none: NaN.
func Abstractiveness(l *Language, summary string, events []history.Event) float64 {
	source := map[[3]string]bool{}
	for _, g := range trigrams(l.Activities(events)) {
		source[g] = true
	}
	grams, novel := trigrams(summary), 0
	for _, g := range grams {
		if !source[g] {
			novel++
		}
	}
	return float64(novel) / float64(len(grams))
}

// Repetition is the share of a text's runs of three words that stood in it
// before: 0 if all are different, near 1 for a text that goes round in circles
// (seq-rep-3 of Welleck et al., arXiv 1908.04319). It is 0 for
// fewer than three words.
func Repetition(text string) float64 {
	grams, distinct := trigrams(text), map[[3]string]bool{}
	if len(grams) == 0 {
		return 0
	}
	for _, g := range grams {
		distinct[g] = true
	}
	return 1 - float64(len(distinct))/float64(len(grams))
}

// ReadingEase is Flesch's reading ease, 206.835 − 1.015·words/sentences −
// 84.6·syllables/words (Flesch 1948, "A new readability yardstick"): 90 and more
// is very easy, 60 plain, below 30 very hard; it is not bounded, and names in a
// text weigh as all words do. It is NaN for a text without words.
//
// A sentence ends with ".", "!" or "?" before a blank or the text's end, also
// within a title. A syllable is a run of vowels (y is one); a final e is silent
// unless it is the only vowel or follows a consonant and l; a word has at least
// one syllable, and a number just one.
func ReadingEase(text string) float64 {
	words, syllables := wordsOf(text), 0
	for _, w := range words {
		syllables += syllablesOf(w)
	}
	n := float64(len(words))
	if n == 0 {
		return math.NaN()
	}
	return 206.835 - 1.015*n/float64(sentencesOf(text)) - 84.6*float64(syllables)/n
}

// wordsOf returns runs of letters, digits and apostrophes within, in lower case.
func wordsOf(text string) []string {
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\'' && r != '’'
	}) {
		if w = strings.Trim(w, "'’"); w != "" {
			words = append(words, w)
		}
	}
	return words
}

func trigrams(text string) [][3]string {
	var grams [][3]string
	words := wordsOf(text)
	for i := 2; i < len(words); i++ {
		grams = append(grams, [3]string(words[i-2:i+1]))
	}
	return grams
}

const vowels = "aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿ"

func syllablesOf(word string) int {
	letters := []rune(word)
	vowel := func(i int) bool { return i >= 0 && strings.ContainsRune(vowels, letters[i]) }
	n := 0
	for i := range letters {
		if vowel(i) && !vowel(i-1) {
			n++
		}
	}
	last := len(letters) - 1
	if letters[last] == 'e' && !vowel(last-1) {
		spoken := last >= 2 && letters[last-1] == 'l' && !vowel(last-2)
		if !spoken {
			n--
		}
	}
	return max(n, 1)
}

func sentencesOf(text string) int {
	n, open := 0, false // open: words since the last sentence's end
	for _, field := range strings.Fields(text) {
		open = open || len(wordsOf(field)) > 0
		if open && strings.ContainsAny(field[len(field)-1:], ".!?") {
			n, open = n+1, false
		}
	}
	if open {
		n++
	}
	return max(n, 1)
}
