package rlpf

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/userllm/history"
)

// templates are text/template files over Words. All of them are read by the
// tokenizer's training, so that their words are whole tokens.
//
//go:embed templates/*.txt
var templates embed.FS

// The special tokens of a Language.
const (
	EndToken = "<|end|>" // ends a text
	PadToken = "<|pad|>" // fills rows of unequal length; never predicted
)

// Language is what is said about a data set and how it becomes tokens. It is
// read-only and may be used by several goroutines.
type Language struct {
	Data  *history.Dataset // the items and genres; users are read by a Predictor's training alone
	Words Words
	Tok   *tokenizer.BPE
	End   int32 // EndToken
	Pad   int32 // PadToken

	titles   []string           // of each item, as written
	names    []string           // of each item: the title without its year and what else is in brackets
	itemsOf  map[string][]int32 // with each title, and with each name that is no title, ascending
	genres   []string           // of Data, as written
	genreAt  map[string]int     // each genre's index
	common   []int              // genres, those of most items first
	longest  int                // no name in a list has more bytes
	prompt   *template.Template
	wordings [numFacts][]wording
}

// NewLanguage trains a byte-level BPE of at most vocab tokens on the titles and
// genres of d and the texts of the templates, and returns the language with it. Titles
// that end in their year are tokens of their own beside these: a small model would
// spend most of its layers on putting them together, and most of its time on spelling
// them. So are small numbers and decades, which it would have to read digit by digit. It
// reads no user's events.
func NewLanguage(ctx context.Context, d *history.Dataset, w Words, vocab int) (*Language, error) {
	tok, err := tokenizer.TrainBPE(ctx, corpus(d, w), vocab, EndToken, PadToken)
	if err != nil {
		return nil, fmt.Errorf("rlpf: tokenizer: %w", err)
	}
	if tok, err = tok.With(append(titleTokens(d), numberTokens(d)...)...); err != nil {
		return nil, fmt.Errorf("rlpf: %w", err)
	}
	return OpenLanguage(d, w, tok)
}

// mostNumber is the greatest number that is a token. Of a greater one the first two
// digits are.
const mostNumber = 99

// numberTokens returns the numbers up to mostNumber, as counts are, and the decades of
// the catalogue, with the space before them.
func numberTokens(d *history.Dataset) []string {
	var numbers []string
	for n := range mostNumber + 1 {
		numbers = append(numbers, " "+strconv.Itoa(n))
	}
	decades := map[int]bool{}
	for _, item := range d.Items {
		if item.Year > 0 {
			decades[item.Year/10*10] = true
		}
	}
	for _, decade := range slices.Sorted(maps.Keys(decades)) {
		numbers = append(numbers, fmt.Sprintf(" %ds", decade))
	}
	return numbers
}

// Titles that are tokens: how many at most, the first ones of the catalogue, and of how
// many bytes, as the time to find one in a text is up to the longest one's length for
// every byte.
const (
	mostTitles   = 8192
	longestTitle = 128
)

var endsInYear = regexp.MustCompile(`\(\d{4}\)$`)

// titleTokens returns the titles that are tokens of their own, with the space before
// them, without which no title stands in a text. They end in their year, and so are not
// the begin of other words.
func titleTokens(d *history.Dataset) []string {
	var titles []string
	seen := map[string]bool{}
	for i := range d.Items {
		t := " " + written(d.Items[i].Title)
		if endsInYear.MatchString(t) && len(t) <= longestTitle && utf8.ValidString(t) && !seen[t] {
			seen[t] = true
			titles = append(titles, t)
		}
	}
	return titles[:min(len(titles), mostTitles)]
}

// OpenLanguage returns the language with a tokenizer of NewLanguage's, such as
// one that was saved. It returns an error if tok lacks the special tokens.
func OpenLanguage(d *history.Dataset, w Words, tok *tokenizer.BPE) (*Language, error) {
	l := &Language{Data: d, Words: w, Tok: tok}
	for name, id := range map[string]*int32{EndToken: &l.End, PadToken: &l.Pad} {
		var ok bool
		if *id, ok = tok.ID(name); !ok || !tok.IsSpecial(*id) {
			return nil, fmt.Errorf("rlpf: the tokenizer has no special token %s", name)
		}
	}
	l.index()
	var err error
	if l.prompt, err = template.ParseFS(templates, "templates/prompt.txt"); err != nil {
		return nil, fmt.Errorf("rlpf: %w", err)
	}
	facts, err := templates.ReadFile("templates/facts.txt")
	if err != nil {
		return nil, fmt.Errorf("rlpf: %w", err)
	}
	if l.wordings, err = readWordings(string(facts), w); err != nil {
		return nil, fmt.Errorf("rlpf: %w", err)
	}
	return l, nil
}

// index indexes the titles and genres as they are written.
func (l *Language) index() {
	l.itemsOf, l.genreAt = map[string][]int32{}, map[string]int{}
	for g, name := range l.Data.Genres {
		name = written(name)
		l.genres = append(l.genres, name)
		if _, ok := l.genreAt[name]; !ok {
			l.genreAt[name] = g
		}
		l.common = append(l.common, g)
		l.longest = max(l.longest, len(name))
	}
	items := make([]int, len(l.genres)) // of each genre
	for i := range l.Data.Items {
		t := written(l.Data.Items[i].Title)
		l.titles = append(l.titles, t)
		l.itemsOf[t] = append(l.itemsOf[t], int32(i))
		l.longest = max(l.longest, len(t))
		l.names = append(l.names, t)
		if l.Data.Items[i].Year > 0 {
			l.names[i] = short(t)
		}
		for _, g := range l.Data.Items[i].Genres {
			items[g]++
		}
	}
	named := map[string][]int32{}
	for i, name := range l.names {
		if _, title := l.itemsOf[name]; title {
			l.names[i] = l.titles[i] // another item's title
		} else {
			named[name] = append(named[name], int32(i))
		}
	}
	maps.Copy(l.itemsOf, named)
	slices.SortStableFunc(l.common, func(a, b int) int { return cmp.Compare(items[b], items[a]) })
	l.longest += len(" 9223372036854775807")
}

// written returns a name as it stands in texts: on one line, and without the
// semicolon that separates titles.
func written(title string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(title), " "), ";", ",")
}

// short returns a title without what stands in brackets at its end: the year,
// and often the title in another language.
func short(title string) string {
	for strings.HasSuffix(title, ")") {
		at := strings.LastIndex(title, " (")
		if at <= 0 {
			break
		}
		title = title[:at]
	}
	return title
}

// Title returns the title of an item as it stands in every text: the catalogue's,
// with commas for semicolons, since "; " separates titles. Items may share one.
func (l *Language) Title(item int32) string { return l.titles[item] }

// Encode returns the tokens of text. None of them is special, whatever the text
// says.
func (l *Language) Encode(text string) []int32 { return l.Tok.Encode(text) }

// Decode returns the text of tokens up to the first EndToken. Special tokens are
// no text.
func (l *Language) Decode(tokens []int32) string {
	text := make([]int32, 0, len(tokens))
	for _, t := range tokens {
		if t == l.End {
			break
		}
		if !l.Tok.IsSpecial(t) {
			text = append(text, t)
		}
	}
	return l.Tok.Decode(text)
}

// Activities returns the events as text, oldest first, each with its rating if
// it has one: "Dune (1984) 4; Heat (1995) 4.5".
func (l *Language) Activities(events []history.Event) string {
	var b strings.Builder
	for i, e := range events {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(l.titles[e.Item])
		if e.Rating > 0 {
			b.WriteByte(' ')
			b.WriteString(strconv.FormatFloat(float64(e.Rating), 'f', -1, 32))
		}
	}
	return b.String()
}

// Prompt returns what the summariser continues: the file templates/prompt.txt
// with the activities in it, the last one first, as what stands at the begin of all
// texts is what a small model learns to find there. It ends where the summary begins.
func (l *Language) Prompt(events []history.Event) string {
	events = slices.Clone(events)
	slices.Reverse(events)
	return fill(l.prompt, struct {
		Words
		Activities string
	}{l.Words, l.Activities(events)})
}

// fill executes one of the package's own templates, which tests execute too.
func fill(t *template.Template, data any) string {
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		panic(fmt.Sprintf("rlpf: template %s: %v", t.Name(), err))
	}
	return b.String()
}

var actions = regexp.MustCompile(`{{.*?}}`)

// wordRepeats is how often the tokenizer's training reads the templates for each
// time that it reads the catalogue: texts use their words again and again.
const wordRepeats = 50

// corpus yields the texts that the tokenizer is trained on: titles as they stand
// in a list, genres, decades, and the words around them.
func corpus(d *history.Dataset, w Words) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range d.Items {
			item := &d.Items[i]
			text := " " + written(item.Title) + ";"
			for _, g := range item.Genres {
				text += " " + written(d.Genres[g]) + ","
			}
			if item.Year > 0 {
				text += fmt.Sprintf(" %ds", item.Year/10*10)
			}
			if !yield(text) {
				return
			}
		}
		words := fmt.Sprint(w) + " and or"
		err := fs.WalkDir(templates, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			file, err := templates.ReadFile(path)
			text := actions.ReplaceAllString(string(file), "")
			// Its sentences stand within a text or at the begin of one.
			words += "\n" + text + "\n" + strings.ReplaceAll(text, ": ", ":\n")
			return err
		})
		if err != nil {
			panic(err) // an embedded file can be read
		}
		for range wordRepeats {
			if !yield(words) {
				return
			}
		}
	}
}
