package userllm

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn/metric"
	"github.com/noema-ml/noema/userllm/history"
)

// handmade is a data set of the given timelines over the toy's items, with
// nothing held back.
func handmade(timelines ...[]int32) *Experiment {
	d := toyCatalogue().Data
	var users []int
	for u, items := range timelines {
		d.Users = append(d.Users, history.User{Events: toyEvents(items...)})
		users = append(users, u)
	}
	return &Experiment{Split: &history.Split{Dataset: d}, Warm: users}
}

func TestPopularity(t *testing.T) {
	e := handmade([]int32{0, 1, 2}, []int32{1, 2, 5}, []int32{2})
	require.Equal(t, Popularity{1, 2, 3, 0, 0, 1}, e.Popularity())
	scores := make([]float64, 6)
	e.Popularity().Score(nil, scores)
	require.Equal(t, []float64{1, 2, 3, 0, 0, 1}, scores)
	e.Warm, e.Cold = e.Warm[:1], e.Warm[1:] // cold users do not count
	require.Equal(t, Popularity{1, 1, 1, 0, 0, 0}, e.Popularity())
}

func TestCooccurrence(t *testing.T) {
	e := handmade([]int32{0, 1, 2}, []int32{1, 2})
	c := NewCooccurrence(e.Split, e.Warm)
	// 0 next to 1 once and two from 2; 1 next to 2 twice.
	require.Equal(t, []neighbour{{1, 1}, {2, 0.5}}, c.near[0])
	require.Equal(t, []neighbour{{0, 1}, {2, 2}}, c.near[1])
	require.Equal(t, []neighbour{{0, 0.5}, {1, 2}}, c.near[2])
	require.Equal(t, []float64{1.5, 3, 2.5, 0, 0, 0}, c.total)
	scores := make([]float64, 6)
	c.Score(toyEvents(2, 0), scores) // 0 is the last
	first, second := 1/math.Sqrt(1.5), coDecay/math.Sqrt(2.5)
	require.InDeltaSlice(t, []float64{second * 0.5, first + second*2, first * 0.5, 0, 0, 0}, scores, 1e-12)
	scores = make([]float64, 6)
	c.Score(toyEvents(3), scores) // an item of nobody's
	require.Equal(t, make([]float64, 6), scores)

	// Pairs further apart than coReach do not count.
	var long []int32
	for range coReach {
		long = append(long, 3)
	}
	e = handmade(append(append([]int32{0}, long...), 1))
	c = NewCooccurrence(e.Split, e.Warm)
	for _, n := range append(c.near[0], c.near[1]...) {
		require.Equal(t, int32(3), n.item)
	}
}

func TestRank(t *testing.T) {
	scores := []float64{1, 3, 3, 0, 3, 2}
	for target, want := range []int{5, 1, 2, 6, 3, 4} { // ties by item
		require.Equal(t, want, rank(scores, int32(target), nil))
	}
	require.Equal(t, 1, rank(scores, 4, map[int32]bool{1: true, 2: true}))
	require.Equal(t, 3, rank(scores, 0, map[int32]bool{1: true, 4: true}))
}

func TestMajority(t *testing.T) {
	require.Equal(t, int32(1), majority([][]int32{{0}, {1, 2}, {1}, nil, {2, 1}}, 3))
	require.Equal(t, int32(0), majority([][]int32{{2}, {0}}, 3), "ties by genre")
	require.Equal(t, int32(0), majority(nil, 3))
}

// The rules of the tiny run, by hand from its data.
func TestCountedMethods(t *testing.T) {
	r := tiny(t)
	d := tinyData()
	e := NewExperiment(d, tinyHeld, 1)
	counts := make([]int, len(d.Genres))
	length := tinyConfig().Model.Encoder.Length
	for _, w := range windows(e.Split, e.Warm, length, Targets) {
		for _, g := range d.FavGenres(w.inputs()) {
			counts[g]++
		}
	}
	most := int32(0)
	for g, n := range counts {
		if n > counts[most] {
			most = int32(g)
		}
	}
	for i, p := range r.probes {
		events := d.Users[p.User].Events[:p.Pos]
		recent := d.FavGenres(events[max(0, len(events)-length):])
		switch p.Task {
		case FavGenre:
			require.True(t, r.answers["history-count"][i].Right, "counting the history gives the favourite away")
			require.Equal(t, slices.Contains(p.Genres, most), r.answers["majority"][i].Right)
		case FavGenreNext:
			require.Equal(t, slices.Contains(p.Genres, recent[0]), r.answers["history-count"][i].Right)
		case NextItem:
			scores := make([]float64, len(d.Items))
			e.Popularity().Score(events, scores)
			require.Equal(t, rank(scores, p.Item, seenIn(events)), r.answers["popularity"][i].Place)
		}
	}
}

// Figures are means over seeds and questions; differences are paired.
func TestSummary(t *testing.T) {
	probes := []Probe{
		{Task: NextItem, User: 1}, {Task: NextItem, User: 1}, {Task: NextItem, User: 2}, {Task: NextItem, User: 3},
		{Task: FavGenre, User: 1}, {Task: FavGenre, User: 2},
	}
	outcomes := map[string][][]Outcome{
		"user-llm": {
			{{Place: 1, Tokens: 10, FLOPs: 100, Millis: 2}, {Place: 7, Tokens: 10, FLOPs: 100}, {Place: 0, Tokens: 20, FLOPs: 100}, {Place: 11, Tokens: 20, FLOPs: 100, Millis: 4}, {Right: true}, {}},
			{{Place: 2, Tokens: 10, FLOPs: 300}, {Place: 3, Tokens: 10, FLOPs: 300}, {Place: 5, Tokens: 20, FLOPs: 300}, {Place: 0, Tokens: 20, FLOPs: 300}, {Right: true}, {Right: true}},
		},
		"popularity": {
			{{Place: 10}, {Place: 11}, {Place: 30}, {Place: 40}, {}, {}},
			{{Place: 10}, {Place: 11}, {Place: 30}, {Place: 40}, {}, {}},
		},
		"majority": {
			{{}, {}, {}, {}, {Right: false}, {Right: true}},
			{{}, {}, {}, {}, {Right: false}, {Right: true}},
		},
	}
	figures, differences := Summary(1, probes, outcomes)
	got := map[string]Figure{}
	for _, f := range figures {
		require.NotContains(t, got, f.Task.String()+" "+f.Method+" "+f.Metric)
		got[f.Task.String()+" "+f.Method+" "+f.Metric] = f
		if !math.IsNaN(f.Value) {
			require.LessOrEqual(t, f.Low, f.Value+1e-12)
			require.GreaterOrEqual(t, f.High, f.Value-1e-12)
		}
	}
	for name, want := range map[string]float64{
		"next_item user-llm recall@1":    1. / 8,
		"next_item user-llm recall@5":    4. / 8,
		"next_item user-llm recall@10":   5. / 8,
		"next_item user-llm tokens":      15,
		"next_item user-llm flops":       200,
		"next_item user-llm ms":          3,
		"next_item popularity recall@1":  0,
		"next_item popularity recall@10": 1. / 4,
		"fav_genre user-llm accuracy":    3. / 4,
		"fav_genre majority accuracy":    1. / 2,
	} {
		require.Contains(t, got, name)
		require.InDelta(t, want, got[name].Value, 1e-12, name)
	}
	require.Equal(t, 4, got["next_item user-llm recall@1"].N)
	require.Equal(t, 2, got["next_item user-llm ms"].N)
	require.NotContains(t, got, "next_item majority recall@1")
	require.NotContains(t, got, "fav_genre popularity accuracy")
	for name := range got {
		require.NotContains(t, name, "fav_genre_next", "nothing was asked")
	}

	require.Len(t, differences, 2)
	d := differences[0]
	require.Equal(t, []string{"user-llm", "popularity", "recall@10"}, []string{d.Method, d.Other, d.Metric})
	require.InDelta(t, 3./8, d.Value, 1e-12)
	want := metric.Paired([]float64{1, 1, .5, 0}, []float64{1, 0, 0, 0}, []int32{1, 1, 2, 3}, stream(1, "paired"), resamples)
	require.Equal(t, want, metric.Difference{Interval: d.Interval, P: d.P})
	require.Equal(t, FavGenre, differences[1].Task)
	require.Equal(t, "majority", differences[1].Other)
	require.InDelta(t, 1./4, differences[1].Value, 1e-12)
}
