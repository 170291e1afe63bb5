package kernel

import "math"

const (
	attnTasks = 16  // backward tasks wanted, if each has at least attnSpan keys
	attnSpan  = 512 // keys
)

// AttnFresh says which gradients hold nothing yet and are written, not added
// to.
type AttnFresh struct{ Q, K, V bool }

// AttentionGrad adds to dq, dk and dv (each skipped if nil), or writes to them
// what is fresh, the gradients of [Attention], given its inputs, its outputs
// o and lse and the gradient do of o. Shapes and batch strides are those of
// Attention. The probabilities are computed again from lse, a block at a time
// (Dao, 2023, algorithm 2).
func AttentionGrad[T Float](p *Attn, fresh AttnFresh, dq, dk, dv, q, k, v, o, lse, do []T) {
	if p.Batch*p.Heads*p.Queries*p.Keys*p.Dim == 0 {
		for i, d := range [3][]T{dq, dk, dv} {
			if [3]bool{fresh.Q, fresh.K, fresh.V}[i] {
				clear(d)
			}
		}
		return
	}
	c := newAttnCall[T](p)
	c.fresh = fresh
	c.q, c.k, c.v, c.o, c.lse = q, k, v, o, lse
	c.do, c.dq, c.dk, c.dv = do, dq, dk, dv
	heads := p.Batch * p.KVHeads
	c.chunks = max(1, min(attnTasks/heads, p.Keys/attnSpan))
	c.chunk = roundUp(ceilDiv(p.Keys, c.chunks), c.keys)
	c.chunks = ceilDiv(p.Keys, c.chunk)
	// Tasks for the same queries and other keys leave their parts of dq behind,
	// to be added in order.
	if dq != nil && c.chunks > 1 {
		part := grab[T]((c.chunks - 1) * p.Batch * p.Queries * c.qRow)
		defer part.drop()
		c.part = part.s
	}
	c.run(attnBackward, heads*c.chunks, p.terms(c.group*p.Queries, 5)/c.chunks)
	if c.part != nil {
		c.run(attnSumQ, p.Batch*p.Queries, c.chunks*c.qRow)
	}
	c.drop()
}

// backward adds the gradients of a chunk of keys of a key/value head, of which
// it owns dk and dv.
func (c *attnCall[T]) backward(w *attnWork[T], task int) {
	t, heads := c.t, c.Batch*c.KVHeads
	b, kh, chunk := task%heads/c.KVHeads, task%heads%c.KVHeads, task/heads
	first, past := chunk*c.chunk, min(c.Keys, (chunk+1)*c.chunk)
	// What is fresh is cleared here, where it stays in the cache.
	kv := b*c.kb + kh*c.Dim
	if c.fresh.K {
		c.clearRows(c.dk, kv+first*c.kRow, c.kRow, past-first, c.Dim)
	}
	if c.fresh.V {
		c.clearRows(c.dv, kv+first*c.kRow, c.kRow, past-first, c.Dim)
	}
	if c.fresh.Q && chunk == 0 {
		c.clearRows(c.dq, b*c.qb+kh*c.group*c.Dim, c.qRow, c.Queries, c.group*c.Dim)
	}
	dq, dqb := c.dq, c.qb
	if chunk > 0 && dq != nil {
		dqb = c.Queries * c.qRow
		dq = c.part[(chunk-1)*c.Batch*dqb:]
		c.clearRows(dq, b*dqb+kh*c.group*c.Dim, c.qRow, c.Queries, c.group*c.Dim)
	}
	rows, keys := roundUp(attnRows, t.mr), roundUp(c.keys, t.mr)
	var q, do, qp, dop, dqs, delta, lse, kt, vt, kp, p, ds, dk, dv []T
	w.take([]attnPart[T]{
		{&q, rows * c.wide}, {&do, rows * c.wide}, {&qp, rows * c.wide}, {&dop, rows * c.wide}, {&dqs, rows * c.wide},
		{&delta, c.group * c.Queries}, {&lse, c.group * c.Queries},
		{&kt, c.keys * c.Dim}, {&vt, c.keys * c.Dim}, {&kp, c.keys * c.wide},
		{&p, rows * c.pitch}, {&ds, rows * c.pitch}, {&dk, keys * c.wide}, {&dv, keys * c.wide},
		{&w.edge, max(c.keys, c.Dim, attnRows) * t.mr},
	}...)
	at := b*c.qb + kh*c.group*c.Dim
	for g := range c.group {
		x := at + g*c.Dim
		for i, l := range c.lse[(b*c.Heads+kh*c.group+g)*c.Queries:][:c.Queries] {
			if l == T(math.Inf(-1)) { // all that the query sees is -Inf: no probability
				l = -l
			}
			lse[g*c.Queries+i] = l
		}
		t.rowDots(delta[g*c.Queries:][:c.Queries], c.do[x:], c.qRow, c.o[x:], c.qRow, c.Dim)
	}
	for k0, width := c.block(b, 0, c.Queries, first, past, c.keys); width > 0; k0, width = c.block(b, 0, c.Queries, k0+width, past, c.keys) {
		from := b*c.kb + (k0*c.KVHeads+kh)*c.Dim
		keysT := c.packed(kt, c.Dim, width, c.k[from:], 1, c.kRow)
		valuesT := c.packed(vt, c.Dim, width, c.v[from:], 1, c.kRow)
		keys := c.packed(kp, width, c.Dim, c.k[from:], c.kRow, 1)
		clear(dk)
		clear(dv)
		for i0 := 0; i0 < c.Queries; i0 += attnRows {
			n := min(attnRows, c.Queries-i0)
			if !w.see(&c.Attn, b, i0, n, k0, width) {
				continue
			}
			for g := range c.group {
				x := at + i0*c.qRow + g*c.Dim
				t.scaleRows(q, c.wide, c.q[x:], c.qRow, n, c.Dim, c.scale[:])
				t.scaleRows(do, c.wide, c.do[x:], c.qRow, n, c.Dim, c.unit[:])
				c.products(w, n, q, c.wide, keysT, p)
				c.products(w, n, do, c.wide, valuesT, ds)
				r := g*c.Queries + i0
				t.gradRows(p, ds, c.pitch, width, w.lo[:n], w.hi[:n], lse[r:][:n], delta[r:][:n])
				if c.dv != nil {
					c.transposed(w, n, p, width, c.columns(dop, do, n), dv)
				}
				if c.dk != nil {
					c.transposed(w, n, ds, width, c.columns(qp, q, n), dk)
				}
				if dq != nil {
					clear(dqs[:n*c.wide])
					c.combine(w, n, ds, keys, dqs, false)
					y := b*dqb + (i0*c.Heads+kh*c.group+g)*c.Dim
					t.addRows(dq[y:], c.qRow, dqs, c.wide, n, c.Dim, c.scale[0])
				}
			}
		}
		if c.dk != nil {
			t.addRows(c.dk[from:], c.kRow, dk, c.wide, width, c.Dim, 1)
		}
		if c.dv != nil {
			t.addRows(c.dv[from:], c.kRow, dv, c.wide, width, c.Dim, 1)
		}
	}
}

// clearRows clears rows of x, ld apart from at on.
func (c *attnCall[T]) clearRows(x []T, at, ld, rows, cols int) {
	if x == nil {
		return
	}
	for i := range rows {
		clear(x[at+i*ld:][:cols])
	}
}

// columns returns n rows of x, c.wide apart, as panels: in place if the kernel
// has strides.
func (c *attnCall[T]) columns(buf, x []T, n int) panels[T] {
	if c.t.strided {
		return panels[T]{x, c.wide, c.t.nr}
	}
	return c.packed(buf, n, c.Dim, x, c.wide, 1)
}

// transposed adds to rows of out, one for each key, the n rows of b weighted
// with the keys' columns of scores.
func (c *attnCall[T]) transposed(w *attnWork[T], n int, scores []T, width int, b panels[T], out []T) {
	h := c.tileRows(width)
	for j := 0; j < width; j += h {
		rows := min(h, width-j)
		lo, hi := 0, n // queries that see some of the keys
		for lo < hi && !w.sees(lo, j, rows) {
			lo++
		}
		for lo < hi && !w.sees(hi-1, j, rows) {
			hi--
		}
		if lo < hi {
			c.tile(w, rows, hi-lo, scores[lo*c.pitch+j:], 1, c.pitch, b, lo, 0, c.Dim, out[j*c.wide:], c.wide, true)
		}
	}
}

// sees reports whether row i sees one of n keys from j on.
func (w *attnWork[T]) sees(i, j, n int) bool {
	return int(w.hi[i]) > j && int(w.lo[i]) < j+n
}

// sumQ adds the parts of a row of dq, all heads.
func (c *attnCall[T]) sumQ(row int) {
	b, i := row/c.Queries, row%c.Queries
	dst := c.dq[b*c.qb+i*c.qRow:][:c.qRow]
	for n := range c.chunks - 1 {
		c.t.add(dst, dst, c.part[(n*c.Batch*c.Queries+row)*c.qRow:][:c.qRow])
	}
}
