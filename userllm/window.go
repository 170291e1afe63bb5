package userllm

import (
	"math/rand/v2"

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
// the tokens of the answer.
type query struct {
	task    Task
	visible int
	answer  []int32
}

// queries returns the questions that window w trains on: its targets as
// NextItem, and one each of the genre tasks about the events that the encoder
// reads. A tied favourite is drawn by r. FavGenreNext is asked where Horizon
// training events follow.
func (c *Catalogue) queries(w window, r *rand.Rand) []query {
	var qs []query
	for at := w.firstTarget(); at < len(w.events); at++ {
		qs = append(qs, query{NextItem, at, c.titles[w.events[at].Item]})
	}
	return append(qs, c.genreQueries(w.inputs(), w.after, r)...)
}

// genreQueries returns the genre questions about events that were read and
// those that come after, as far as they have an answer.
func (c *Catalogue) genreQueries(read, after []history.Event, r *rand.Rand) []query {
	var qs []query
	if favs := c.Data.FavGenres(read); len(favs) > 0 {
		qs = append(qs, query{FavGenre, len(read), c.genres[favs[r.IntN(len(favs))]]})
	}
	if len(after) >= Horizon {
		if favs := c.Data.FavGenres(after[:Horizon]); len(favs) > 0 {
			qs = append(qs, query{FavGenreNext, len(read), c.genres[favs[r.IntN(len(favs))]]})
		}
	}
	return qs
}

// ignore marks a place whose successor is not to be learned.
const ignore = -1

// text is a row of several texts one after the other, each of which sees
// itself only: nothing is padded but the end of the row.
type text struct {
	tokens []int32 // or, below 0, ^i for vector i of the row's memory
	next   []int32 // the token to predict there, or ignore
	pos    []int32 // place within its text
	start  []int32 // of its text in the row
	query  []int32 // the query that the place belongs to
	from   int32   // where the text under way starts
}

// begin starts a new text.
func (t *text) begin() { t.from = int32(len(t.tokens)) }

// put continues the text, for query q. If learn is set, the tokens are to be
// predicted.
func (t *text) put(q int, learn bool, tokens ...int32) {
	for _, tok := range tokens {
		n := int32(len(t.tokens))
		if learn && n > t.from {
			t.next[n-1] = tok
		}
		t.tokens, t.next = append(t.tokens, tok), append(t.next, ignore)
		t.pos, t.start = append(t.pos, n-t.from), append(t.start, t.from)
		t.query = append(t.query, int32(q))
	}
}

// asked lays out questions that the model answers from its memory: the task's
// token, then the answer. prefix, if not nil, gives the memory vectors that
// stand in front of query i's text as a soft prompt.
func (c *Catalogue) asked(qs []query, prefix func(i int) (lo, hi int)) *text {
	t := new(text)
	for i, q := range qs {
		t.begin()
		if prefix != nil {
			for lo, hi := prefix(i); lo < hi; lo++ {
				t.put(i, false, ^int32(lo))
			}
		}
		t.put(i, false, c.prompt[q.task])
		t.put(i, true, q.answer...)
	}
	return t
}

// told lays out a window as text: the titles of the last n events before its
// first target, then the targets, each behind the task's token, and at the end
// the genre questions about all of that, in an order drawn by r. Only answers
// are learned.
func (c *Catalogue) told(w window, n int, r *rand.Rand) *text {
	t := new(text)
	title := func(e history.Event, learn bool) {
		t.put(0, false, c.prompt[NextItem])
		t.put(0, learn, c.titles[e.Item]...)
	}
	first := w.firstTarget()
	for _, e := range w.events[max(0, first-n):first] {
		title(e, false)
	}
	for _, e := range w.events[first:] {
		title(e, true)
	}
	genre := c.genreQueries(w.events, w.after[min(1, len(w.after)):], r)
	r.Shuffle(len(genre), func(i, j int) { genre[i], genre[j] = genre[j], genre[i] })
	for _, q := range genre {
		t.put(0, false, c.prompt[q.task])
		t.put(0, true, q.answer...)
	}
	return t
}

// described lays out items as texts of their own for pretraining the language
// model: the title behind NextItem's token, then one of the item's genres,
// drawn by r, behind FavGenre's.
func (c *Catalogue) described(items []int32, r *rand.Rand) *text {
	t := new(text)
	for _, item := range items {
		t.begin()
		t.put(0, false, c.prompt[NextItem])
		t.put(0, true, c.titles[item]...)
		if g := c.Data.Items[item].Genres; len(g) > 0 {
			t.put(0, false, c.prompt[FavGenre])
			t.put(0, true, c.genres[g[r.IntN(len(g))]]...)
		}
	}
	return t
}
