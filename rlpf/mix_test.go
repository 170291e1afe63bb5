package rlpf

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// mixedUsers makes up n users who like items of two genres by known mixes.
func mixedUsers(t *testing.T, n int) (d *history.Dataset, known []mix) {
	d, _ = SyntheticData(1, true)
	a := quickAsker(t)
	known = make([]mix, len(d.Items))
	for i, genres := range a.genres {
		known[i] = mix{1}
		if len(genres) == 2 {
			known[i] = []mix{{.8, .2}, {.5, .5}, {.3, .7}}[i%3]
		}
		require.Len(t, genres, len(known[i]))
	}
	a.mixes = known
	d.Users = make([]history.User, n)
	for u := range d.Users {
		r := rand.New(rand.NewPCG(3, uint64(u)))
		d.Users[u].Events = a.invent(a.models[r.IntN(len(a.models))]).act(r, 120)
	}
	return d, known
}

// Of people who like items by known mixes, the mixes are found again, those of items that
// most have met too: of whom it counts how long it took.
func TestMixes(t *testing.T) {
	d, known := mixedUsers(t, 1500)
	a := askerOf(t, d)
	met := make([]float64, len(d.Items))
	for _, u := range a.models {
		for i := range distinct(d.Users[u].Events) {
			met[i] += 1 / float64(len(a.models))
		}
	}
	for _, common := range []bool{false, true} {
		for _, want := range []float64{.3, .5, .8} {
			var first, n float64
			for i, m := range a.mixes {
				if len(m) == 2 && known[i][0] == want && (met[i] > .5) == common {
					require.InDelta(t, 1, m[0]+m[1], 1e-9)
					first += m[0]
					n++
				}
			}
			t.Logf("common %t, %.1f: %.3f of %g", common, want, first/n, n)
			require.Greater(t, n, 5.)
			require.InDelta(t, want, first/n, .08) // fits go by the plain mean, which draws them together
		}
	}
}

// An item that nobody has met is of its genres alike; cores change nothing.
func TestMixesOdd(t *testing.T) {
	d, _ := SyntheticData(1, true)
	unmet := int32(len(d.Items))
	d.Items = append(d.Items, history.Item{ID: unmet, Title: "Unmet (1990)", Year: 1990, Genres: []int32{0, 1, 2}},
		history.Item{ID: unmet + 1, Title: "Plain (1990)", Year: 1990})
	of := func(procs int) []mix {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		return askerOf(t, d).mixes
	}
	mixes := of(1)
	require.Equal(t, mixes, of(3))
	for _, x := range mixes[unmet] {
		require.InDelta(t, 1./3, x, .05, mixes[unmet])
	}
	require.Empty(t, mixes[unmet+1])
	l := liking{2, 3, 5}
	require.Equal(t, 1., mixes[unmet+1].of(l, nil))
	require.InDelta(t, l.of([]int32{0, 2, 2}), mix{1. / 3, 1. / 3, 1. / 3}.of(l, []int32{0, 2, 2}), 1e-12)
	require.InDelta(t, .2*2+.8*5, mix{.2, .8}.of(l, []int32{0, 2}), 1e-12)
}

// The rates are those by which users were drawn, of an item that hardly anyone has met
// or nearly everyone, though one genre is liked more than the other by all.
func TestFindMix(t *testing.T) {
	for _, rate := range []float64{.1, 3} {
		r := rand.New(rand.NewPCG(5, 6))
		a := &Asker{genres: [][]int32{{0, 1}}, chosen: []float64{rate / 100}}
		want := mix{.3, .7}
		var fits []*fit
		var met [][]bool
		came := 0
		for range 20000 {
			f := &fit{items: 50 + r.IntN(100), liking: liking{1.5 * math.Exp(r.NormFloat64()-.5), .5 * math.Exp(r.NormFloat64()-.5)}}
			comes := r.Float64() > math.Exp(-float64(f.items)*a.chosen[0]*want.of(f.liking, a.genres[0]))
			if comes {
				came++
			}
			fits, met = append(fits, f), append(met, []bool{comes})
		}
		m := a.findMix(0, fits, met)
		t.Logf("%d came: %.3f", came, m)
		require.InDelta(t, want[0], m[0], .04)
	}
}
