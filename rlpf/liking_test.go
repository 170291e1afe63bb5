package rlpf

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// Fits bring as many items of each genre as there are, to half an event, unless other
// genres that its items have bring more of them alone; and without one of the events
// it is the fit of the others.
func TestFit(t *testing.T) {
	a := syntheticAsker(t, true)
	for _, u := range a.Users.Test {
		l := a.timeline(u)
		for g, missing := range l.fit.missing {
			require.Less(t, missing, .5)
			require.True(t, missing > -.5 || l.fit.liking[g] < .3, "%g missing, liking %g", missing, l.fit.liking[g])
		}
		counts, met := make([]float64, len(a.Data.Genres)), 0.0
		for i, genres := range a.genres {
			p := 1 - math.Exp(-a.times(l.fit.liking, len(l.events), int32(i)))
			met += p
			for _, g := range genres {
				counts[g] += p / float64(len(genres))
			}
		}
		require.InEpsilon(t, len(l.events), met, .05)
		for g, n := range a.genreCounts(l.events) {
			require.InDelta(t, l.fit.missing[g], n+doubtLiking*(1-l.fit.liking[g])-counts[g], 1e-9)
		}

		at := len(l.events) / 2
		genres := a.genres[l.events[at].Item]
		rest, met2 := newFit(len(a.Data.Genres)), make([]float64, len(a.genres))
		for range 4 * fitRounds {
			a.look(rest, a.genreCounts(slices.Delete(slices.Clone(l.events), at, at+1)), len(l.events), met2)
			rest.step()
		}
		without, off := l.fit.without(genres), 0.0
		for i := range a.genres {
			want := math.Exp(-a.times(rest.liking, len(l.events), int32(i)))
			off += math.Abs(want-math.Exp(-a.times(without, len(l.events), int32(i)))) / float64(len(a.genres))
		}
		require.Less(t, off, .01, "chances of items, on average")
	}
}

// Of the items that test users are said to meet with some chance, they meet that
// share.
func TestTimes(t *testing.T) {
	a := syntheticAsker(t, false)
	var said, came, n [5]float64
	for _, u := range a.Users.Test {
		l := a.timeline(u)
		met := make([]bool, len(a.Data.Items))
		for _, e := range l.events {
			met[e.Item] = true
		}
		for i := range met {
			p := 1 - math.Exp(-a.times(l.fit.liking, len(l.events), int32(i)))
			bin := min(int(5*p), 4)
			n[bin]++
			said[bin] += p
			if met[i] {
				came[bin]++
			}
		}
	}
	for bin := range n {
		t.Logf("%.0f items: said %.3f, came %.3f", n[bin], said[bin]/n[bin], came[bin]/n[bin])
		require.InDelta(t, said[bin]/n[bin], came[bin]/n[bin], .03)
	}
}

// What is fitted has the same bits for any number of cores, nobody's history is too
// odd for it, and a genre of which there is no item is liked as by others.
func TestFitOdd(t *testing.T) {
	d, _ := SyntheticData(1, true)
	u, err := DivideUsers(d, AskConfig{}, 8, 1)
	require.NoError(t, err)
	ask := func(procs int) *Asker {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		a, err := NewAsker(d, u, AskConfig{}, nil)
		require.NoError(t, err)
		return a
	}
	a := ask(1)
	require.Equal(t, a.chosen, ask(4).chosen)
	d.Genres = append(d.Genres, "Opera")
	a = ask(2)
	all := make([]history.Event, len(d.Items))
	for k, i := range rand.New(rand.NewPCG(1, 1)).Perm(len(all)) {
		all[k].Item = int32(i)
	}
	for _, events := range [][]history.Event{nil, all[:1], all} {
		f := a.fitTo(events)
		for _, l := range f.liking {
			require.True(t, l > 0 && !math.IsInf(l, 0), f.liking)
		}
		require.InDelta(t, 1, f.liking[len(f.liking)-1], 1e-9)
	}
}
