package metric

import (
	"strings"
)

// Overlap is what a text shares with its reference.
type Overlap struct {
	Precision float64 // of the candidate's words
	Recall    float64 // of the reference's words
	F1        float64 // harmonic mean
}

// RougeL is ROUGE-L: the longest common subsequence of words of candidate and
// reference, over each one's length (Lin 2004, "ROUGE: A Package for Automatic
// Evaluation of Summaries", section 3.1). Words are runs of ASCII letters and
// digits in lower case, without stemming, as in Google's rouge_score package;
// other scripts have no words here. If either text has none, all is 0. Time
// and memory are the product of the lengths.
func RougeL(candidate, reference string) Overlap {
	c, r := words(candidate), words(reference)
	hits := 0
	lcs(r, c, func(int) { hits++ })
	return overlap(hits, len(c), len(r))
}

// RougeLsum is ROUGE-L of summaries: texts are split into sentences at
// newlines, and each sentence of the reference is matched with all sentences
// of the candidate, taking the union of the common subsequences, where no word
// counts more often than it occurs in either text (Lin 2004, section 3.2).
// Words and empty texts are as in RougeL.
func RougeLsum(candidate, reference string) Overlap {
	cand, ref := sentences(candidate), sentences(reference)
	inCand, nCand := count(cand)
	inRef, nRef := count(ref)
	hits := 0
	for _, r := range ref {
		common := make([]bool, len(r))
		for _, c := range cand {
			lcs(r, c, func(i int) { common[i] = true })
		}
		for i, w := range r {
			if common[i] && inCand[w] > 0 && inRef[w] > 0 {
				hits++
				inCand[w]--
				inRef[w]--
			}
		}
	}
	return overlap(hits, nCand, nRef)
}

func overlap(hits, candidate, reference int) Overlap {
	if hits == 0 {
		return Overlap{}
	}
	p, r := float64(hits)/float64(candidate), float64(hits)/float64(reference)
	return Overlap{p, r, 2 * p * r / (p + r)}
}

// words returns the runs of ASCII letters and digits, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return !('a' <= c && c <= 'z' || '0' <= c && c <= '9')
	})
}

func sentences(text string) [][]string {
	var out [][]string
	for line := range strings.SplitSeq(text, "\n") {
		out = append(out, words(line))
	}
	return out
}

func count(sentences [][]string) (times map[string]int, n int) {
	times = map[string]int{}
	for _, s := range sentences {
		n += len(s)
		for _, w := range s {
			times[w]++
		}
	}
	return times, n
}

// lcs calls found with the indices of a, from the last, that are in the longest
// common subsequence of a and b. Of several such subsequences it is the one
// that rouge_score finds: its choice shows in unions.
func lcs(a, b []string, found func(i int)) {
	cols := len(b) + 1
	length := make([]int32, (len(a)+1)*cols) // of the prefixes a[:i], b[:j]
	for i := range a {
		for j := range b {
			if a[i] == b[j] {
				length[(i+1)*cols+j+1] = length[i*cols+j] + 1
			} else {
				length[(i+1)*cols+j+1] = max(length[i*cols+j+1], length[(i+1)*cols+j])
			}
		}
	}
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			i--
			j--
			found(i)
		case length[i*cols+j-1] > length[(i-1)*cols+j]:
			j--
		default:
			i--
		}
	}
}
