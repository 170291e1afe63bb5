package history

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// realData returns a folder of the data in $NOEMA_DATA, or skips the test.
func realData(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("NOEMA_DATA")
	if root == "" {
		t.Skip("NOEMA_DATA is not set")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skip(err)
	}
	return dir
}

func open(t *testing.T, dir, name string) *Dataset {
	t.Helper()
	found, err := Detect(dir)
	require.NoError(t, err)
	require.Equal(t, name, found)
	d, err := Open(dir, name)
	require.NoError(t, err)
	for _, item := range d.Items {
		require.NotRegexp(t, `, (The|A|An|La|Le|Les|El|Il|Der|Das)( ?[()]|$)`, item.Title)
	}
	for _, u := range d.Users {
		require.NotEmpty(t, u.Events)
		require.True(t, slices.IsSortedFunc(u.Events, func(a, b Event) int { return int(a.Time - b.Time) }))
	}
	return d
}

func titleOf(d *Dataset, key string) string {
	for _, item := range d.Items {
		if item.Key == key {
			return item.Title
		}
	}
	return ""
}

func TestRealLatestSmall(t *testing.T) {
	d := open(t, realData(t, "movielens-latest-small"), "ml-latest-small")
	require.Len(t, d.Users, 610)
	require.Len(t, d.Items, 9724)
	require.Len(t, d.Genres, 19)
	require.Equal(t, 100836, d.NumEvents())
	require.True(t, d.HasRatings && d.HasTimes)
	require.Equal(t, "The Matrix (1999)", titleOf(d, "2571"))
	years := 0
	for _, item := range d.Items {
		if item.Year > 0 {
			years++
		}
	}
	require.Greater(t, years, 9700)

	// The order of ties does not ascend by identifier.
	var ties, up float64
	for _, u := range d.Users {
		for i := 1; i < len(u.Events); i++ {
			if a, b := u.Events[i-1], u.Events[i]; a.Time == b.Time {
				ties++
				if a.Item < b.Item {
					up++
				}
			}
		}
	}
	require.InDelta(t, .5, up/ties, .02)
}

func TestReal1M(t *testing.T) {
	dir := realData(t, "movielens-1m")
	d := open(t, dir, "ml-1m")
	require.Len(t, d.Users, 6040)
	require.Len(t, d.Items, 3416)
	require.Len(t, d.Genres, 18)
	require.Equal(t, 987019+2*512+6040, d.NumEvents())
	require.False(t, d.HasRatings || d.HasTimes)
	require.Equal(t, "The Matrix (1999)", titleOf(d, "2571"))
	require.Equal(t, "Life Is Beautiful (La Vita è bella) (1997)", titleOf(d, "2324"))
	// SASRec's user 1 has 77 items to train on and the test item.
	for _, u := range d.Users {
		if u.Key == "5988" {
			require.Len(t, u.Events, 78)
			require.Equal(t, "1198", d.Items[u.Events[0].Item].Key)
		}
	}

	people, err := People(dir, d)
	require.NoError(t, err)
	men := 0
	for _, p := range people {
		if p.Gender == "M" {
			men++
		}
	}
	require.InDelta(t, .717, float64(men)/6040, .001)
}

func TestRealYelp(t *testing.T) {
	d := open(t, realData(t, "yelp-2019-sequences"), "yelp")
	require.Len(t, d.Users, 30431)
	require.Len(t, d.Items, 20033)
	require.Equal(t, 316354, d.NumEvents())
	require.False(t, d.HasRatings || d.HasTimes)
}
