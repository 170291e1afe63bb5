package autograd

import (
	"fmt"
	"math"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Attention returns softmax(q·kᵀ/√dim)·v for every head, over the keys that
// mask lets each query see: q [batch, queries, heads, dim], k and v
// [batch, keys, kvHeads, dim] → q's shape. Query head h reads key/value head
// h / (heads/kvHeads), so kvHeads divides heads (grouped-query attention,
// Ainslie et al. 2023, arXiv 2305.13245). The matrix of scores is never held
// (Dao et al. 2022, arXiv 2205.14135). A query that sees no key gives zeros.
// k and v may be the front of a longer cache, sliced along keys, without a
// copy.
func Attention(q, k, v *Var, mask AttnMask) *Var {
	const op = "attention"
	if q.Rank() != 4 || k.Rank() != 4 || !k.t.SameShape(v.t) || q.Dim(0) != k.Dim(0) || q.Dim(3) != k.Dim(3) || k.Dim(2) == 0 || q.Dim(2)%k.Dim(2) != 0 {
		tensor.Fail(op, "shapes do not fit", q.t, k.t, v.t)
	}
	y := out(op, q.Shape(), q, k, v)
	s := y.s
	a := attention{q: s.dense(q.t)}
	stride := 0
	if y.needs { // the gradients of k and v are dense
		a.k, a.v = s.dense(k.t), s.dense(v.t)
	} else {
		a.k, a.v, stride = s.cached(k.t, v.t)
	}
	a.Attn = kernel.Attn{
		Batch: q.Dim(0), Queries: q.Dim(1), Heads: q.Dim(2), Dim: q.Dim(3),
		Keys: k.Dim(1), KVHeads: k.Dim(2), KBatch: stride, Scale: 1 / math.Sqrt(float64(max(1, q.Dim(3)))),
	}
	ranges, pairs := mask.ranges(s, &a.Attn)
	a.lse = s.New(q.DType(), a.Batch, a.Heads, a.Queries)
	flops := 4 * pairs * a.Heads * a.Dim
	if q.DType() == tensor.Float32 {
		attentionForward[float32](&a, y.t)
	} else {
		attentionForward[float64](&a, y.t)
	}
	if !y.needs {
		s.arena.Free(a.lse)
		if ranges != nil {
			s.arena.Free(ranges)
		}
		return y.record(flops, nil)
	}
	kept := a // without a gradient a stays on the stack
	return y.record(flops, func(dy *tensor.Tensor) {
		s.FLOPs += int64(flops) * 5 / 2 // the scores again, and four products
		var fresh kernel.AttnFresh
		apart := q == k || k == v || q == v // one buffer cannot take two gradients at once
		grad := func(x *Var, fresh *bool) *tensor.Tensor {
			switch {
			case !x.needs:
				return nil
			case apart:
				*fresh = true
				return s.like(x.t)
			}
			d, beta := x.Into()
			*fresh = beta == 0
			return d
		}
		dq, dk, dv := grad(q, &fresh.Q), grad(k, &fresh.K), grad(v, &fresh.V)
		if q.DType() == tensor.Float32 {
			attentionBackward[float32](&kept, fresh, dq, dk, dv, y.t, dy)
		} else {
			attentionBackward[float64](&kept, fresh, dq, dk, dv, y.t, dy)
		}
		if apart {
			for i, x := range [3]*Var{q, k, v} {
				if x.needs {
					x.Give([3]*tensor.Tensor{dq, dk, dv}[i])
				}
			}
		}
	})
}

// attention is what Attention keeps for its gradient.
type attention struct {
	kernel.Attn
	q, k, v, lse *tensor.Tensor
}

// cached returns k and v, whose batches must be contiguous, or contiguous
// copies, and the distance between batches.
func (s *Scope) cached(k, v *tensor.Tensor) (kc, vc *tensor.Tensor, stride int) {
	inPlace := k.Stride(0) > 0 && k.Stride(0) == v.Stride(0)
	for _, t := range [2]*tensor.Tensor{k, v} {
		inPlace = inPlace && t.Stride(3) == 1 && t.Stride(2) == t.Dim(3) && t.Stride(1) == t.Dim(2)*t.Dim(3)
	}
	if inPlace {
		return k, v, k.Stride(0)
	}
	return s.dense(k), s.dense(v), 0
}

func attentionForward[T tensor.Float](a *attention, o *tensor.Tensor) {
	kernel.Attention(&a.Attn, tensor.Data[T](o), tensor.Data[T](a.lse), tensor.Data[T](a.q), tensor.Span[T](a.k), tensor.Span[T](a.v))
}

func attentionBackward[T tensor.Float](a *attention, fresh kernel.AttnFresh, dq, dk, dv, o, do *tensor.Tensor) {
	kernel.AttentionGrad(&a.Attn, fresh, data[T](dq), data[T](dk), data[T](dv), tensor.Data[T](a.q), tensor.Data[T](a.k),
		tensor.Data[T](a.v), tensor.Data[T](o), tensor.Data[T](a.lse), tensor.Data[T](do))
}

// AttnMask says which keys each query sees. The zero value hides none. Query i
// of batch row b stands at position Offset[b]+i among the keys of its row.
type AttnMask struct {
	Causal bool // a query sees the keys up to its own position
	// Window, if positive, hides the keys that are Window or more positions
	// away from the query (Beltagy et al. 2020, arXiv 2004.05150).
	Window int
	// KeyLen is how many keys are there at all, the rest being padding on the
	// right: [batch], or [batch·queries] for each query; nil, or more than
	// there are, means all.
	KeyLen []int32
	// KeyStart is the first key that each query sees, [batch·queries]; nil
	// means 0. It packs several texts into one row.
	KeyStart []int32
	// Shared is how many keys at the front of each row, [batch], its queries
	// see besides those from KeyStart on, still up to their own position if
	// Causal: the texts packed into a row then continue one prompt. Nil means
	// 0. It goes with no Window.
	Shared []int32
	// Offset is the position of each row's first query: [batch]. Nil means
	// keys - queries, which puts the last query at the last key: right for
	// training, where there are as many queries as keys, and for decoding with
	// a cache whose rows are equally long. Where they are not, row b has
	// KeyLen[b] = length after this step and Offset[b] = length before it.
	Offset []int32
}

// ranges fills in p.Lo, p.Hi and p.Shared, in the tensor that it returns, or
// leaves nil what hides nothing. pairs is how many keys all queries see together.
func (m AttnMask) ranges(s *Scope, p *kernel.Attn) (buf *tensor.Tensor, pairs int) {
	n := p.Batch * p.Queries
	perQuery := len(m.KeyLen) == n && p.Queries != 1
	fits := (m.KeyLen == nil || perQuery || len(m.KeyLen) == p.Batch) && (m.KeyStart == nil || len(m.KeyStart) == n) &&
		(m.Offset == nil || len(m.Offset) == p.Batch) && (m.Shared == nil || len(m.Shared) == p.Batch && m.Window == 0) && m.Window >= 0
	if !fits {
		panic(&tensor.ShapeError{Op: "attention", Reason: fmt.Sprintf("mask has %d key lengths, %d starts, %d offsets, %d shared parts and window %d for %d rows of %d queries",
			len(m.KeyLen), len(m.KeyStart), len(m.Offset), len(m.Shared), m.Window, p.Batch, p.Queries)})
	}
	if !m.Causal && m.Window == 0 && m.KeyLen == nil && m.KeyStart == nil {
		return nil, n * p.Keys
	}
	buf = s.New(tensor.Int32, 2*n+p.Batch)
	d := tensor.Data[int32](buf)
	p.Hi = d[n : 2*n]
	if m.Window > 0 || m.KeyStart != nil {
		p.Lo = d[:n]
	}
	if m.Shared != nil && m.KeyStart != nil {
		p.Shared = d[2*n:]
		copy(p.Shared, m.Shared)
	}
	for b := range p.Batch {
		at := p.Keys - p.Queries
		if m.Offset != nil {
			at = int(m.Offset[b])
		}
		for i := range p.Queries {
			r := b*p.Queries + i
			lo, hi, pos := 0, p.Keys, at+i
			if m.KeyLen != nil {
				k := b
				if perQuery {
					k = r
				}
				hi = min(hi, int(m.KeyLen[k]))
			}
			if m.Window > 0 {
				lo, hi = pos-m.Window+1, min(hi, pos+m.Window)
			}
			if m.Causal {
				hi = min(hi, pos+1)
			}
			if m.KeyStart != nil {
				lo = max(lo, int(m.KeyStart[r]))
			}
			hi = max(hi, 0)
			lo = min(max(lo, 0), hi)
			p.Hi[r] = int32(hi)
			if p.Lo != nil {
				p.Lo[r] = int32(lo)
			}
			pairs += hi - lo
			if p.Shared != nil {
				pairs += min(lo, max(0, int(p.Shared[b])))
			}
		}
	}
	return buf, pairs
}
