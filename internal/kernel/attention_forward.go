package kernel

import (
	"math"
	"slices"
)

// forwardAll attends with all queries, in chunks.
func (c *attnCall[T]) forwardAll() {
	c.chunk = min(c.Queries, max(attnRows, attnTask/c.group/attnRows*attnRows))
	c.chunks = ceilDiv(c.Queries, c.chunk)
	c.run(attnForward, c.Batch*c.KVHeads*c.chunks, c.terms(c.chunk*c.group, 2))
}

// forward computes the outputs of a chunk of queries of all heads of a
// key/value head, whose blocks of keys are packed once for all of them. Late
// queries come first: under a causal mask they take longest.
func (c *attnCall[T]) forward(w *attnWork[T], task int) {
	t, heads := c.t, c.Batch*c.KVHeads
	b, kh := task%heads/c.KVHeads, task%heads%c.KVHeads
	i0 := (c.chunks - 1 - task/heads) * c.chunk
	n := min(c.chunk, c.Queries-i0)
	pad := roundUp(n, t.mr)

	var q, acc, m, l, kt, vp, s []T
	w.take([]attnPart[T]{
		{&q, c.group * pad * c.Dim}, {&acc, c.group * pad * c.wide}, {&m, c.group * pad}, {&l, c.group * pad},
		{&kt, c.keys * c.Dim}, {&vp, c.keys * c.wide}, {&s, roundUp(attnRows, t.mr) * c.pitch},
		{&w.edge, max(c.keys, c.Dim) * t.mr},
	}...)
	clear(acc)
	clear(l)
	fill(m, T(math.Inf(-1)))
	at := b*c.qb + (i0*c.Heads+kh*c.group)*c.Dim // of the first row in q and o
	for g := range c.group {
		t.scaleRows(q[g*pad*c.Dim:], c.Dim, c.q[at+g*c.Dim:], c.qRow, n, c.Dim, c.scale[:])
	}
	for k0, width := c.block(b, i0, n, 0, c.Keys, c.keys); width > 0; k0, width = c.block(b, i0, n, k0+width, c.Keys, c.keys) {
		from := b*c.kb + (k0*c.KVHeads+kh)*c.Dim
		keys := c.packed(kt, c.Dim, width, c.k[from:], 1, c.kRow)
		values := c.packed(vp, width, c.Dim, c.v[from:], c.kRow, 1)
		for i := 0; i < n; i += attnRows {
			rows := min(attnRows, n-i)
			if !w.see(&c.Attn, b, i0+i, rows, k0, width) {
				continue
			}
			for g := range c.group {
				r := g*pad + i
				c.products(w, rows, q[r*c.Dim:], c.Dim, keys, s)
				fix := w.fix[:rows]
				t.softRows(s, c.pitch, width, w.lo[:rows], w.hi[:rows], m[r:][:rows], l[r:][:rows], fix)
				if slices.ContainsFunc(fix, func(x T) bool { return x != 1 }) {
					t.scaleRows(acc[r*c.wide:], c.wide, acc[r*c.wide:], c.wide, rows, c.Dim, fix)
				}
				c.combine(w, rows, s, values, acc[r*c.wide:], true)
			}
		}
	}
	for g := range c.group {
		m, l := m[g*pad:][:n], l[g*pad:][:n]
		lse := c.lse[(b*c.Heads+kh*c.group+g)*c.Queries+i0:]
		for i, sum := range l {
			lse[i] = m[i]
			l[i] = 0
			if sum != 0 { // also NaN
				lse[i] += T(math.Log(float64(sum)))
				l[i] = 1 / sum
			}
		}
		t.scaleRows(c.o[at+g*c.Dim:], c.qRow, acc[g*pad*c.wide:], c.wide, n, c.Dim, l)
	}
}
