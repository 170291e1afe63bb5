package userllm

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// Each training event but a user's first is a target once, whatever the length
// and the number of targets, with no more events before it than there may be.
func TestWindows(t *testing.T) {
	d := tinyData()
	for u := range 4 { // the shortest timelines
		d.Users[u].Events = d.Users[u].Events[:u]
	}
	e := NewExperiment(d, tinyHeld, 1)
	for _, size := range [][2]int{{10, 8}, {10, 1}, {50, 8}, {2, 8}, {1, 8}, {7, 7}, {100, 100}} {
		length, targets := size[0], size[1]
		ws := windows(e.Split, e.Warm, length, targets)
		times := map[*history.Event]int{}
		for _, w := range ws {
			require.LessOrEqual(t, len(w.inputs()), length)
			require.Equal(t, len(w.after), cap(w.after), "nothing behind the training events is in reach")
			require.Equal(t, w.events[len(w.events)-1], w.after[0])
			require.LessOrEqual(t, len(w.events)-w.firstTarget(), targets)
			for i := w.firstTarget(); i < len(w.events); i++ {
				times[&w.events[i]]++
			}
		}
		want := 0
		for u := range d.Users {
			events := e.Split.Train(u)
			for i := range events {
				times := times[&events[i]]
				switch {
				case !slices.Contains(e.Warm, u):
					require.Zero(t, times, "user %d is cold", u)
				case i == 0:
					require.Zero(t, times, "nothing comes before the first event")
				default:
					want++
					require.Equal(t, 1, times, "length %d, targets %d: event %d of user %d", length, targets, i, u)
				}
			}
		}
		require.Len(t, times, want)
	}
}

// Validation asks about the events between training and test.
func TestValidationWindows(t *testing.T) {
	e := NewExperiment(tinyData(), tinyHeld, 1)
	ws := validation(e.Split, e.Warm, 10, 1000)
	require.Len(t, ws, len(e.Warm))
	for i, w := range ws {
		events := e.Split.Dataset.Users[e.Warm[i]].Events
		at := len(events) - tinyHeld - 1
		require.Same(t, &events[at], &w.events[len(w.events)-1])
		require.Equal(t, 10, len(w.inputs()))
		require.Equal(t, len(w.events), cap(w.events))
		require.Nil(t, w.after)
		require.Equal(t, len(w.events)-1, w.firstTarget())
	}
	few := validation(e.Split, e.Warm, 10, 7)
	require.Len(t, few, 7)
	require.Equal(t, ws[0], few[0])
}

func TestExperiment(t *testing.T) {
	d := tinyData()
	e := NewExperiment(d, tinyHeld, 1)
	require.NotEmpty(t, e.Cold)
	all := append(slices.Clone(e.Warm), e.Cold...)
	slices.Sort(all)
	for u := range d.Users {
		require.Equal(t, u, all[u])
	}
	require.Equal(t, e, NewExperiment(d, tinyHeld, 1))
	require.NotEqual(t, e.Cold, NewExperiment(d, tinyHeld, 2).Cold)
	for _, p := range e.Probes(10) {
		events := d.Users[p.User].Events
		require.Equal(t, slices.Contains(e.Cold, p.User), p.Cold)
		switch p.Task {
		case NextItem:
			require.GreaterOrEqual(t, p.Pos, len(events)-tinyHeld)
			require.Equal(t, events[p.Pos].Item, p.Item)
			require.False(t, seenIn(events[:p.Pos])[p.Item])
		case FavGenre:
			require.Equal(t, len(events), p.Pos)
			require.Equal(t, d.FavGenres(events[len(events)-10:]), p.Genres)
		case FavGenreNext:
			require.Contains(t, e.Cold, p.User)
			require.Equal(t, d.FavGenres(events[p.Pos:p.Pos+Horizon]), p.Genres)
		}
	}
	// An item that was seen before asks nothing.
	u := e.Warm[0]
	events := d.Users[u].Events
	before := len(e.Probes(10))
	events[len(events)-1].Item = events[0].Item
	require.Len(t, e.Probes(10), before-1)
}

// Nothing that is asked of a method has reached its training: with every held
// event and everything of the cold users replaced, all weights and counts are
// the same bits.
func TestHeldEventsDoNotReachTraining(t *testing.T) {
	if testing.Short() {
		t.Skip("two whole runs")
	}
	clean := tiny(t)
	d := tinyData()
	e := NewExperiment(d, tinyHeld, 1)
	counts, near := e.Popularity(), NewCooccurrence(e.Split, e.Warm)
	poison := func(events []history.Event) {
		for i := range events {
			events[i].Item = (events[i].Item + 37) % int32(len(d.Items))
			events[i].Rating, events[i].Time = 5.5-events[i].Rating, events[i].Time+1e6
		}
	}
	for _, u := range e.Warm {
		for _, at := range e.Split.TestTargets(u) {
			poison(d.Users[u].Events[at : at+1])
		}
	}
	for _, u := range e.Cold {
		poison(d.Users[u].Events)
	}
	require.Equal(t, counts, e.Popularity())
	require.Equal(t, near, NewCooccurrence(e.Split, e.Warm))
	got, err := trainTiny(context.Background(), t.TempDir(), tinyConfig(), d, nil)
	require.NoError(t, err)
	require.Equal(t, clean.hashes, got.hashes)
	// The training events do reach it.
	for _, u := range e.Warm {
		poison(d.Users[u].Events[:3])
	}
	got, err = trainTiny(context.Background(), t.TempDir(), tinyConfig(), d, nil)
	require.NoError(t, err)
	for name := range clean.hashes {
		require.NotEqual(t, clean.hashes[name], got.hashes[name], name)
	}
}
