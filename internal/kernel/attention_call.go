package kernel

import (
	"sync"

	"github.com/noema-ml/noema/internal/parallel"
)

const (
	attnRows  = 64       // queries of a block of scores
	attnTask  = 256      // rows of a forward task: the queries of all heads of a group
	attnBlock = 16 << 10 // elements of a block of keys
	attnLine  = 16       // elements, so that parts of a buffer start on cache lines
)

// attnCall is one call of [Attention] or [AttentionGrad]. It is pooled, so
// a call allocates nothing.
type attnCall[T Float] struct {
	Attn
	t                  *table[T]
	o, lse, q, k, v    []T
	do, dq, dk, dv     []T
	fresh              AttnFresh
	qb, kb, qRow, kRow int  // distances between batches and between rows of a head
	group              int  // query heads of a key/value head
	keys               int  // of a block
	wide               int  // Dim rounded up to whole panels
	pitch              int  // distance between rows of a block of scores
	chunk, chunks      int  // queries or keys of a task, and how many of these there are
	part               []T  // what tasks leave behind to be summed
	scale, unit        [1]T // Scale, and one
	stage              attnStage
}

type attnStage uint8

const (
	attnForward attnStage = iota
	attnBackward
	attnSumQ
	attnDecode
	attnJoin
)

var (
	attnCalls32 = sync.Pool{New: func() any { return new(attnCall[float32]) }}
	attnCalls64 = sync.Pool{New: func() any { return new(attnCall[float64]) }}
	attnWorks32 = sync.Pool{New: func() any { return new(attnWork[float32]) }}
	attnWorks64 = sync.Pool{New: func() any { return new(attnWork[float64]) }}
)

func newAttnCall[T Float](p *Attn) *attnCall[T] {
	pool := &attnCalls64
	if single[T]() {
		pool = &attnCalls32
	}
	c := pool.Get().(*attnCall[T])
	t := tableOf[T]()
	c.Attn, c.t = *p, t
	c.qb, c.kb = p.strides()
	c.qRow, c.kRow = p.Heads*p.Dim, p.KVHeads*p.Dim
	c.scale[0], c.unit[0] = T(p.Scale), 1
	c.group = p.Heads / p.KVHeads
	c.wide = roundUp(p.Dim, t.nr)
	c.keys = roundUp(min(p.Keys, max(64, min(256, attnBlock/c.wide))), t.nr)
	c.pitch = c.keys + attnLine
	return c
}

// drop gives c back to the pool.
func (c *attnCall[T]) drop() {
	*c = attnCall[T]{}
	if single[T]() {
		attnCalls32.Put(c)
	} else {
		attnCalls64.Put(c)
	}
}

// run does n tasks of a stage, each of the given work.
func (c *attnCall[T]) run(stage attnStage, n, work int) {
	c.stage = stage
	parallel.Do(n, grain[T](work), c)
}

// Run does tasks [lo, hi) of the stage.
func (c *attnCall[T]) Run(lo, hi int) {
	w := newAttnWork[T]()
	defer w.drop()
	for i := lo; i < hi; i++ {
		switch c.stage {
		case attnForward:
			c.forward(w, i)
		case attnBackward:
			c.backward(w, i)
		case attnSumQ:
			c.sumQ(i)
		case attnDecode:
			c.decode(w, i)
		case attnJoin:
			c.join(i)
		}
	}
}

// attnWork is the memory of a task.
type attnWork[T Float] struct {
	buf    []T
	used   int
	lo, hi [attnRows]int32 // the keys of a block that each row of one sees
	fix    [attnRows]T
	edge   []T // a tile of A, packed
}

func newAttnWork[T Float]() *attnWork[T] {
	if single[T]() {
		return attnWorks32.Get().(*attnWork[T])
	}
	return attnWorks64.Get().(*attnWork[T])
}

func (w *attnWork[T]) drop() {
	if single[T]() {
		attnWorks32.Put(w)
	} else {
		attnWorks64.Put(w)
	}
}

// take fills in slices of the given lengths, whose contents are arbitrary.
func (w *attnWork[T]) take(parts ...attnPart[T]) {
	n := 0
	for _, p := range parts {
		n += roundUp(p.n, attnLine)
	}
	if len(w.buf) < n {
		w.buf = make([]T, n)
	}
	n = 0
	for _, p := range parts {
		*p.s = w.buf[n : n+p.n]
		n += roundUp(p.n, attnLine)
	}
}

type attnPart[T Float] struct {
	s *[]T
	n int
}

// see sets the keys of the [Attn.block] of width keys from k0 that each of n
// queries from i0 on sees, and reports whether there are any.
func (w *attnWork[T]) see(p *Attn, b, i0, n, k0, width int) bool {
	some := false
	for i := range n {
		lo, hi := p.visible(b, i0+i, k0, k0+width)
		if lo >= hi {
			lo, hi = k0, k0
		}
		w.lo[i], w.hi[i] = int32(lo-k0), int32(hi-k0)
		some = some || lo < hi
	}
	return some
}

// span returns the keys that some of rows [i, i+n) see, and whether any does.
func (w *attnWork[T]) span(i, n int) (lo, hi int, some bool) {
	from, to := int32(1<<30), int32(0)
	for r := i; r < i+n; r++ {
		if w.lo[r] < w.hi[r] {
			from, to = min(from, w.lo[r]), max(to, w.hi[r])
		}
	}
	return int(from), int(to), from < to
}

// panels is a matrix whose columns [c*nr, (c+1)*nr) of row p are at
// s[c*next+p*row].
type panels[T Float] struct {
	s         []T
	row, next int
}

// packed packs the rows×cols matrix whose element (p, j) is src[p*sp+j*sj].
func (c *attnCall[T]) packed(buf []T, rows, cols int, src []T, sp, sj int) panels[T] {
	c.t.packB(buf, rows, cols, src, sp, sj)
	nr := c.t.nr
	return panels[T]{buf, nr, nr * rows}
}

// tileRows returns the rows of the tiles that n rows are cut into.
func (c *attnCall[T]) tileRows(n int) int {
	if !c.t.strided {
		return c.t.mr
	}
	return ceilDiv(n, ceilDiv(n, c.t.mr))
}

// tile sets or adds to rows of out, from column j0, a multiple of nr, to j1 the
// product of a, k wide, and rows from p0 on of b.
func (c *attnCall[T]) tile(w *attnWork[T], rows, k int, a []T, ar, ac int, b panels[T], p0, j0, j1 int, out []T, ldo int, add bool) {
	t := c.t
	if !t.strided {
		pack(w.edge[:k*t.mr], t.mr, rows, k, a, ar, ac)
		a, ar, ac = w.edge, 1, t.mr
	}
	for j := j0; j < j1; j += t.nr {
		t.micro(rows, min(t.nr, j1-j), k, a, ar, ac, b.s[j/t.nr*b.next+p0*b.row:], b.row, out[j:], ldo, add)
	}
}

// products sets rows of out to a·b for n rows, in the columns that they see.
func (c *attnCall[T]) products(w *attnWork[T], n int, a []T, lda int, b panels[T], out []T) {
	h := c.tileRows(n)
	for i := 0; i < n; i += h {
		rows := min(h, n-i)
		if lo, hi, some := w.span(i, rows); some {
			c.tile(w, rows, c.Dim, a[i*lda:], lda, 1, b, 0, lo/c.t.nr*c.t.nr, hi, out[i*c.pitch:], c.pitch, false)
		}
	}
}

// combine adds to out, or sets it to, the rows of b weighted with n rows of
// scores, over the keys that they see. Rows that see none are left alone.
func (c *attnCall[T]) combine(w *attnWork[T], n int, scores []T, b panels[T], out []T, add bool) {
	h := c.tileRows(n)
	for i := 0; i < n; i += h {
		rows := min(h, n-i)
		if lo, hi, some := w.span(i, rows); some {
			c.tile(w, rows, hi-lo, scores[i*c.pitch+lo:], c.pitch, 1, b, lo, 0, c.Dim, out[i*c.wide:], c.wide, add)
		}
	}
}
