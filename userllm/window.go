package userllm

import (
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// window is one training example of several targets that share an encoder
// pass. The encoder reads all events but the last; the targets are the last
// few, each with the history before it.
type window struct {
	events  []history.Event
	after   []history.Event // the training events from the last one on
	targets int
}

// windows cuts the training events of the given users so that each event but a
// user's first is a target exactly once, at most targets of them a window, with
// at most length events before each.
func windows(s *history.Split, users []int, length, targets int) []window {
	targets = min(targets, length) // each needs a place among the events
	var ws []window
	for _, u := range users {
		train := s.Train(u)
		for hi := len(train); hi > 1; hi -= targets {
			ws = append(ws, window{train[max(0, hi-1-length):hi:hi], train[hi-1:], min(targets, hi-1)})
		}
	}
	return ws
}

// validation returns windows whose one target is a validation event of the
// given users, at most n of them, spread over the users.
func validation(s *history.Split, users []int, length, n int) []window {
	var all []window
	for _, u := range users {
		for _, pos := range s.ValidTargets(u) {
			h := s.History(u, pos+1)
			all = append(all, window{h[max(0, pos-length):], nil, 1})
		}
	}
	if len(all) <= n {
		return all
	}
	few := make([]window, n)
	for i := range few {
		few[i] = all[i*len(all)/n]
	}
	return few
}

// inputs returns the events that the encoder reads.
func (w window) inputs() []history.Event { return w.events[:len(w.events)-1] }

// firstTarget is the place of the first target among the events.
func (w window) firstTarget() int { return max(1, len(w.events)-w.targets) }

// query is one question about a window: how many of its events it may see, and
// the stem of the answer.
type query struct {
	task    Task
	visible int
	answer  []int32
}

// cut draws a target before which the genre tasks are asked, so that a window
// seen again asks something else. It returns its place and the training events
// from there on, as many as FavGenreNext needs.
func (w window) cut(r *rand.Rand) (at int, future []history.Event) {
	first, last := w.firstTarget(), len(w.events)-1
	at = first + r.IntN(last-first+1)
	return at, slices.Concat(w.events[at:last], w.after[:min(len(w.after), Horizon)])
}

// queries returns the questions that window w trains on: its targets as
// NextItem, and one each of the genre tasks at a target drawn by r, as is a
// tied favourite. FavGenreNext is asked where Horizon training events follow.
func (c *Catalogue) queries(w window, r *rand.Rand) []query {
	var qs []query
	for at := w.firstTarget(); at < len(w.events); at++ {
		qs = append(qs, query{NextItem, at, c.titleStems[w.events[at].Item]})
	}
	at, future := w.cut(r)
	return append(qs, c.genreQueries(w.events[:at], future, r)...)
}

// genreQueries returns the genre questions about events that were read and
// those that come after, as far as they have an answer.
func (c *Catalogue) genreQueries(read, after []history.Event, r *rand.Rand) []query {
	var qs []query
	if favs := c.Data.FavGenres(read); len(favs) > 0 {
		qs = append(qs, query{FavGenre, len(read), c.genreStems[favs[r.IntN(len(favs))]]})
	}
	if len(after) >= Horizon {
		if favs := c.Data.FavGenres(after[:Horizon]); len(favs) > 0 {
			qs = append(qs, query{FavGenreNext, len(read), c.genreStems[favs[r.IntN(len(favs))]]})
		}
	}
	return qs
}
