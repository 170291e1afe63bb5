package history

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// lengths returns users with so many events; the items count up within a user.
func lengths(ns ...int) *Dataset {
	d := &Dataset{Items: make([]Item, 100)}
	for _, n := range ns {
		var u User
		for i := range n {
			u.Events = append(u.Events, Event{Item: int32(i)})
		}
		d.Users = append(d.Users, u)
	}
	return d
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		n, held, valid, history int
		train                   int
		validAt, testAt         []int
	}{
		{10, 1, 1, 3, 8, []int{8}, []int{9}},
		{10, 2, 3, 5, 5, []int{5, 6, 7}, []int{8, 9}},
		{10, 2, 3, 6, 10, nil, nil},
		{10, 0, 0, 0, 10, nil, nil},
		{10, 0, 2, 0, 8, []int{8, 9}, nil},
		{3, 1, 1, 0, 1, []int{1}, []int{2}},
		{2, 1, 1, 0, 2, nil, nil},
		{1, 1, 0, 0, 1, nil, nil},
		{0, 1, 1, 0, 0, nil, nil},
		{5, -1, -1, -1, 5, nil, nil},
		{5, math.MaxInt, math.MaxInt, math.MaxInt, 5, nil, nil},
	} {
		s := &Split{Dataset: lengths(c.n), Held: c.held, Valid: c.valid, MinHistory: c.history}
		require.Len(t, s.Train(0), c.train, "%+v", c)
		require.Equal(t, c.validAt, s.ValidTargets(0), "%+v", c)
		require.Equal(t, c.testAt, s.TestTargets(0), "%+v", c)
		for _, pos := range c.testAt {
			require.EqualValues(t, pos, s.Target(0, pos).Item)
			require.Len(t, s.History(0, pos), pos)
			require.GreaterOrEqual(t, pos, c.history)
		}
	}
	require.Panics(t, func() { (&Split{Dataset: lengths(3)}).Train(1) })
}

// Neither Train nor History hand out anything from which a held event can be
// reached.
func TestSplitHidesHeldEvents(t *testing.T) {
	d := lengths(40, 7, 3, 0, 25)
	for u := range d.Users {
		for i := range d.Users[u].Events {
			d.Users[u].Events[i].Rating = 1
		}
	}
	s := &Split{Dataset: d, Held: 3, Valid: 2, MinHistory: 2}
	// Mark the held events, then look for marks.
	const mark = 5
	for u := range d.Users {
		for _, pos := range append(s.ValidTargets(u), s.TestTargets(u)...) {
			d.Users[u].Events[pos].Rating = mark
		}
	}
	clean := func(events []Event) {
		require.Equal(t, len(events), cap(events))
		for _, e := range events {
			require.NotEqualValues(t, mark, e.Rating)
		}
	}
	total := 0
	for u := range d.Users {
		clean(s.Train(u))
		total += len(s.Train(u))
		for _, pos := range s.TestTargets(u) {
			h := s.History(u, pos)
			require.Equal(t, len(h), cap(h))
		}
		if train := s.Train(u); len(train) > 0 {
			before := append([]Event(nil), d.Users[u].Events...)
			_ = append(train, Event{Item: 99})
			require.Equal(t, before, d.Users[u].Events)
		}
	}
	require.Equal(t, 40-5+7-5+3+0+25-5, total)
}
