package rlpf

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// following returns the mean share of events that follow from the one before, at each
// lag, over all events of the training users.
func following(a *Asker) (share [lags]float64) {
	var events float64
	for _, u := range a.Users.Train {
		for _, e := range a.Data.Users[u].Events {
			events++
			for lag := range share {
				for _, next := range a.successors[lag][e.Item] {
					share[lag] += next.share
				}
			}
		}
	}
	for lag := range share {
		share[lag] /= events
	}
	return share
}

// Events follow from the last one with chance .1 and from the one before with .05 in the
// synthetic world, half of them being the first of four successors; of a thousand
// users the commonest of these can be found. Where nothing follows, hardly anything is,
// though many have the same tastes.
func TestSuccessors(t *testing.T) {
	a := largerAsker(t)
	share := following(a)
	t.Logf("shares %.3f", share)
	require.InDelta(t, .09, share[0], .02)
	require.InDelta(t, .035, share[1], .02)

	c := syntheticWorld(1, 1000)
	c.Follow = -1
	share = following(askerOf(t, history.Synthetic(c)))
	t.Logf("shares where nothing follows %.5f", share)
	require.Less(t, share[0], .006)
	require.Less(t, share[1], .006)
}

func TestSuccessorsAfter(t *testing.T) {
	d := &history.Dataset{Items: make([]history.Item, 30)}
	r := rand.New(rand.NewPCG(1, 1))
	event := func(i int) history.Event { return history.Event{Item: int32(i)} }
	for range 60 { // 0 is followed by 1 and 2, and then by anything but these
		events := []history.Event{event(0), event(1), event(2)}
		for range 14 {
			events = append(events, event(3+r.IntN(27)))
		}
		d.Users = append(d.Users, history.User{Events: events})
	}
	d.Users = append(d.Users, history.User{}, history.User{Events: []history.Event{event(4)}})
	for range 20 { // what comes again does not follow from itself
		d.Users = append(d.Users, history.User{Events: []history.Event{event(5), event(5), event(5)}})
	}
	users := make([]int, len(d.Users))
	for i := range users {
		users[i] = i
	}
	s := countSuccessors(d, users)
	require.Equal(t, []successor{{1, 1}}, s[0][0])
	require.Equal(t, []successor{{2, 1}}, s[1][0])
	require.Equal(t, []successor{{2, 1}}, s[0][1])
	after := func(items ...int) map[int32]float64 {
		var events []history.Event
		for _, i := range items {
			events = append(events, event(i))
		}
		all := map[int32]float64{}
		for item, share := range s.after(events) {
			all[item] += share
		}
		return all
	}
	require.Empty(t, after())
	require.Equal(t, map[int32]float64{1: 1}, after(0))
	require.Equal(t, map[int32]float64{2: 2}, after(0, 1), "from both")
	item, ok := s.draw(r, 0, 0)
	require.True(t, ok)
	require.EqualValues(t, 1, item)
	_, ok = s.draw(r, 0, 29)
	require.False(t, ok)
	for range s.after([]history.Event{event(0), event(1)}) { // ends when it is told to
		break
	}
}
