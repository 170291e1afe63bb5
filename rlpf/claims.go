package rlpf

import (
	"strings"

	"github.com/noema-ml/noema/userllm/history"
)

// A Claim is one thing that a summary says.
type Claim struct {
	Fact     Fact
	Tally            // what it is about; for titles the first of Items
	Items    []int32 // that have the title, ascending; nil for what is not a title
	Readable bool    // false: a sentence of no known wording, or a name that the data set does not have
	Text     string  // as it stands in the summary
}

// Claims reads back what a summary says, in the wordings of templates/facts.txt:
// one claim for each thing that a sentence names. A title may lack its year. Of
// two readings of a name the longer one counts. A sentence of another wording is
// one claim that is not readable, and so is every unknown name in a list.
func Claims(l *Language, summary string) []Claim {
	var claims []Claim
	rest := strings.TrimSpace(summary)
	for rest != "" {
		if w, ok := l.opening(rest); ok {
			claims, rest = l.readList(claims, w, rest[len(w.before):])
		} else {
			end := stop(rest)
			claims = append(claims, Claim{Text: rest[:end]})
			rest = rest[end:]
		}
		rest = strings.TrimSpace(rest)
	}
	return claims
}

// opening returns the wording that text begins with, the longest if several fit.
func (l *Language) opening(text string) (best wording, ok bool) {
	for _, ws := range l.wordings {
		for _, w := range ws {
			if len(w.before) > len(best.before) && strings.HasPrefix(text, w.before) {
				best, ok = w, true
			}
		}
	}
	return best, ok
}

// stop returns the end of text's first sentence.
func stop(text string) int {
	if i := strings.Index(text, ". "); i >= 0 {
		return i + 1
	}
	return len(text)
}

// readList adds the claims of the list of a sentence and returns what follows
// the sentence.
func (l *Language) readList(claims []Claim, w wording, text string) ([]Claim, string) {
	for {
		claim, name, ok := l.known(w, text)
		if !ok {
			claim, name = Claim{Fact: w.fact}, l.unknown(w, text)
		}
		claim.Text = text[:name.end]
		claims = append(claims, claim)
		text = text[name.end+name.skip:]
		if name.last {
			return claims, text
		}
	}
}

// A name in a list ends at end; skip bytes lie between it and the next one, or
// what follows the sentence.
type name struct {
	end, skip int
	last      bool
}

// known reads the name of something at the begin of text: the longest one.
func (l *Language) known(w wording, text string) (c Claim, best name, ok bool) {
	for end := 1; end <= min(len(text), l.longest); end++ {
		skip, last, ends := w.next(text[end:])
		if !ends {
			continue
		}
		if heard, found := l.hear(w.fact, text[:end]); found {
			c, best, ok = heard, name{end, skip, last}, true
		}
	}
	return c, best, ok
}

// next reports whether a name can end before text, and if so, how many bytes lie
// between it and the next name, or the next sentence. A text may break off.
func (w wording) next(text string) (skip int, last, ok bool) {
	if text == "" {
		return 0, true, true
	}
	if rest, ok := strings.CutPrefix(text, w.after); ok && (rest == "" || rest[0] == ' ') {
		return len(w.after), true, true
	}
	for _, s := range w.fact.separators() {
		if strings.HasPrefix(text, s) {
			return len(s), false, true
		}
	}
	return 0, false, false
}

// unknown returns where a name that is not known ends: at the first separator,
// or where a sentence of a known wording begins, or with the text.
func (l *Language) unknown(w wording, text string) name {
	for end := range len(text) {
		skip, last, ok := w.next(text[end:])
		if !ok && strings.HasPrefix(text[end:], ". ") {
			skip, last, ok = 1, true, true
		}
		if !ok {
			continue
		}
		if last {
			rest := strings.TrimSpace(text[end+skip:])
			if _, begins := l.opening(rest); rest != "" && !begins {
				continue
			}
		}
		return name{end, skip, last}
	}
	return name{len(text), 0, true}
}

// Factuality checks every claim of a summary against the history (see
// [Profile.Holds]) and returns how many are right, of how many. A claim that is
// made again counts once; one that is not readable is not right. Without claims
// both are 0.
func Factuality(l *Language, summary string, events []history.Event) (right, claims int) {
	p := NewProfile(l, events)
	type said struct {
		fact  Fact
		tally Tally
		text  string // of what is not readable
	}
	seen := map[said]bool{}
	for _, c := range Claims(l, summary) {
		key := said{fact: c.Fact, tally: c.Tally}
		if !c.Readable {
			key.text = c.Text
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		claims++
		if p.Holds(c) {
			right++
		}
	}
	return right, claims
}
