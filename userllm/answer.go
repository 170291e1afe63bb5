package userllm

import (
	"context"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// reader answers questions with a language model, one at a time. It serves one
// goroutine; many may share the model.
type reader struct {
	c     *Catalogue
	m     *lm.Model
	beam  int
	depth int // of the deepest answer
	s     *autograd.Scope
	cache []*nn.KVCache
}

func newReader(c *Catalogue, m *lm.Model, beam int) *reader {
	return &reader{c: c, m: m, beam: beam, depth: max(c.titleTree.Depth(), c.genreTree.Depth()), s: autograd.Inference()}
}

// prompt reads a prompt with what stands before it and returns the logits of
// what follows. prefix and mem are [1, n, width] on the heap, or nil.
func (r *reader) prompt(tokens []int32, prefix, mem *tensor.Tensor) []float32 {
	r.s.Reset()
	if r.cache == nil {
		r.cache = r.m.NewCache(1)
	}
	room := len(tokens) + r.depth
	if prefix != nil {
		room += prefix.Dim(1)
	}
	for _, c := range r.cache {
		c.Reset(1)
		c.Reserve(room)
	}
	in := lm.Input{Tokens: tensor.Of(tokens, 1, len(tokens)), Cache: r.cache}
	if prefix != nil {
		in.Prefix = r.s.Const(prefix)
	}
	if mem != nil {
		in.Memory = r.s.Const(mem)
	}
	h := r.m.Hidden(r.s, in)
	return r.logits(autograd.Slice(h, 1, h.Dim(1)-1, h.Dim(1)))[0]
}

// step is an lm.Step.
func (r *reader) step(parents, tokens []int32) [][]float32 {
	r.s.Reset()
	for _, c := range r.cache {
		c.Reorder(parents)
	}
	return r.logits(r.m.Hidden(r.s, lm.Input{Tokens: tensor.Of(tokens, len(tokens), 1), Cache: r.cache}))
}

// logits returns those of states [rows, 1, dim], a row each.
func (r *reader) logits(h *autograd.Var) [][]float32 {
	rows := h.Dim(0)
	x := r.m.Logits(r.s, autograd.Reshape(h, rows, h.Dim(2)))
	all, n := tensor.Data[float32](x.Value()), x.Dim(1)
	out := make([][]float32, rows)
	for i := range out {
		out[i] = all[i*n : (i+1)*n]
	}
	return out
}

// next returns unseen items, best first, after the prompt's logits.
func (r *reader) next(ctx context.Context, first []float32, seen map[int32]bool) ([]Scored, error) {
	answers, err := r.c.titleTree.Beam(ctx, first, r.step, r.beam, r.c.excluding(seen))
	if err != nil {
		return nil, err
	}
	return r.c.ranking(answers, seen), nil
}

// genre returns the most probable genre after the prompt's logits.
func (r *reader) genre(ctx context.Context, first []float32) (int32, error) {
	answers, err := r.c.genreTree.Beam(ctx, first, r.step, r.c.genreTree.Leaves(), nil)
	if err != nil || len(answers) == 0 {
		return -1, err
	}
	for g := range r.c.genres {
		if r.c.genreTree.Leaf(g) == answers[0].Leaf {
			return int32(g), nil
		}
	}
	return -1, nil
}

func (r *reader) close() { r.s.Close() }

// flops returns and clears what was spent.
func (r *reader) flops() int64 {
	n := r.s.FLOPs
	r.s.FLOPs = 0
	return n
}

// placeOf returns the rank, from 1, of an item, or 0 if it is not there.
func placeOf(ranking []Scored, item int32) int {
	for i, s := range ranking {
		if s.Item == item {
			return i + 1
		}
	}
	return 0
}

// contextual is User-LLM under test.
type contextual struct {
	u *Model
	*reader
	tokens int
}

func newContextual(u *Model, c *Catalogue, beam int) *contextual {
	return &contextual{u: u, reader: newReader(c, u.LM, beam)}
}

// recall returns on the heap what the language model reads of a history:
// [1, n, width], or nil of none.
func (u *Model) recall(s *autograd.Scope, events []history.Event) *tensor.Tensor {
	if len(events) == 0 {
		return nil
	}
	events = events[max(0, len(events)-u.Encoder.Length()):]
	s.Reset()
	m := u.remember(s, [][]history.Event{events}, [][]int{{len(events)}}, 1)
	lo, hi := m.span(0, 0)
	return autograd.Slice(m.vectors, 1, lo, hi).Detach()
}

// question asks t about a user of whom mem was recalled.
func (a *contextual) question(t Task, mem *tensor.Tensor) []float32 {
	a.tokens++
	if mem != nil {
		a.tokens += mem.Dim(1)
	}
	prompt := []int32{a.c.prompt[t]}
	if a.u.soft {
		return a.prompt(prompt, mem, nil)
	}
	return a.prompt(prompt, nil, mem)
}

func (a *contextual) place(ctx context.Context, events []history.Event, seen map[int32]bool, target int32) (int, error) {
	first := a.question(NextItem, a.u.recall(a.s, events))
	ranking, err := a.next(ctx, first, seen)
	return placeOf(ranking, target), err
}

func (a *contextual) genre(ctx context.Context, t Task, events []history.Event) (int32, error) {
	return a.reader.genre(ctx, a.question(t, a.u.recall(a.s, events)))
}

func (a *contextual) cost() (int, int64) {
	n := a.tokens
	a.tokens = 0
	return n, a.flops()
}

// prompted is TextPrompt under test: a language model that reads the titles of
// the last n events.
type prompted struct {
	*reader
	n, tokens int
}

func (a *prompted) question(t Task, events []history.Event) []float32 {
	var p []int32
	for _, e := range events[max(0, len(events)-a.n):] {
		p = append(p, a.c.prompt[NextItem])
		p = append(p, a.c.titles[e.Item]...)
	}
	p = append(p, a.c.prompt[t])
	a.tokens += len(p)
	return a.prompt(p, nil, nil)
}

func (a *prompted) place(ctx context.Context, events []history.Event, seen map[int32]bool, target int32) (int, error) {
	ranking, err := a.next(ctx, a.question(NextItem, events), seen)
	return placeOf(ranking, target), err
}

func (a *prompted) genre(ctx context.Context, t Task, events []history.Event) (int32, error) {
	return a.reader.genre(ctx, a.question(t, events))
}

func (a *prompted) cost() (int, int64) {
	n := a.tokens
	a.tokens = 0
	return n, a.flops()
}

// scored is a Scorer under test.
type scored struct {
	Scorer
	scores []float64
	events int
	flops  func() int64 // nil: none
}

func newScored(s Scorer, items int, flops func() int64) *scored {
	return &scored{Scorer: s, scores: make([]float64, items), flops: flops}
}

func (a *scored) place(_ context.Context, events []history.Event, seen map[int32]bool, target int32) (int, error) {
	clear(a.scores)
	a.Score(events, a.scores)
	return rank(a.scores, target, seen), nil
}

func (a *scored) genre(context.Context, Task, []history.Event) (int32, error) { return -1, nil }

func (a *scored) cost() (int, int64) {
	if a.flops == nil {
		return 0, 0
	}
	return 0, a.flops()
}

func (a *scored) close() {
	if d, ok := a.Scorer.(*dualScorer); ok {
		d.s.Close()
	}
}

// counted answers genre tasks by rule.
type counted func(t Task, events []history.Event) int32

func (a counted) place(context.Context, []history.Event, map[int32]bool, int32) (int, error) {
	return 0, nil
}

func (a counted) genre(_ context.Context, t Task, events []history.Event) (int32, error) {
	return a(t, events), nil
}

func (a counted) cost() (int, int64) { return 0, 0 }

func (a counted) close() {}
