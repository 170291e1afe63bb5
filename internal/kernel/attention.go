package kernel

import "math"

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
	// (and dq) and of k, v (and dk, dv); zero means that they are dense.
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

// visible returns the range of keys that query i of batch b sees.
func (p *Attn) visible(b, i int) (lo, hi int) {
	hi = p.Keys
	if p.Lo != nil {
		lo = max(0, int(p.Lo[b*p.Queries+i]))
	}
	if p.Hi != nil {
		hi = min(hi, int(p.Hi[b*p.Queries+i]))
	}
	return lo, max(lo, hi)
}

// Attention sets o to softmax(scale·q·kᵀ)·v for every batch and head, over the
// keys that each query sees, and lse to the logarithm of the softmax's
// denominator, for the gradient.
//
//	q, o [Batch, Queries, Heads, Dim]   k, v [Batch, Keys, KVHeads, Dim]
//	lse  [Batch, Heads, Queries]
//
// A query that sees nothing gives zeros and an lse of -Inf.
func Attention[T Float](p *Attn, o, lse, q, k, v []T) {
	qb, kb := p.strides()
	for b := range p.Batch {
		for h := range p.Heads {
			kh := h / (p.Heads / p.KVHeads)
			for i := range p.Queries {
				lo, hi := p.visible(b, i)
				at := b*qb + (i*p.Heads+h)*p.Dim
				out := o[at : at+p.Dim]
				clear(out)
				if hi == lo {
					lse[(b*p.Heads+h)*p.Queries+i] = T(math.Inf(-1))
					continue
				}
				s := make([]T, hi-lo)
				for j := lo; j < hi; j++ {
					ka := b*kb + (j*p.KVHeads+kh)*p.Dim
					s[j-lo] = T(p.Scale) * dot(q[at:at+p.Dim], k[ka:ka+p.Dim])
				}
				m := maxOf(s)
				sum := expSum(s, s, m)
				lse[(b*p.Heads+h)*p.Queries+i] = m + log(sum)
				for j := lo; j < hi; j++ {
					ka := b*kb + (j*p.KVHeads+kh)*p.Dim
					addScaled(out, v[ka:ka+p.Dim], s[j-lo]/sum)
				}
			}
		}
	}
}

// AttentionGrad adds to dq, dk and dv the gradients of [Attention], given its
// inputs, its outputs o and lse and the gradient do of o.
func AttentionGrad[T Float](p *Attn, dq, dk, dv, q, k, v, o, lse, do []T) {
	qb, kb := p.strides()
	for b := range p.Batch {
		for h := range p.Heads {
			kh := h / (p.Heads / p.KVHeads)
			for i := range p.Queries {
				lo, hi := p.visible(b, i)
				at := b*qb + (i*p.Heads+h)*p.Dim
				d := do[at : at+p.Dim]
				delta := dot(d, o[at:at+p.Dim])
				for j := lo; j < hi; j++ {
					ka := b*kb + (j*p.KVHeads+kh)*p.Dim
					s := T(p.Scale) * dot(q[at:at+p.Dim], k[ka:ka+p.Dim])
					pr := exp(s - lse[(b*p.Heads+h)*p.Queries+i])
					addScaled(dv[ka:ka+p.Dim], d, pr)
					ds := pr * (dot(d, v[ka:ka+p.Dim]) - delta) * T(p.Scale)
					addScaled(dq[at:at+p.Dim], k[ka:ka+p.Dim], ds)
					addScaled(dk[ka:ka+p.Dim], q[at:at+p.Dim], ds)
				}
			}
		}
	}
}
