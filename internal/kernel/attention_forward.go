package kernel

import "math"

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
	klo, khi := c.union(b, i0, n)

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
		for i := range n {
			r := g*pad + i
			t.scale(q[r*c.Dim:(r+1)*c.Dim], c.q[at+i*c.qRow+g*c.Dim:][:c.Dim], T(c.Scale))
		}
	}
	for k0 := klo; k0 < khi; k0 += c.keys {
		width := min(c.keys, khi-k0)
		from := b*c.kb + (k0*c.KVHeads+kh)*c.Dim
		keys := c.packed(kt, c.Dim, width, c.k[from:], 1, c.kRow)
		values := c.packed(vp, width, c.Dim, c.v[from:], c.kRow, 1)
		for i := 0; i < n; i += attnRows {
			rows := min(attnRows, n-i)
			if !w.see(c.Attn, b, i0+i, rows, k0, width) {
				continue
			}
			for g := range c.group {
				r := g*pad + i
				c.products(w, rows, q[r*c.Dim:], c.Dim, keys, s)
				c.soften(w, rows, s, width, m[r:], l[r:], acc[r*c.wide:])
				c.combine(w, rows, s, values, acc[r*c.wide:], true)
			}
		}
	}
	for g := range c.group {
		for i := range n {
			r := g*pad + i
			out := c.o[at+i*c.qRow+g*c.Dim:][:c.Dim]
			lse := &c.lse[(b*c.Heads+kh*c.group+g)*c.Queries+i0+i]
			if m[r] == T(math.Inf(-1)) {
				clear(out)
				*lse = m[r]
				continue
			}
			t.scale(out, acc[r*c.wide:][:c.Dim], 1/l[r])
			*lse = m[r] + T(math.Log(float64(l[r])))
		}
	}
}

// soften turns rows of scores into exp(score-m), with zeros for what a row does
// not see, where m is the largest score of the row so far, and keeps l, the sum
// of them all, and acc, the sum of values that they weight, relative to m.
func (c *attnCall[T]) soften(w *attnWork[T], rows int, s []T, width int, m, l, acc []T) {
	t := c.t
	for i := range rows {
		row := s[i*c.pitch:][:width]
		lo, hi := w.lo[i], w.hi[i]
		clear(row[:lo])
		clear(row[hi:])
		see := row[lo:hi]
		if len(see) == 0 {
			continue
		}
		old := m[i]
		top := t.maxOf(see)
		if !(top <= old) {
			m[i] = top
			if old > T(math.Inf(-1)) {
				fix := T(math.Exp(float64(old - top)))
				l[i] *= fix
				a := acc[i*c.wide:][:c.wide]
				t.scale(a, a, fix)
			}
		}
		if m[i] == T(math.Inf(-1)) {
			clear(see)
			continue
		}
		l[i] += t.expSum(see, see, m[i])
	}
}
