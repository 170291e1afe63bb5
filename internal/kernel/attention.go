package kernel

import (
	"math"

	"github.com/noema-ml/noema/internal/parallel"
)

// Attn describes a call of [Attention]: sizes, the strides of a batch, the
// scale of the scores and which keys each query sees.
type Attn struct {
	Batch   int
	Heads   int // query heads; a multiple of KVHeads
	KVHeads int // head h reads key/value head h / (Heads/KVHeads)
	Queries int
	Keys    int
	Dim     int // features a head

	// QBatch and KBatch are the distances in elements between batches of q, o
	// (and dq, do) and of k, v (and dk, dv); zero means that they are dense.
	QBatch, KBatch int

	Scale float64 // of the scores, usually 1/√Dim

	// Query i of batch b sees keys Lo[b*Queries+i] to Hi[b*Queries+i],
	// exclusive. Nil means 0 and Keys.
	Lo, Hi []int32
}

// strides returns the batch strides with zero replaced by the dense ones.
func (p *Attn) strides() (q, k int) {
	q, k = p.QBatch, p.KBatch
	if q == 0 {
		q = p.Queries * p.Heads * p.Dim
	}
	if k == 0 {
		k = p.Keys * p.KVHeads * p.Dim
	}
	return q, k
}

// visible returns the range of keys that query i of batch b sees; hi <= lo if
// none.
func (p *Attn) visible(b, i int) (lo, hi int) {
	hi = p.Keys
	if p.Lo != nil {
		lo = max(0, int(p.Lo[b*p.Queries+i]))
	}
	if p.Hi != nil {
		hi = min(hi, int(p.Hi[b*p.Queries+i]))
	}
	return lo, hi
}

// span is a run of rows of q that read the same key/value head. Rows are the
// queries of one head or, for a single query (decoding), the heads that share
// a key/value head, so that keys are read once for all of them.
type span struct {
	b        int
	rows     int
	query    int // of row 0; the same for all rows if step is zero
	step     int
	q, qRow  int // offset of row 0 in q and o, distance between rows
	k, kRow  int // offset of key 0 in k and v, distance between keys
	lse      int // offset of row 0 in lse; rows follow each other
	klo, khi int // keys that some row sees
}

// spanOf returns rows [i0, i0+rows) of query head h, whose keys are scanned
// from the first to the last that a row sees; it skips the others.
func (p *Attn) spanOf(b, h, i0, rows int) span {
	qb, kb := p.strides()
	s := span{
		b: b, rows: rows, query: i0, step: 1,
		q: b*qb + (i0*p.Heads+h)*p.Dim, qRow: p.Heads * p.Dim,
		k: b*kb + h/(p.Heads/p.KVHeads)*p.Dim, kRow: p.KVHeads * p.Dim,
		lse: (b*p.Heads+h)*p.Queries + i0,
		klo: p.Keys,
	}
	for i := range rows {
		if lo, hi := p.visible(b, i0+i); lo < hi {
			s.klo, s.khi = min(s.klo, lo), max(s.khi, hi)
		}
	}
	return s
}

// sharedSpan returns the heads of key/value head kh for a single query.
func (p *Attn) sharedSpan(b, kh int) span {
	group := p.Heads / p.KVHeads
	s := p.spanOf(b, kh*group, 0, 1)
	s.rows, s.step, s.qRow = group, 0, p.Dim
	return s
}

// blockRows is how many queries share a scratch matrix of scores, whose other
// side is at most all keys: memory is linear in the sequence length, and the
// scores of a block stay in the second-level cache while they can.
func (p *Attn) blockRows() int {
	return min(max(p.Queries, 1), max(16, min(64, 1<<17/max(1, p.Keys))))
}

// termsPerScore is the cost of a score, in terms of a product: there are two
// products, and the exponential takes as long as some tens of terms.
func (p *Attn) termsPerScore() int { return 2*p.Dim + 64 }

// Attention sets o to softmax(scale·q·kᵀ)·v for every batch and head, over the
// keys that each query sees, and lse to the logarithm of the softmax's
// denominator, which the gradient needs (Dao et al., 2022: the matrix of
// scores is never held).
//
//	q, o [Batch, Queries, Heads, Dim]   k, v [Batch, Keys, KVHeads, Dim]
//	lse  [Batch, Heads, Queries]
//
// A query that sees nothing gives zeros and an lse of -Inf. The bits of a
// row do not depend on the other queries as long as Lo is the same for all.
func Attention[T Float](p *Attn, o, lse, q, k, v []T) {
	if p.Queries == 1 {
		work := p.Heads / p.KVHeads * p.Keys * p.termsPerScore()
		parallel.For(p.Batch*p.KVHeads, grain[T](work), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				s := p.sharedSpan(i/p.KVHeads, i%p.KVHeads)
				attend(p, &s, o, lse, q, k, v)
			}
		})
		return
	}
	rows := p.blockRows()
	blocks := ceilDiv(p.Queries, rows)
	parallel.For(p.Batch*p.Heads*blocks, grain[T](rows*p.Keys*p.termsPerScore()), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			bh, i0 := i/blocks, i%blocks*rows
			s := p.spanOf(bh/p.Heads, bh%p.Heads, i0, min(rows, p.Queries-i0))
			attend(p, &s, o, lse, q, k, v)
		}
	})
}

// seen returns which columns of the span's scores row i sees.
func (s *span) seen(p *Attn, i int) (lo, hi int) {
	lo, hi = p.visible(s.b, s.query+i*s.step)
	if hi <= lo {
		return 0, 0
	}
	return lo - s.klo, hi - s.klo
}

// attend computes the outputs of one span.
func attend[T Float](p *Attn, s *span, o, lse, q, k, v []T) {
	t := tableOf[T]()
	width := max(0, s.khi-s.klo)
	buf := grab[T](s.rows * (width + 1))
	defer buf.drop()
	scores, denom := buf.s[:s.rows*width], buf.s[s.rows*width:]
	first := s.k + s.klo*s.kRow
	if width > 0 {
		Gemm(s.rows, width, p.Dim, q[s.q:], s.qRow, 1, k[first:], 1, s.kRow, 0, scores, width)
	}
	for i := range s.rows {
		row := scores[i*width : (i+1)*width]
		lo, hi := s.seen(p, i)
		see := row[lo:hi]
		t.scale(see, see, T(p.Scale))
		m := t.maxOf(see)
		if m == T(math.Inf(-1)) {
			clear(row)
			denom[i], lse[s.lse+i] = 1, m
			continue
		}
		denom[i] = t.expSum(see, see, m)
		lse[s.lse+i] = m + T(math.Log(float64(denom[i])))
		clear(row[:lo])
		clear(row[hi:])
	}
	if width > 0 {
		Gemm(s.rows, p.Dim, width, scores, width, 1, v[first:], s.kRow, 1, 0, o[s.q:], s.qRow)
	}
	// Dividing the output costs less than dividing the row of scores.
	for i, d := range denom {
		out := o[s.q+i*s.qRow:][:p.Dim]
		if width == 0 {
			clear(out)
		}
		t.scale(out, out, 1/d)
	}
}
