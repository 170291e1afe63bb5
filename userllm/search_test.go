package userllm

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// exhaustive scores the title of one item after NextItem's token by a whole
// pass over prompt and title, without a cache, renormalising each token over
// those that the tree allows.
func exhaustive(u *Model, c *Catalogue, s *autograd.Scope, mem *tensor.Tensor, item int32) float64 {
	leaf := c.titleTree.Leaf(int(item))
	title := c.titleTree.Sequence(leaf)
	tokens := append([]int32{c.prompt[NextItem]}, title[:len(title)-1]...)
	s.Reset()
	in := lm.Input{Tokens: tensor.Of(tokens, 1, len(tokens))}
	at := 0 // of the prompt among the states
	if u.soft {
		in.Prefix, at = s.Const(mem), mem.Dim(1)
	} else {
		in.Memory = s.Const(mem)
	}
	logits := u.LM.Logits(s, u.LM.Hidden(s, in)).Value()
	score, vocab := 0.0, logits.Dim(2)
	c.titleTree.Path(leaf, func(allowed []int32, taken int) {
		row := tensor.Data[float32](logits)[at*vocab : (at+1)*vocab]
		sum := 0.0
		for _, tok := range allowed {
			sum += math.Exp(float64(row[tok]))
		}
		score += float64(row[allowed[taken]]) - math.Log(sum)
		at++
	})
	return score
}

// With a beam as wide as the catalogue, the search over the prefix tree with
// its cache ranks all unseen items as scoring each title by itself does.
func TestWideBeamEqualsExhaustiveScoring(t *testing.T) {
	d := history.Synthetic(history.SyntheticConfig{Seed: 3, Users: 200, Items: 40, Events: 12})
	for _, same := range [][2]int{{3, 17}, {17, 30}, {8, 9}} {
		d.Items[same[1]].Title = d.Items[same[0]].Title
	}
	tok, err := TrainTokenizer(context.Background(), d, 320)
	require.NoError(t, err)
	c, err := NewCatalogue(d, tok)
	require.NoError(t, err)
	require.Equal(t, 37, c.titleTree.Leaves())
	for _, cfg := range []ModelConfig{{Fusion: "cross"}, {Fusion: "soft", Perceiver: 3}} {
		cfg.Encoder = EncoderConfig{Dim: 8, Layers: 1, Heads: 2, Length: 10}
		m := lm.New(pcg(), lm.Config{Vocab: tok.Vocab(), Dim: 8, Layers: 2, Heads: 2, FFN: 12})
		u := NewModel(pcg(), cfg, NewEncoder(pcg(), cfg.Encoder, d), m)
		shake(u, 0.5)
		reader, s := newContextual(u, c, len(d.Items)), autograd.Inference()
		spread := 0.0
		users := len(d.Users)
		if testing.Short() {
			users = 10
		}
		for i := range users {
			events := d.Users[i].Events
			seen := seenIn(events)
			mem := u.recall(s, events)
			got, err := reader.next(context.Background(), reader.question(NextItem, mem), seen)
			require.NoError(t, err)
			require.Len(t, got, len(d.Items)-len(seen))
			offered, last := map[int32]bool{}, math.Inf(1)
			for k, g := range got {
				require.False(t, seen[g.Item] || offered[g.Item])
				offered[g.Item] = true
				want := exhaustive(u, c, s, mem, g.Item)
				require.InDelta(t, want, g.Score, 1e-4)
				require.LessOrEqual(t, want, last+1e-5, "user %d, place %d", i, k+1)
				last = want
				if k > 0 && g.Score == got[k-1].Score {
					require.Less(t, got[k-1].Item, g.Item, "ties go by item")
				}
			}
			spread = max(spread, got[0].Score-got[len(got)-1].Score)
			for _, same := range [][2]int32{{3, 17}, {17, 30}, {8, 9}} { // one title, one place
				if a, b := placeOf(got, same[0]), placeOf(got, same[1]); a > 0 && b > 0 {
					require.Equal(t, got[a-1].Score, got[b-1].Score)
				}
			}
		}
		require.Greater(t, spread, 3.0, "the scores say something")
	}
}

// A title that was seen stays a candidate through an unseen item of that name.
func TestSharedTitles(t *testing.T) {
	c := toyCatalogue()
	u := toyModel(ModelConfig{}, c.Data)
	reader := newContextual(u, c, len(c.Data.Items))
	for _, k := range []struct {
		seen []int32
		want []int32
	}{
		{nil, []int32{0, 1, 2, 3, 4, 5}},
		{[]int32{1}, []int32{0, 2, 3, 4, 5}},
		{[]int32{4, 0}, []int32{1, 2, 3, 5}},
		{[]int32{1, 4}, []int32{0, 2, 3, 5}},
		{[]int32{0, 1, 2, 3, 4, 5}, nil},
	} {
		events := toyEvents(k.seen...)
		got, err := reader.next(context.Background(), reader.question(NextItem, u.recall(reader.s, events)), seenIn(events))
		require.NoError(t, err)
		var items []int32
		for _, g := range got {
			items = append(items, g.Item)
		}
		require.ElementsMatch(t, k.want, items)
		require.Zero(t, placeOf(got, 99))
	}
}
