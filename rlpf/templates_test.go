package rlpf

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/noema-ml/noema/userllm/history"
	"github.com/stretchr/testify/require"
)

// honest checks that what templates write of events reads back and holds, and
// returns how many tokens the random ones wrote.
func honest(t *testing.T, l *Language, events []history.Event, r *rand.PCG, random int) (lengths []int) {
	t.Helper()
	fixed := Templates()
	for i, template := range append(fixed, make([]Template, random)...) {
		if template.Limit = 20 + 5*i; template.Parts == nil {
			template = RandomTemplate(r)
		}
		summary := template.Write(l, events, r)
		right, claims := Factuality(l, summary, events)
		require.Equal(t, claims, right, "%s\n%s", summary, l.Activities(events))
		n := len(l.Encode(summary))
		require.LessOrEqual(t, n, template.Limit)
		if i >= len(fixed) {
			lengths = append(lengths, n)
		}
	}
	return lengths
}

func TestTemplatesAreHonest(t *testing.T) {
	r := rand.NewPCG(1, 1)
	l := newLanguage(t, strange(), 700)
	g := rand.New(r)
	for range 50 {
		var events []history.Event
		for range g.IntN(30) {
			events = append(events, history.Event{Item: int32(g.IntN(len(l.Data.Items))), Rating: float32(g.IntN(11)) / 2})
		}
		honest(t, l, events, r, 20)
	}
	d := history.Synthetic(history.SyntheticConfig{Seed: 1, Users: 20})
	l = newLanguage(t, d, 800)
	for _, u := range d.Users {
		lengths := honest(t, l, u.Events[:50], r, 20)
		require.Positive(t, slices.Min(lengths))
	}
}

// Brief templates tell of genres and of as many last titles as they are told to, in
// any order.
func TestBriefTemplate(t *testing.T) {
	a, b := rand.New(rand.NewPCG(3, 1)), rand.New(rand.NewPCG(3, 1))
	told := map[Fact]int{} // at the begin
	for i := range 1000 {
		x := briefTemplate(a, i%5)
		require.Equal(t, x, briefTemplate(b, i%5))
		n := 0
		for _, p := range x.Parts {
			require.Contains(t, []Fact{MostGenres, GenreCounts, LastTitles}, p.Fact)
			if p.Fact == LastTitles {
				n += p.Count
			}
		}
		require.Equal(t, i%5, n)
		told[x.Parts[0].Fact]++
		few := lastFew(a)
		require.Equal(t, few, lastFew(b))
		require.Len(t, few.Parts, 1)
		require.Equal(t, LastTitles, few.Parts[0].Fact)
		require.True(t, 1 <= few.Parts[0].Count && few.Parts[0].Count <= 4)
	}
	for _, f := range []Fact{MostGenres, GenreCounts, LastTitles} {
		require.Greater(t, told[f], 100, f)
	}
	require.Greater(t, told[GenreCounts], 2*told[MostGenres])
}

func TestRandomTemplate(t *testing.T) {
	a, b := rand.NewPCG(3, 1), rand.NewPCG(3, 1)
	told := map[Fact]int{}
	for range 2000 {
		x := RandomTemplate(a)
		require.Equal(t, x, RandomTemplate(b))
		require.True(t, 20 <= x.Limit && x.Limit <= 80)
		require.True(t, 1 <= len(x.Parts) && len(x.Parts) <= 5)
		for _, p := range x.Parts {
			told[p.Fact]++
			require.Positive(t, p.Count)
		}
	}
	for f := range numFacts {
		require.Greater(t, told[f], 150, f)
	}
}

// realData returns a data set in $NOEMA_DATA, or skips the test.
func realData(t *testing.T, folder, name string) *history.Dataset {
	t.Helper()
	root := os.Getenv("NOEMA_DATA")
	if root == "" {
		t.Skip("NOEMA_DATA is not set")
	}
	dir := filepath.Join(root, folder)
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	d, err := history.Open(dir, name)
	require.NoError(t, err)
	return d
}

func TestTemplatesOnRealData(t *testing.T) {
	for _, c := range []struct {
		folder, name string
		least        int
	}{
		{"movielens-1m", "ml-1m", 50}, {"movielens-latest-small", "ml-latest-small", 50}, {"yelp-2019-sequences", "yelp", 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := realData(t, c.folder, c.name)
			l := newLanguage(t, d, 4096)
			r := rand.NewPCG(1, 1)
			g := rand.New(r)
			var prompts, summaries []int
			shown := 0
			for len(prompts) < 40 {
				events := d.Users[g.IntN(len(d.Users))].Events
				if len(events) < c.least {
					continue
				}
				events = events[:min(50, len(events))]
				prompts = append(prompts, len(l.Encode(l.Prompt(events))))
				summaries = append(summaries, honest(t, l, events, r, 10)...)
				if shown++; shown <= 5 {
					t.Log(RandomTemplate(r).Write(l, events, r))
				}
			}
			quantiles := func(x []int) []int {
				slices.Sort(x)
				return []int{x[0], x[len(x)/10], x[len(x)/2], x[len(x)*9/10], x[len(x)-1]}
			}
			t.Logf("tokens (least, 10 %%, median, 90 %%, most): prompts %v, summaries %v", quantiles(prompts), quantiles(summaries))
		})
	}
}

func FuzzClaims(f *testing.F) {
	l := newLanguage(f, strange(), 500)
	events := []history.Event{{Item: 0, Rating: 3}, {Item: 9, Rating: 5}, {Item: 6}}
	for _, t := range Templates() {
		f.Add(t.Write(l, events, rand.NewPCG(1, 1)))
	}
	for _, s := range []string{"", ".", ". .", "Mostly watches ", "Recently watched ; ; .", "No , and , .", "Decades: 1990s -1.", "In all 50 films", "\xff. \x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, summary string) {
		right, claims := Factuality(l, summary, events)
		require.True(t, 0 <= right && right <= claims)
		for _, c := range Claims(l, summary) {
			require.Contains(t, summary, c.Text)
		}
	})
}

// A policy learns to write short lists, and all else as random templates do.
func TestWarmTemplate(t *testing.T) {
	lengths := map[int]int{}
	for seed := range uint64(200) {
		warm, random := warmTemplate(rand.NewPCG(seed, 1)), RandomTemplate(rand.NewPCG(seed, 1))
		require.Len(t, warm.Parts, len(random.Parts))
		for i, p := range warm.Parts {
			if p.Fact.form() == titleForm {
				lengths[p.Count]++
				p.Count = random.Parts[i].Count
			}
			require.Equal(t, random.Parts[i], p)
		}
	}
	require.Len(t, lengths, fewTitles)
	require.Positive(t, lengths[1])
	require.Positive(t, lengths[fewTitles])
}
