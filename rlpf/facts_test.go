package rlpf

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/noema-ml/noema/userllm/history"
	"github.com/stretchr/testify/require"
)

// Every fact in every wording reads back as what was written.
func TestWordingsReadBack(t *testing.T) {
	for _, words := range []Words{FilmWords, PlaceWords} {
		l := newLanguage(t, strange(), 600)
		l, err := OpenLanguage(l.Data, words, l.Tok)
		require.NoError(t, err)
		befores := map[string]bool{}
		for f := range numFacts {
			require.NotEmpty(t, l.wordings[f], f)
			for i, w := range l.wordings[f] {
				require.False(t, befores[w.before], w.before)
				befores[w.before] = true
				lists := [][]Tally{{{ID: 1, Count: 3}}, {{ID: 0, Count: 10}, {ID: 2, Count: 2}, {ID: 4, Count: 1}}}
				switch f.form() {
				case decadeForm:
					lists = [][]Tally{{{ID: 1990, Count: 7}}, {{ID: 1950, Count: 1}, {ID: 2000, Count: 0}}}
				case titleForm:
					lists = nil
					for id := range l.Data.Items {
						lists = append(lists, []Tally{{ID: id}}, []Tally{{ID: id}, {ID: (id + 1) % len(l.Data.Items)}, {ID: 0}})
					}
				case numberForm:
					lists = [][]Tally{{{Count: 50}}}
				}
				for _, list := range lists {
					things := make([]thing, len(list))
					for k, tally := range list {
						if !f.counted() && f != NumEvents {
							tally.Count = 0
							list[k] = tally
						}
						things[k] = thing{Tally: tally}
					}
					sentence := l.sentence(Part{Fact: f, Wording: i}, things)
					for _, summary := range []string{sentence, "No Drama. " + sentence, sentence + " No Drama. " + sentence} {
						var got []Tally
						for _, c := range Claims(l, summary) {
							require.True(t, c.Readable, "%q: %q", summary, c.Text)
							if c.Fact == f && !(f == NoGenres && c.ID == 2) {
								got = append(got, c.Tally)
							}
						}
						want := slices.Clone(list)
						for k := range want {
							if f.form() == titleForm {
								want[k].ID = int(l.itemsOf[l.titles[want[k].ID]][0])
							}
						}
						if f == NoGenres {
							want = slices.DeleteFunc(want, func(t Tally) bool { return t.ID == 2 })
						}
						if strings.Count(summary, sentence) == 2 {
							want = append(want, want...)
						}
						require.Equal(t, want, got, summary)
					}
				}
			}
		}
	}
}

// few is a catalogue of five films and a history over it, worked out by hand.
func few(t *testing.T) (*Language, []history.Event) {
	d := &history.Dataset{Name: "few", Genres: []string{"Action", "Comedy", "Drama", "Horror", "War"}, HasRatings: true, Items: []history.Item{
		{ID: 0, Title: "A (1991)", Year: 1991, Genres: []int32{0}},
		{ID: 1, Title: "B (1992)", Year: 1992, Genres: []int32{0, 2}},
		{ID: 2, Title: "C (1985)", Year: 1985, Genres: []int32{1}},
		{ID: 3, Title: "D (1986)", Year: 1986, Genres: []int32{1, 2}},
		{ID: 4, Title: "E", Year: 0, Genres: []int32{4}},
		{ID: 5, Title: "F (1971)", Year: 1971, Genres: []int32{3}},
	}}
	var events []history.Event
	for i := range 12 {
		events = append(events, history.Event{Item: int32(i % 4), Rating: float32(2 + i%4)})
	}
	return newLanguage(t, d, 400), append(events, history.Event{Item: 4, Rating: 1}, history.Event{Item: 4})
}

func TestProfile(t *testing.T) {
	l, events := few(t)
	p := NewProfile(l, events)
	require.Equal(t, []Tally{{0, 6}, {1, 6}, {2, 6}, {4, 2}}, p.Genres)
	require.Equal(t, []Tally{{1980, 6}, {1990, 6}}, p.Decades)
	require.Equal(t, []Tally{{0, 4}, {1, 4}, {2, 4}, {4, 2}}, p.RecentGenres)
	require.Equal(t, []Tally{{1980, 4}, {1990, 4}}, p.RecentDecades)
}

func TestHolds(t *testing.T) {
	l, events := few(t)
	for _, c := range []struct {
		fact  Fact
		right []Tally
		wrong []Tally
	}{
		{MostGenres, []Tally{{ID: 0}, {ID: 2}}, []Tally{{ID: 4}, {ID: 3}}},
		{SomeGenres, []Tally{{ID: 0}, {ID: 4}}, []Tally{{ID: 3}}},
		{RareGenres, []Tally{{ID: 3}}, []Tally{{ID: 4}, {ID: 0}}}, // 2 of 14 is more than a tenth
		{NoGenres, []Tally{{ID: 3}}, []Tally{{ID: 4}}},
		{GenreCounts, []Tally{{0, 6}, {0, 5}, {0, 7}, {4, 1}}, []Tally{{0, 4}, {0, 8}, {4, 0}, {3, 1}}},
		{RecentGenres, []Tally{{ID: 1}}, []Tally{{ID: 4}, {ID: 3}}},
		{MostDecades, []Tally{{ID: 1990}, {ID: 1980}}, []Tally{{ID: 1970}}},
		{DecadeCounts, []Tally{{1990, 6}, {1990, 7}}, []Tally{{1990, 9}, {1970, 1}}},
		{RecentDecades, []Tally{{ID: 1990}}, []Tally{{ID: 2000}}},
		{LastTitles, []Tally{{ID: 4}, {ID: 0}}, []Tally{{ID: 5}}},
		{FirstTitles, []Tally{{ID: 0}}, []Tally{{ID: 5}}},
		{AnyTitles, []Tally{{ID: 3}}, []Tally{{ID: 5}}},
		{BestTitles, []Tally{{ID: 3}, {ID: 2}}, []Tally{{ID: 1}, {ID: 0}, {ID: 4}}}, // 5, 4, 3, 2 three times each, and 1
		{WorstTitles, []Tally{{ID: 4}, {ID: 0}, {ID: 1}}, []Tally{{ID: 2}, {ID: 3}}},
		{NumEvents, []Tally{{Count: 14}}, []Tally{{Count: 13}}},
	} {
		p := NewProfile(l, events)
		for _, tally := range c.right {
			require.True(t, p.Holds(Claim{Fact: c.fact, Tally: tally, Items: []int32{int32(tally.ID)}, Readable: true}), "%v %v", c.fact, tally)
		}
		for _, tally := range c.wrong {
			require.False(t, p.Holds(Claim{Fact: c.fact, Tally: tally, Items: []int32{int32(tally.ID)}, Readable: true}), "%v %v", c.fact, tally)
		}
		require.False(t, p.Holds(Claim{Fact: c.fact, Tally: c.right[0]}))
	}
}

func TestEdges(t *testing.T) {
	l, events := few(t)
	long := slices.Concat([]history.Event{{Item: 5}}, events[:12], events[:3]) // F, A B C D three times, A B C
	for _, c := range []struct {
		summary string
		right   int
	}{
		{"Recently watched F.", 1},
		{"First watched C.", 1},
		{"Began with F.", 1},
	} {
		right, _ := Factuality(l, c.summary, long)
		require.Equal(t, c.right, right, c.summary)
	}
	long = append(long, history.Event{Item: 4})
	right, _ := Factuality(l, "Recently watched F. First watched E.", long)
	require.Zero(t, right)
	right, _ = Factuality(l, "Watched F. Recently watched E.", long)
	require.Equal(t, 2, right)
}

func TestBriefTitles(t *testing.T) {
	d := &history.Dataset{Name: "brief", Items: []history.Item{
		{Title: "Sabrina (1954)", Year: 1954}, {Title: "Sabrina (1995)", Year: 1995},
		{Title: "Life Is Beautiful (La Vita è bella) (1997)", Year: 1997},
		{Title: "Dune"}, {Title: "Dune (1984)", Year: 1984}, {Title: "(1990)", Year: 1990}, {Title: "The Oven (Downtown)"},
	}}
	l := newLanguage(t, d, 400)
	var events []history.Event
	for _, item := range []int32{1, 2, 4, 5, 6} {
		events = append(events, history.Event{Item: item})
	}
	brief := Template{Parts: []Part{{Fact: AnyTitles, Count: 9, Brief: true}}}
	// Dune alone is another item's title.
	want := "Watched Sabrina; Life Is Beautiful; Dune (1984); (1990); The Oven (Downtown)."
	require.Equal(t, want, brief.Write(l, events, rand.NewPCG(1, 1)))
	right, claims := Factuality(l, want, events)
	require.Equal(t, [2]int{5, 5}, [2]int{right, claims})
	require.Equal(t, []int32{0, 1}, Claims(l, want)[0].Items)
	right, claims = Factuality(l, "Watched Sabrina (1954); Sabrina (1995); Dune; Life Is Beautiful (La Vita è bella) (1997).", events)
	require.Equal(t, [2]int{2, 4}, [2]int{right, claims})
}

func TestFactuality(t *testing.T) {
	l, events := few(t)
	for _, c := range []struct {
		summary       string
		right, claims int
	}{
		{"", 0, 0},
		{"Mostly watches Action and Comedy. No Horror.", 3, 3},
		{"Mostly watches Action and Horror. No War.", 1, 3},
		{"Mostly watches Action, Action and Action.", 1, 1},
		{"Mostly watches Actino, Drama. Nice! I think. No Horror.", 2, 4}, // "Actino", "Nice! I think."
		{"Recently watched E; A (1991); Zorro (1998). In all 14 films.", 3, 4},
		{"Recently watched E; A (19", 1, 2},
		{"Recently watched", 0, 1},
		{"Likes Action. Prefers films of the 1990s.", 1, 2}, // the wording is broken
		{"Decades: 1990s 6 and 1980s 12.", 1, 2},
		{"In all many films. In all 99999999999999999999 films.", 0, 2},
		{"Gibberish. Gibberish. More", 0, 2},
	} {
		right, claims := Factuality(l, c.summary, events)
		require.Equal(t, [2]int{c.right, c.claims}, [2]int{right, claims}, c.summary)
	}
}

func TestWrite(t *testing.T) {
	l, events := few(t)
	for _, c := range []struct {
		want  string
		parts []Part
	}{
		{"Mostly watches Action and Comedy. Also watches Drama and War. No Horror.",
			[]Part{{Fact: MostGenres, Count: 2}, {Fact: SomeGenres, Count: 9}, {Fact: RareGenres, Count: 3, Wording: 0}, {Fact: NoGenres, Count: 3, Wording: 1}}},
		{"Genres: Action 6, Comedy 6, Drama 6 and War 2. By decade: 1980s 6.", []Part{{Fact: GenreCounts, Count: 9, Wording: 0}, {Fact: DecadeCounts, Count: 1, Wording: 1}}},
		{"Lately Action. Lately from the 1980s and 1990s. Mostly from the 1980s.", []Part{{Fact: RecentGenres, Count: 1, Wording: 0}, {Fact: RecentDecades, Count: 5, Wording: 0}, {Fact: MostDecades, Count: 1, Wording: 2}}},
		{"Recently watched E; D (1986); C (1985). First watched A (1991); B (1992).", []Part{{Fact: LastTitles, Count: 3, Wording: 4}, {Fact: FirstTitles, Count: 2, Wording: -2}}},
		{"Loved D (1986); C (1985). Disliked E; A (1991). In all 14 films.", []Part{{Fact: BestTitles, Count: 5, Wording: 0}, {Fact: WorstTitles, Count: 2, Wording: 0}, {Fact: NumEvents, Count: 1, Wording: 0}}},
		{"", []Part{{Fact: MostGenres, Count: 0, Wording: 0}}},
	} {
		require.Equal(t, c.want, Template{Parts: c.parts}.Write(l, events, nil))
	}
	require.Empty(t, Template{Parts: []Part{{Fact: MostGenres, Count: 2, Wording: 0}, {Fact: LastTitles, Count: 2, Wording: 0}, {Fact: NumEvents, Count: 1, Wording: 0}, {Fact: BestTitles, Count: 1, Wording: 0}}}.Write(l, nil, nil))

	whole := Template{Parts: []Part{{Fact: LastTitles, Count: 4, Wording: 0}, {Fact: MostGenres, Count: 2, Wording: 0}}}
	for limit := range 40 {
		whole.Limit = limit + 1
		text := whole.Write(l, events, nil)
		require.LessOrEqual(t, len(l.Encode(text)), limit+1)
		require.True(t, text == "" || strings.HasPrefix(text, "Recently watched E") || strings.HasPrefix(text, "Mostly"), text) // the most recent stays longest
	}

	r := rand.NewPCG(1, 2)
	anyTitle := Template{Parts: []Part{{Fact: AnyTitles, Count: 3, Wording: 0}}}
	a, b := anyTitle.Write(l, events, r), anyTitle.Write(l, events, rand.NewPCG(1, 2))
	require.Equal(t, a, b)
}
