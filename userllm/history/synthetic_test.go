package history

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSyntheticShape(t *testing.T) {
	d, truth := SyntheticTruth(SyntheticConfig{})
	require.Len(t, d.Users, 400)
	require.Len(t, d.Items, 300)
	require.Len(t, d.Genres, 8)
	require.True(t, slices.IsSorted(d.Genres))
	require.InDelta(t, 400*70, d.NumEvents(), 400*70*.05)

	form := regexp.MustCompile(`^[A-Z]\w+( of)?( the)? [A-Z]\w+( [A-Z]\w+)?( I[IV]+| IV)? \(\d{4}\)$`)
	titles := map[string]bool{}
	for i, item := range d.Items {
		require.EqualValues(t, i, item.ID)
		require.Regexp(t, form, item.Title)
		require.Equal(t, item.Year, titleYear(item.Title))
		require.Equal(t, item.Title, CleanTitle(item.Title))
		require.False(t, titles[item.Title])
		titles[item.Title] = true
		require.NotEmpty(t, item.Genres)
		require.True(t, slices.IsSorted(item.Genres))
	}
	ratings := map[float32]int{}
	for u := range d.Users {
		seen := map[int32]bool{}
		for i, e := range d.Users[u].Events {
			require.False(t, seen[e.Item])
			seen[e.Item] = true
			ratings[e.Rating]++
			if i > 0 {
				require.Greater(t, e.Time, d.Users[u].Events[i-1].Time)
			}
			if u < 3 {
				var sum, next float64
				for _, p := range truth.Taste(u, i) {
					sum += p
				}
				p := truth.Next(u, i)
				for item, x := range p {
					require.False(t, math.IsNaN(x))
					if seen[int32(item)] && item != int(e.Item) {
						require.Zero(t, x)
					}
					next += x
				}
				require.InDelta(t, 1, sum, 1e-9)
				require.InDelta(t, 1, next, 1e-9)
				require.Positive(t, p[e.Item])
			}
		}
	}
	require.Greater(t, len(ratings), 7)
	for r := range ratings {
		require.True(t, r >= .5 && r <= 5 && r*2 == float32(math.Trunc(float64(r*2))), r)
	}

	// Popularity is skewed: the top tenth has well over a tenth of the events.
	counts := countEvents(&Split{Dataset: d})
	slices.Sort(counts)
	slices.Reverse(counts)
	top := 0
	for _, n := range counts[:30] {
		top += n
	}
	require.Greater(t, float64(top)/float64(d.NumEvents()), .2)
}

func TestSyntheticIsDeterministic(t *testing.T) {
	c := SyntheticConfig{Seed: 3, Users: 20, Items: 60, Events: 12, Genres: 3}
	d := Synthetic(c)
	require.Equal(t, d, Synthetic(c))
	d.Order(9) // times are strict: nothing moves
	require.Equal(t, d, Synthetic(c))
	c.Seed = 4
	require.NotEqual(t, d, Synthetic(c))
}

func TestSyntheticSizes(t *testing.T) {
	for _, c := range []SyntheticConfig{
		{Users: 1, Items: 1, Events: 1, Genres: 1},
		{Users: -1, Items: -1, Events: -1, Genres: -1, Drift: -1},
		{Users: 3, Items: 10, Events: 1000, Genres: 1000, Drift: 9},
		{Users: 3, Items: 2000, Events: 5, Genres: 20},
	} {
		d, truth := SyntheticTruth(c)
		require.NotEmpty(t, d.Users[0].Events)
		require.True(t, slices.IsSorted(d.Genres))
		c = c.withDefaults()
		require.Len(t, d.Items, c.Items)
		require.Len(t, truth.Taste(0, 0), c.Genres)
	}
}

func TestSyntheticDrift(t *testing.T) {
	moved := func(drift float64) (sum float64) {
		d, truth := SyntheticTruth(SyntheticConfig{Users: 50, Drift: drift})
		for u := range d.Users {
			last := len(d.Users[u].Events) - 1
			for g, p := range truth.Taste(u, 0) {
				sum += math.Abs(p-truth.Taste(u, last)[g]) / 50
			}
		}
		return sum
	}
	still, slow, fast := moved(-1), moved(.005), moved(.1)
	require.Zero(t, still)
	require.Greater(t, slow, .1)
	require.Greater(t, fast, slow)
}

// Ratings follow taste, and a title's words tell the genre.
func TestSyntheticSignals(t *testing.T) {
	d, truth := SyntheticTruth(SyntheticConfig{})
	var high, low, nh, nl float64
	for u := range d.Users {
		for i, e := range d.Users[u].Events {
			share := truth.Taste(u, i)[d.Items[e.Item].Genres[0]]
			if e.Rating >= 4.5 {
				high, nh = high+share, nh+1
			} else if e.Rating <= 2.5 {
				low, nl = low+share, nl+1
			}
		}
	}
	require.Greater(t, high/nh, 2*low/nl)

	right := 0
	for _, item := range d.Items {
		votes := make([]int, len(d.Genres))
		for g, w := range ownWords[:len(d.Genres)] {
			for _, word := range strings.Fields(item.Title) {
				if slices.Contains(strings.Fields(w.adjectives+" "+w.nouns), word) {
					votes[g]++
				}
			}
		}
		best := slices.Index(votes, slices.Max(votes))
		if votes[best] > 0 && slices.Contains(item.Genres, int32(best)) {
			right++
		}
	}
	require.Greater(t, right, 300*7/10)
}

// What there is to learn: the last item foretells the next far better than
// popularity does, and the truth better still. Recall@10 among unseen items.
func TestSyntheticCeiling(t *testing.T) {
	d, truth := SyntheticTruth(SyntheticConfig{})
	s := &Split{Dataset: d, Held: 2, MinHistory: 5}
	popular := make([]float64, len(d.Items))
	for i, n := range countEvents(s) {
		popular[i] = float64(n)
	}
	pairs := make([][]float64, len(d.Items))
	for i := range pairs {
		pairs[i] = make([]float64, len(d.Items))
	}
	for u := range d.Users {
		train := s.Train(u)
		for i := 1; i < len(train); i++ {
			pairs[train[i-1].Item][train[i].Item]++
		}
	}
	var n, byPopularity, byPairs, byTruth float64
	for u := range d.Users {
		for _, pos := range s.TestTargets(u) {
			n++
			h := s.History(u, pos)
			byPopularity += hit(popular, h, s.Target(u, pos).Item)
			byPairs += hit(pairs[h[pos-1].Item], h, s.Target(u, pos).Item)
			byTruth += hit(truth.Next(u, pos), h, s.Target(u, pos).Item)
		}
	}
	t.Logf("Recall@10: popularity %.3f, pairs %.3f, truth %.3f", byPopularity/n, byPairs/n, byTruth/n)
	require.Greater(t, byPairs, 2*byPopularity)
	require.Greater(t, byTruth, 1.2*byPairs)
	require.Less(t, byTruth/n, .95)
}

// hit returns 1 if the target is among the 10 unseen items of highest score.
func hit(scores []float64, history []Event, target int32) float64 {
	scores = slices.Clone(scores)
	for _, e := range history {
		scores[e.Item] = math.Inf(-1)
	}
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	if slices.Contains(order[:10], int(target)) {
		return 1
	}
	return 0
}

// countEvents counts the training events of each item.
func countEvents(s *Split) []int {
	counts := make([]int, len(s.Dataset.Items))
	for u := range s.Dataset.Users {
		for _, e := range s.Train(u) {
			counts[e.Item]++
		}
	}
	return counts
}
