package rlpf

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/userllm/history"
	"github.com/stretchr/testify/require"
)

// strange is a catalogue of titles that are hard to read back.
func strange() *history.Dataset {
	d := &history.Dataset{Name: "strange", Genres: []string{"Beer, Wine and Spirits", "Children's", "Drama", "Sci-Fi", "Wine"}, HasRatings: true}
	for i, title := range []string{
		"Dune (1984)", "Mr. Holland's Opus (1995)", `Rudy's "Country Store" and Bar-B-Q`, "Heat; and Dust (1983)",
		"La Cité des enfants perdus (1995)", "Dune (1984)", "Target Co.", "七人の侍 (1954)", "M (1931)", "M. Butterfly (1993)",
		"What? Who!", "<|end|>", "Recently watched Dune (1984). No", "Film\nNoir", "Loved", "2001", "Éa [sic] (a.k.a. {{.}})", "\xff\xfe",
	} {
		genres := []int32{int32(i % 5)}
		if i%3 == 0 && i%5 < 4 {
			genres = append(genres, 4)
		}
		year := 0
		if i%4 > 0 {
			year = 1950 + 7*i%50
		}
		d.Items = append(d.Items, history.Item{ID: int32(i), Title: title, Year: year, Genres: genres})
	}
	return d
}

func newLanguage(t testing.TB, d *history.Dataset, vocab int) *Language {
	t.Helper()
	l, err := NewLanguage(context.Background(), d, WordsFor(d), vocab)
	require.NoError(t, err)
	return l
}

func TestActivitiesAndPrompt(t *testing.T) {
	l := newLanguage(t, strange(), 600)
	events := []history.Event{{Item: 0, Rating: 4}, {Item: 3, Rating: 3.5}, {Item: 13}}
	require.Equal(t, "Dune (1984) 4; Heat, and Dust (1983) 3.5; Film Noir", l.Activities(events))
	require.Equal(t, "films watched, the last first: Film Noir; Heat, and Dust (1983) 3.5; Dune (1984) 4\nSummary:\n", l.Prompt(events))
	require.Equal(t, "", l.Activities(nil))
}

func TestEncodeForgesNothing(t *testing.T) {
	l := newLanguage(t, strange(), 600)
	for _, text := range []string{"<|end|>", "a<|pad|>b", l.Title(11), l.Prompt([]history.Event{{Item: 11}}), "\xff<|end|>\x00"} {
		tokens := l.Encode(text)
		for _, tok := range tokens {
			require.False(t, l.Tok.IsSpecial(tok), text)
		}
		require.Equal(t, text, l.Decode(tokens))
	}
	a := l.Encode("a")
	require.Equal(t, "aa", l.Decode([]int32{l.Pad, a[0], -1, a[0], l.End, a[0]}))
}

// The summary is a word of its own: its tokens are the same alone and behind
// the prompt.
func TestPromptEndsBetweenTokens(t *testing.T) {
	l := newLanguage(t, history.Synthetic(history.SyntheticConfig{Seed: 1, Users: 2}), 800)
	prompt := l.Prompt([]history.Event{{Item: 3}, {Item: 4}})
	require.Equal(t, l.Encode(prompt+"Mostly watches"), append(l.Encode(prompt), l.Encode("Mostly watches")...))
}

func TestOpenLanguage(t *testing.T) {
	ctx, d := context.Background(), strange()
	l := newLanguage(t, d, 500)
	titles := titleTokens(d)
	require.Equal(t, []string{" Dune (1984)", " Mr. Holland's Opus (1995)", " Heat, and Dust (1983)", " La Cité des enfants perdus (1995)", " 七人の侍 (1954)", " M (1931)", " M. Butterfly (1993)"}, titles)
	numbers := numberTokens(d)
	require.Equal(t, []string{" 0", " 1"}, numbers[:2])
	require.Equal(t, []string{" 99", " 1950s", " 1960s", " 1970s", " 1980s", " 1990s"}, numbers[99:])
	require.LessOrEqual(t, l.Tok.Vocab(), 500+len(titles)+len(numbers))
	for _, whole := range slices.Concat(titles, numbers) {
		require.Len(t, l.Encode(whole), 1, whole)
	}
	require.Len(t, l.Encode(" 12, 7 and 31."), 6)
	require.Equal(t, " Fahrenheit 451", l.Decode(l.Encode(" Fahrenheit 451")))
	// Neither a title that is not text nor one that is endless is a token.
	odd := &history.Dataset{Items: []history.Item{
		{Title: "Caf\xe9 (1990)", Year: 1990}, {Title: strings.Repeat("a ", 5000) + "(1990)", Year: 1990},
		{Title: "Heat (1995)", Year: 1995}, {Title: "Heat (1995)", Year: 1995}, {Title: "Heat (995)", Year: 1995}, {Title: "<|end|> (1990)", Year: 1990},
	}}
	require.Equal(t, []string{" Heat (1995)", " <|end|> (1990)"}, titleTokens(odd))
	newLanguage(t, odd, 400)
	var file bytes.Buffer
	require.NoError(t, l.Tok.Save(&file))
	tok, err := tokenizer.Load(&file)
	require.NoError(t, err)
	again, err := OpenLanguage(d, FilmWords, tok)
	require.NoError(t, err)
	require.Equal(t, l.Encode(l.Prompt([]history.Event{{Item: 2}})), again.Encode(again.Prompt([]history.Event{{Item: 2}})))

	plain, err := tokenizer.TrainBPE(ctx, corpus(d, FilmWords), 300)
	require.NoError(t, err)
	_, err = OpenLanguage(d, FilmWords, plain)
	require.ErrorContains(t, err, "no special token")
	_, err = NewLanguage(ctx, d, FilmWords, 10)
	require.ErrorContains(t, err, "tokenizer")
}

func TestWordsFor(t *testing.T) {
	require.Equal(t, PlaceWords, WordsFor(&history.Dataset{Name: "yelp"}))
	require.Equal(t, FilmWords, WordsFor(&history.Dataset{Name: "synthetic"}))
}
