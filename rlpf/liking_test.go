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
// genres that its items have bring more of them alone.
func TestFit(t *testing.T) {
	a := quickAsker(t)
	for _, u := range a.Users.Test {
		l := a.timeline(u)
		for g, missing := range l.fit.missing {
			require.Less(t, missing, .5)
			require.True(t, missing > -.5 || l.fit.liking[g] < .3, "%g missing, liking %g", missing, l.fit.liking[g])
		}
		counts, met := make([]float64, len(a.Data.Genres)), 0.0
		for i, genres := range a.genres {
			p := 1 - math.Exp(-a.times(l.fit.liking, l.fit.items, int32(i)))
			met += p
			for _, g := range genres {
				counts[g] += p / float64(len(genres))
			}
		}
		require.InEpsilon(t, len(l.events), met, .05)
		for g, n := range l.fit.counts {
			require.InDelta(t, l.fit.missing[g], n+doubtLiking*(1-l.fit.liking[g])-counts[g], 1e-9)
		}
	}
}

// Which of the options is right, that is which one is among the events, does not
// change how likely each is to be drawn; nearly, as fits without it are a step from
// settled.
func TestWithout(t *testing.T) {
	a := quickAsker(t)
	var off, odds, n float64
	for _, q := range a.Test(FutureActivity, a.Users.Test, 8, 1) {
		l := a.timeline(q.User)
		chance := func(right int) (c []float64) {
			events := slices.Clone(l.events)
			events[q.Pos].Item = q.Items[right]
			f := a.fitTo(events)
			for _, i := range q.Items {
				c = append(c, a.chance(a.popular[q.Task], f.without(a.genres[q.Items[right]]), f.items, i))
			}
			return c
		}
		first := chance(q.Answer[0])
		for k := range q.Items {
			second := chance(k)
			for j := range q.Items {
				off += math.Abs(math.Log(first[j]/first[0]) - math.Log(second[j]/second[0]))
				odds += math.Abs(math.Log(first[j]/first[0]) - math.Log(a.popular[q.Task].weight[q.Items[j]]/a.popular[q.Task].weight[q.Items[0]]))
				n++
			}
		}
	}
	t.Logf("logarithms of odds %.3f from those by popularity, off by %.3f", odds/n, off/n)
	require.Less(t, off/n, .05)
	require.Greater(t, odds/n, .2)
}

// What is met again counts once.
func TestFitAgain(t *testing.T) {
	a := quickAsker(t)
	events := a.Data.Users[3].Events
	require.Equal(t, a.fitTo(events), a.fitTo(append(slices.Clone(events), events...)))
}

// Of the items that test users are said to meet with some chance, they meet that
// share; users of MovieLens 1M nearly, who meet the likeliest less often.
func TestTimes(t *testing.T)     { testTimes(t, largerAsker(t), .03) }
func TestRealTimes(t *testing.T) { testTimes(t, realAsker(t, "movielens-1m", AskConfig{}), .1) }

func testTimes(t *testing.T, a *Asker, bound float64) {
	var said, came, n [5]float64
	for _, u := range a.Users.Test {
		l := a.timeline(u)
		met := make([]bool, len(a.Data.Items))
		for _, e := range l.events {
			met[e.Item] = true
		}
		for i := range met {
			p := 1 - math.Exp(-a.times(l.fit.liking, l.fit.items, int32(i)))
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
		require.InDelta(t, said[bin]/n[bin], came[bin]/n[bin], bound)
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
