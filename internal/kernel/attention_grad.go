package kernel

import "github.com/noema-ml/noema/internal/parallel"

// AttentionGrad adds to dq, dk and dv (each skipped if nil) the gradients of
// [Attention], given its inputs, its outputs o and lse and the gradient do of
// o. Shapes and batch strides are those of Attention. The probabilities are
// computed again from lse, a block of queries at a time (Dao et al., 2022,
// algorithm 4).
func AttentionGrad[T Float](p *Attn, dq, dk, dv, q, k, v, o, lse, do []T) {
	group := p.Heads / p.KVHeads
	rows := p.blockRows()
	// One task owns a key/value head of a batch, hence its part of dk and dv.
	parallel.For(p.Batch*p.KVHeads, grain[T](group*p.Queries*p.Keys*2*p.termsPerScore()), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			b, kh := i/p.KVHeads, i%p.KVHeads
			if p.Queries == 1 {
				s := p.sharedSpan(b, kh)
				attendGrad(p, &s, dq, dk, dv, q, k, v, o, lse, do)
				continue
			}
			for h := kh * group; h < (kh+1)*group; h++ {
				for i0 := 0; i0 < p.Queries; i0 += rows {
					s := p.spanOf(b, h, i0, min(rows, p.Queries-i0))
					attendGrad(p, &s, dq, dk, dv, q, k, v, o, lse, do)
				}
			}
		}
	})
}

// attendGrad adds the gradients of one span.
func attendGrad[T Float](p *Attn, s *span, dq, dk, dv, q, k, v, o, lse, do []T) {
	t := tableOf[T]()
	width := s.khi - s.klo
	if width <= 0 {
		return
	}
	buf := grab[T](2 * s.rows * width)
	defer buf.drop()
	prob, ds := buf.s[:s.rows*width], buf.s[s.rows*width:]
	first := s.k + s.klo*s.kRow
	scale := T(p.Scale)

	Gemm(s.rows, width, p.Dim, q[s.q:], s.qRow, 1, k[first:], 1, s.kRow, 0, prob, width)
	Gemm(s.rows, width, p.Dim, do[s.q:], s.qRow, 1, v[first:], 1, s.kRow, 0, ds, width)
	for i := range s.rows {
		row, drow := prob[i*width:(i+1)*width], ds[i*width:(i+1)*width]
		lo, hi := s.seen(p, i)
		l := lse[s.lse+i]
		if l-l != 0 && l < 0 { // -Inf: the row saw nothing
			lo, hi = 0, 0
		}
		clear(row[:lo])
		clear(row[hi:])
		clear(drow[:lo])
		clear(drow[hi:])
		see, d := row[lo:hi], drow[lo:hi]
		t.scale(see, see, scale)
		t.expSum(see, see, l)
		at := s.q + i*s.qRow
		delta := t.dot(do[at:at+p.Dim], o[at:at+p.Dim])
		for j, pr := range see {
			d[j] = pr * (d[j] - delta) * scale
		}
	}
	if dv != nil {
		Gemm(width, p.Dim, s.rows, prob, 1, width, do[s.q:], s.qRow, 1, 1, dv[first:], s.kRow)
	}
	if dq != nil {
		Gemm(s.rows, p.Dim, width, ds, width, 1, k[first:], s.kRow, 1, 1, dq[s.q:], s.qRow)
	}
	if dk != nil {
		Gemm(width, p.Dim, s.rows, ds, 1, width, q[s.q:], s.qRow, 1, 1, dk[first:], s.kRow)
	}
}
