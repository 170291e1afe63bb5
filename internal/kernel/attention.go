package kernel

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
	// Shared[b] keys at the front of batch b are seen below Hi whatever Lo
	// says. Nil means 0.
	Shared []int32
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

// shared returns how many keys at the front of batch b are seen whatever Lo
// says.
func (p *Attn) shared(b int) int {
	if p.Shared == nil {
		return 0
	}
	return min(max(0, int(p.Shared[b])), p.Keys)
}

// visible returns the range of keys from k0 to k1, which are all shared or all
// not, that query i of batch b sees; hi <= lo if none.
func (p *Attn) visible(b, i, k0, k1 int) (lo, hi int) {
	lo, hi = k0, k1
	if p.Lo != nil && k0 >= p.shared(b) {
		lo = max(lo, int(p.Lo[b*p.Queries+i]))
	}
	if p.Hi != nil {
		hi = min(hi, int(p.Hi[b*p.Queries+i]))
	}
	return lo, hi
}

// union returns the range of keys from k0 to k1, which are all shared or all
// not, that some of n queries from i0 on see.
func (p *Attn) union(b, i0, n, k0, k1 int) (klo, khi int) {
	klo = k1
	for i := i0; i < i0+n; i++ {
		if lo, hi := p.visible(b, i, k0, k1); lo < hi {
			klo, khi = min(klo, lo), max(khi, hi)
		}
	}
	return klo, khi
}

// block returns the start and the number of the next keys, at most limit, from
// k0 on and before k1, that some of n queries from i0 on see: none, if the
// number is 0. The keys are all shared or all not, so each query sees one
// range of them.
func (p *Attn) block(b, i0, n, k0, k1, limit int) (at, width int) {
	if end := min(p.shared(b), k1); k0 < end {
		if lo, hi := p.union(b, i0, n, k0, end); lo < hi {
			return lo, min(limit, hi-lo)
		}
		k0 = end
	}
	lo, hi := p.union(b, i0, n, k0, k1)
	return lo, min(limit, max(0, hi-lo))
}

// terms is the cost of a task of rows queries and all keys, in terms of a
// product, if each score takes the given number of products; the exponential
// takes as long as some tens of terms.
func (p *Attn) terms(rows, products int) int { return rows * p.Keys * (products*p.Dim + 32) }

// Attention sets o to softmax(scale·q·kᵀ)·v for every batch and head, over the
// keys that each query sees, and lse to the logarithm of the softmax's
// denominator, which the gradient needs.
//
//	q, o [Batch, Queries, Heads, Dim]   k, v [Batch, Keys, KVHeads, Dim]
//	lse  [Batch, Heads, Queries]
//
// A query that sees nothing gives zeros and an lse of -Inf. Scores are held a
// block at a time (Dao et al., 2022) and blocks that no query sees are skipped.
func Attention[T Float](p *Attn, o, lse, q, k, v []T) {
	if p.Batch*p.Heads*p.Queries*p.Dim == 0 { // lse is of no use then
		return
	}
	c := newAttnCall[T](p)
	c.o, c.lse, c.q, c.k, c.v = o, lse, q, k, v
	if p.Queries == 1 && p.Shared == nil {
		c.decodeAll()
	} else {
		c.forwardAll()
	}
	c.drop()
}
