package rlpf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"
)

// Fact is a kind of thing that a summary can say of a history.
type Fact uint8

// The facts, each with the rule by which what a summary says of it is right (see
// [Profile.Holds]). A genre's rank is the number of genres that are more
// frequent; an event counts once for each genre of its item. "Recent" is of the
// last 10 events.
const (
	MostGenres    Fact = iota // a genre among the three most frequent (rank below 3)
	SomeGenres                // a genre of at least a tenth of the events
	RareGenres                // a genre of at most a tenth of the events
	NoGenres                  // a genre of no event
	GenreCounts               // how many events have a genre, to within 1 or a twentieth of all
	RecentGenres              // a genre among the three most frequent of the recent events
	MostDecades               // a decade of release among the two most frequent
	DecadeCounts              // how many events are of a decade, to within 1 or a twentieth of all
	RecentDecades             // a decade among the two most frequent of the recent events
	LastTitles                // a title among the last 16 events
	FirstTitles               // a title among the first 16 events
	AnyTitles                 // a title of any event
	BestTitles                // rated above the lowest, and below fewer than 5 or a fifth of the rated events
	WorstTitles               // rated below the highest, and above fewer than 5 or a fifth of the rated events
	NumEvents                 // the number of events
	numFacts
)

var factNames = [numFacts]string{
	"most_genres", "some_genres", "rare_genres", "no_genres", "genre_counts", "recent_genres",
	"most_decades", "decade_counts", "recent_decades",
	"last_titles", "first_titles", "any_titles", "best_titles", "worst_titles", "num_events",
}

// String returns the fact's name in templates/facts.txt.
func (f Fact) String() string {
	if f >= numFacts {
		return fmt.Sprintf("Fact(%d)", uint8(f))
	}
	return factNames[f]
}

// A form is what a fact's list consists of.
type form uint8

const (
	genreForm form = iota
	decadeForm
	titleForm
	numberForm
)

func (f Fact) form() form {
	switch f {
	case MostDecades, DecadeCounts, RecentDecades:
		return decadeForm
	case LastTitles, FirstTitles, AnyTitles, BestTitles, WorstTitles:
		return titleForm
	case NumEvents:
		return numberForm
	}
	return genreForm
}

// counted reports whether each thing in the list has a number behind it.
func (f Fact) counted() bool { return f == GenreCounts || f == DecadeCounts }

// A Tally is one thing that a fact is about.
type Tally struct {
	ID    int // a genre, a decade (1990) or an item; 0 for NumEvents
	Count int // of events, where the fact is a number
}

// say returns t as it stands in fact f's list; a title without its year if brief.
func (l *Language) say(f Fact, t Tally, brief bool) string {
	var s string
	switch f.form() {
	case genreForm:
		s = l.genres[t.ID]
	case decadeForm:
		s = strconv.Itoa(t.ID) + "s"
	case titleForm:
		if brief {
			return l.names[t.ID]
		}
		return l.titles[t.ID]
	case numberForm:
		return strconv.Itoa(t.Count)
	}
	if f.counted() {
		s += " " + strconv.Itoa(t.Count)
	}
	return s
}

// hear is the reverse of say: what is claimed by s in fact f's list.
func (l *Language) hear(f Fact, s string) (c Claim, ok bool) {
	c = Claim{Fact: f, Readable: true}
	if f.form() == titleForm {
		if c.Items, ok = l.itemsOf[s]; ok {
			c.ID = int(c.Items[0])
		}
		return c, ok
	}
	if f.form() == numberForm {
		c.Count, ok = number(s)
		return c, ok
	}
	if f.counted() {
		at := strings.LastIndexByte(s, ' ')
		if at < 0 {
			return c, false
		}
		if c.Count, ok = number(s[at+1:]); !ok {
			return c, false
		}
		s = s[:at]
	}
	if f.form() == decadeForm {
		digits, plural := strings.CutSuffix(s, "s")
		c.ID, ok = number(digits)
		return c, ok && plural && len(digits) == 4 && c.ID%10 == 0
	}
	c.ID, ok = l.genreAt[s]
	return c, ok
}

// number reads a number as say writes it.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == s
}

// A wording is a sentence with a list in it.
type wording struct {
	fact          Fact
	before, after string // the list; before is not empty
}

// list returns the sentence with the list.
func (w wording) list(things []string) string {
	var b strings.Builder
	b.WriteString(w.before)
	for i, s := range things {
		switch {
		case i == 0:
		case w.fact.form() == titleForm:
			b.WriteString("; ")
		case i == len(things)-1:
			b.WriteString(w.fact.separators()[1])
		default:
			b.WriteString(", ")
		}
		b.WriteString(s)
	}
	b.WriteString(w.after)
	return b.String()
}

// separators are what stands between the things of a list, and before the last.
func (f Fact) separators() []string {
	switch f.form() {
	case titleForm:
		return []string{"; "}
	case numberForm:
		return nil
	}
	if f == NoGenres || f == RareGenres {
		return []string{", ", " or "}
	}
	return []string{", ", " and "}
}

// capital returns s with a capital first letter.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

// readWordings reads lines "fact: sentence", each sentence a text/template over
// Words and List, and returns the sentences of each fact.
func readWordings(text string, words Words) (all [numFacts][]wording, err error) {
	const hole = "\x00"
	for line := range strings.Lines(text) {
		name, sentence, _ := strings.Cut(strings.TrimSpace(line), ": ")
		f := slices.Index(factNames[:], name)
		if f < 0 {
			return all, fmt.Errorf("facts.txt: no fact %q", name)
		}
		t, err := template.New(name).Funcs(template.FuncMap{"cap": capital}).Parse(sentence)
		if err != nil {
			return all, fmt.Errorf("facts.txt: %w", err)
		}
		before, after, ok := strings.Cut(fill(t, struct {
			Words
			List string
		}{words, hole}), hole)
		if !ok || before == "" || !strings.HasSuffix(after, ".") {
			return all, fmt.Errorf("facts.txt: %q lacks words, a list or a full stop", sentence)
		}
		all[f] = append(all[f], wording{Fact(f), before, after})
	}
	return all, nil
}
