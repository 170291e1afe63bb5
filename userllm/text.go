package userllm

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

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

// expect ends the text, for query q, with tokens to be predicted. The last is
// not read, since nothing follows it.
func (t *text) expect(q int, tokens []int32) {
	last := len(tokens) - 1
	t.put(q, true, tokens[:last]...)
	t.next[len(t.next)-1] = tokens[last]
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
		t.expect(i, q.answer)
	}
	return t
}

// told lays out a window as two texts: the titles of the last n events before
// its first target, then the targets, each behind the task's token; and the
// titles of the last n events before one of the targets, then the genre
// questions, in an order drawn by r. The targets do not see those: the answers
// tell of what comes next, and a test gives none. Only the stems of answers are
// learned.
func (c *Catalogue) told(w window, n int, r *rand.Rand) *text {
	t := new(text)
	first := w.firstTarget()
	c.tell(t, w.events[max(0, first-n):first], false)
	c.tell(t, w.events[first:], true)
	cut, future := w.cut(r)
	genre := c.genreQueries(w.events[:cut], future, r)
	if len(genre) == 0 {
		return t
	}
	r.Shuffle(len(genre), func(i, j int) { genre[i], genre[j] = genre[j], genre[i] })
	t.begin()
	c.tell(t, w.events[max(0, cut-n):cut], false)
	for _, q := range genre {
		t.put(0, false, c.prompt[q.task])
		t.put(0, true, q.answer...)
	}
	return t
}

// tell continues t with the titles of events, each behind NextItem's token. If
// learn is set, their stems are to be predicted.
func (c *Catalogue) tell(t *text, events []history.Event, learn bool) {
	for _, e := range events {
		title, stem := c.titles[e.Item], len(c.titleStems[e.Item])
		t.put(0, false, c.prompt[NextItem])
		t.put(0, learn, title[:stem]...)
		t.put(0, false, title[stem:]...)
	}
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

// textLoss returns the summed cross-entropy of the rows' marked tokens and
// their number. m may be nil: no memory.
func textLoss(s *autograd.Scope, model *lm.Model, texts []*text, m *memory) (*autograd.Var, float64) {
	width := 1
	for _, t := range texts {
		width = max(width, len(t.tokens))
	}
	n := len(texts) * width
	tokens, pos, start := make([]int32, n), make([]int32, n), make([]int32, n)
	lo, hi := make([]int32, n), make([]int32, n)
	var soft []int32 // places of memory vectors, if there are any
	var learn, next []int32
	for r, t := range texts {
		for i, tok := range t.tokens {
			at := r*width + i
			tokens[at], pos[at], start[at] = max(tok, 0), t.pos[i], t.start[i]
			if tok < 0 && soft == nil {
				soft = make([]int32, n)
				for k := range soft {
					soft[k] = ignore
				}
			}
			if tok < 0 {
				soft[at] = int32(r*m.vectors.Dim(1)) + ^tok
			}
			if m != nil {
				l, h := m.span(r, int(t.query[i]))
				lo[at], hi[at] = int32(l), int32(h)
			}
			if t.next[i] != ignore {
				learn, next = append(learn, int32(at)), append(next, t.next[i])
			}
		}
		for i := len(t.tokens); i < width; i++ { // padding sees itself
			start[r*width+i] = int32(i)
		}
	}
	in := lm.Input{Tokens: tensor.Of(tokens, len(texts), width), Pos: pos, Start: start}
	switch {
	case soft != nil:
		in.Embeds = mix(s, model, in.Tokens, soft, m.vectors)
	case m != nil:
		in.Memory, in.MemoryStart, in.MemoryLen = m.vectors, lo, hi
	}
	h := model.Hidden(s, in)
	h = autograd.Reshape(h, n, h.Dim(-1))
	sum, count := model.CrossEntropy(s, autograd.IndexSelect(h, 0, tensor.Of(learn)), tensor.Of(next))
	return sum, float64(count)
}

// mix returns the tokens' embeddings [rows, width, dim] with the given memory
// vectors in the places where soft is not ignore.
func mix(s *autograd.Scope, model *lm.Model, tokens *tensor.Tensor, soft []int32, vectors *autograd.Var) *autograd.Var {
	dim := vectors.Dim(-1)
	emb := autograd.Reshape(model.Embed.Forward(s, tokens), tokens.Len(), dim)
	mem := autograd.Reshape(vectors, vectors.Len()/dim, dim)
	pick := make([]int32, tokens.Len())
	for i, m := range soft {
		pick[i] = int32(i)
		if m != ignore {
			pick[i] = int32(tokens.Len()) + m
		}
	}
	x := autograd.IndexSelect(autograd.Concat(0, emb, mem), 0, tensor.Of(pick))
	return autograd.Reshape(x, tokens.Dim(0), tokens.Dim(1), dim)
}
