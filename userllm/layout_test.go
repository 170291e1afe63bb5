package userllm

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// TextPrompt reads the last titles and the targets; then, as a text of its own,
// the last titles before one of the targets and the genre questions about all
// before it. It learns the stems of answers only.
func TestToldLayout(t *testing.T) {
	c := toyCatalogue()
	w := window{events: toyEvents(5, 0, 1, 2, 3), targets: 1}
	got := c.told(w, 2, rand.New(pcg()))
	genre := got.tokens[len(got.tokens)-1]
	require.Contains(t, []int32{4, 5}, genre) // a and b tie
	told := []int32{1, 4, 6, 7, 0, 1, 8, 0}   // the last two titles before the target
	target := []int32{1, 9, 10, 0}
	question := []int32{2, genre} // FavGenre
	require.Equal(t, slices.Concat(told, target, told, question), got.tokens)
	want := slices.Repeat([]int32{ignore}, len(got.tokens))
	want[8], want[20] = 9, genre
	require.Equal(t, want, got.next)
	for i := range got.tokens {
		start := i / 12 * 12
		require.Equal(t, int32(i-start), got.pos[i])
		require.Equal(t, int32(start), got.start[i])
	}
	w.targets = 2
	places, r := map[int32]int{}, rand.New(pcg())
	for range 50 {
		got := c.told(w, 2, r)
		require.Equal(t, []int32{1, 4, 5, 0, 1, 4, 6, 7, 0, 1, 8, 0, 1, 9, 10, 0}, got.tokens[:16])
		places[got.pos[slices.Index(got.tokens, 2)]]++
	}
	require.Len(t, places, 2)
	require.Positive(t, places[9], "before the first target")
	require.Positive(t, places[8], "before the second")
	empty := window{events: toyEvents(5, 3), targets: 1} // nothing has a genre before the target
	require.Equal(t, []int32{1, 4, 6, 8, 0, 1, 9, 10, 0}, c.told(empty, 2, r).tokens)
}

// A stem is what tells a title from the others, and never empty.
func TestStems(t *testing.T) {
	c := toyCatalogue()
	require.Equal(t, [][]int32{{4, 5}, {4, 6, 7}, {8}, {9}, {4, 6, 7}, {4, 6, 8}}, c.titleStems)
	tree, err := lm.NewTrie([][]int32{{4, 5, 0}})
	require.NoError(t, err)
	require.Equal(t, [][]int32{{4}}, stems(tree, [][]int32{{4, 5, 0}}))
}

// With enough events to come there is a question about them.
func TestGenreQuestions(t *testing.T) {
	c := toyCatalogue()
	after := toyEvents(append([]int32{0}, slices.Repeat([]int32{3}, Horizon)...)...) // a, then c
	events := append(toyEvents(2, 2, 1), after[0])                                   // b b ab a
	w := window{events: events, after: after, targets: 1}
	r := rand.New(pcg())
	qs := c.queries(w, r)
	require.Equal(t, []query{
		{NextItem, 3, c.titleStems[0]},
		{FavGenre, 3, c.genreStems[1]},
		{FavGenreNext, 3, c.genreStems[2]},
	}, qs)
	orders := map[int32]int{}
	for range 50 {
		told := c.told(w, 1, r)
		// 1 4 6 7 0 · 1 4 5 0; 1 4 6 7 0 · then both questions, in either order
		require.Equal(t, []int32{1, 4, 6, 7, 0, 1, 4, 5, 0, 1, 4, 6, 7, 0}, told.tokens[:14])
		require.EqualValues(t, 9, told.start[14], "the target does not see them")
		orders[told.tokens[14]]++
		tail := told.tokens[14:]
		at := slices.Index(tail, 3)
		require.Equal(t, append([]int32{3}, c.genreStems[2]...), tail[at:at+1+len(c.genreStems[2])])
		require.Contains(t, tail, int32(2))
	}
	require.Len(t, orders, 2)
	w.after = after[:Horizon]
	require.Len(t, c.queries(w, r), 3)
	w.after = after[:Horizon-1]
	require.Len(t, c.queries(w, r), 2)
	require.NotContains(t, c.told(w, 1, r).tokens, int32(3))
}

// The model's own layout: for each question the soft prompt, if any, the task's
// token and the stem of the answer, as a text of its own.
func TestAskedLayout(t *testing.T) {
	c := toyCatalogue()
	qs := []query{{NextItem, 2, c.titleStems[1]}, {FavGenre, 3, c.genreStems[0]}}
	got := c.asked(qs, nil)
	require.Equal(t, &text{
		tokens: []int32{1, 4, 6, 2},
		next:   []int32{4, 6, 7, 4},
		pos:    []int32{0, 1, 2, 0},
		start:  []int32{0, 0, 0, 3},
		query:  []int32{0, 0, 0, 1},
		from:   3,
	}, got)
	got = c.asked(qs, func(i int) (int, int) { return i, 2 })
	require.Equal(t, []int32{^0, ^1, 1, 4, 6, ^1, 2}, got.tokens)
	require.Equal(t, []int32{ignore, ignore, 4, 6, 7, ignore, 4}, got.next)
	require.Equal(t, []int32{0, 1, 2, 3, 4, 0, 1}, got.pos)
	require.Equal(t, []int32{0, 0, 0, 0, 0, 5, 5}, got.start)
}

// The packed loss of several windows of several questions is the sum of each
// question's loss by itself.
func TestPackedLossIsTheSum(t *testing.T) {
	c := toyCatalogue()
	for _, cfg := range []ModelConfig{{CrossEvery: 1}, {Fusion: "soft"}, {Perceiver: 2}, {Fusion: "soft", Perceiver: 2}} {
		u := toyModel(cfg, c.Data)
		shake(u, 0.3)
		nn.Cast(u, tensor.Float64)
		s := autograd.Inference()
		s.Rand = pcg()
		packed, n := u.loss(s, c, toyWindows())
		got, tokens := packed.Value().Item(), 0.0
		sum := 0.0
		g := rand.New(pcg()) // draws the same favourites
		for _, w := range toyWindows() {
			for _, q := range c.queries(w, g) {
				s := autograd.Inference()
				m := u.remember(s, [][]history.Event{w.inputs()[:q.visible]}, [][]int{{q.visible}}, 1)
				var prefix func(int) (int, int)
				if u.soft {
					prefix = func(i int) (int, int) { return m.span(0, i) }
				}
				loss, k := textLoss(s, u.LM, []*text{c.asked([]query{q}, prefix)}, &m)
				sum, tokens = sum+loss.Value().Item(), tokens+k
			}
		}
		require.InDelta(t, sum, got, 1e-9, "%+v", cfg)
		require.Equal(t, tokens, n)
	}
}

// A soft prompt without a Perceiver holds the last events only, in training as
// in use.
func TestLongSoftPrompt(t *testing.T) {
	c := toyCatalogue()
	e := NewEncoder(pcg(), EncoderConfig{Dim: 4, Layers: 1, Heads: 2, Length: maxPrefix + 10}, c.Data)
	u := NewModel(pcg(), ModelConfig{Fusion: "soft"}, e, toyLM())
	events := toyEvents(slices.Repeat([]int32{0, 1, 2}, maxPrefix/2)...)
	s := autograd.Inference()
	require.Equal(t, []int{1, maxPrefix, 4}, u.recall(s, events).Shape())
	m := u.remember(s, [][]history.Event{events[:maxPrefix+5]}, [][]int{{3, maxPrefix + 5}}, 2)
	for q, want := range [][2]int{{0, 3}, {5, maxPrefix + 5}} {
		lo, hi := m.span(0, q)
		require.Equal(t, want, [2]int{lo, hi})
	}
	require.Nil(t, u.recall(s, nil))
}

// A token sees its own text only: whatever stands in the other texts of its
// row, and in the other rows, its loss is the same.
func TestTextsDoNotSeeEachOther(t *testing.T) {
	c := toyCatalogue()
	m := toyLM()
	shake(m, 0.3)
	alone := func(items ...int32) float64 {
		s := autograd.Inference()
		loss, _ := textLoss(s, m, []*text{c.described(items, rand.New(pcg()))}, nil)
		return loss.Value().Item()
	}
	items := []int32{2, 0, 3} // one genre each: nothing is drawn
	sum := 0.0
	for _, i := range items {
		sum += alone(i)
	}
	require.InDelta(t, sum, alone(items...), 1e-5)
	s := autograd.Inference()
	r := rand.New(pcg())
	rows, n := textLoss(s, m, []*text{c.described(items[:1], r), c.described(items[1:], r)}, nil)
	require.InDelta(t, sum, rows.Value().Item(), 1e-5)
	require.Equal(t, 16.0, n)
}
