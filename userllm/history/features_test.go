package history

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeatures(t *testing.T) {
	d := &Dataset{
		Items:  []Item{{Genres: []int32{1}}, {Genres: []int32{0, 2}}, {}},
		Genres: []string{"a", "b", "c"},
	}
	f := NewFeatures(d)
	require.Equal(t, []int{4, 11, 32, 4, 2}, []int{f.NumItems, f.NumRatings, f.NumGaps, f.NumGenres, f.MaxGenres})
	require.Equal(t, []int32{1, 0, 2}, append([]int32{1}, d.Items[1].Genres...), "the data set is left alone")

	events := []Event{{0, 4.5, 100}, {1, 0, 100}, {2, 1, 104}}
	require.Equal(t, Encoded{
		Len:     3,
		Items:   []int32{1, 2, 3, 0},
		Ratings: []int32{9, 0, 2, 0},
		Gaps:    []int32{0, 1, 4, 0},
		Genres:  []int32{2, 0, 1, 3, 0, 0, 0, 0},
	}, f.Encode(events, 4))
	require.Equal(t, Encoded{
		Len: 2, Items: []int32{2, 3}, Ratings: []int32{0, 2}, Gaps: []int32{0, 4}, Genres: []int32{1, 3, 0, 0},
	}, f.Encode(events, 2))
	require.Equal(t, 0, f.Encode(nil, 1).Len)
	require.Equal(t, 1, NewFeatures(&Dataset{}).MaxGenres)
}

func TestBuckets(t *testing.T) {
	f := NewFeatures(&Dataset{})
	for rating, want := range map[float32]int32{
		0: 0, 0.1: 1, 0.5: 1, 1: 2, 3.4: 7, 5: 10, 9: 10, -2: 0,
		float32(math.NaN()): 0, float32(math.Inf(1)): 10,
	} {
		require.Equal(t, want, f.Rating(Event{Rating: rating}), rating)
	}
	gap := func(prev, now int64) int32 { return f.Gap(Event{Time: prev}, Event{Time: now}) }
	for after, want := range map[int64]int32{0: 1, 1: 2, 2: 3, 3: 3, 4: 4, 1 << 28: 30, 1 << 29: 31, 1 << 50: 31, -4: 1} {
		require.Equal(t, want, gap(1000, 1000+after), after)
	}
	require.Zero(t, gap(0, 5))
	require.Zero(t, gap(5, 0))
	require.EqualValues(t, numGaps-1, gap(math.MinInt64, math.MaxInt64))
	require.EqualValues(t, 1, gap(math.MaxInt64, math.MinInt64))
}

func TestFavGenres(t *testing.T) {
	d := &Dataset{
		Items:  []Item{{Genres: []int32{1}}, {Genres: []int32{0, 2}}, {Genres: []int32{2}}, {}},
		Genres: []string{"a", "b", "c"},
	}
	events := func(items ...int32) (e []Event) {
		for _, i := range items {
			e = append(e, Event{Item: i})
		}
		return e
	}
	require.Equal(t, []int32{1}, d.FavGenres(events(0)))
	require.Equal(t, []int32{0, 2}, d.FavGenres(events(1)))
	require.Equal(t, []int32{2}, d.FavGenres(events(0, 1, 2, 3)))
	require.Equal(t, []int32{1, 2}, d.FavGenres(events(0, 0, 1, 2)))
	require.Empty(t, d.FavGenres(events(3)))
	require.Empty(t, d.FavGenres(nil))
	require.Empty(t, (&Dataset{Items: make([]Item, 1)}).FavGenres(events(0)))
}
