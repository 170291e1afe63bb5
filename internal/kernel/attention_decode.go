package kernel

import "math"

// decodeKeys is how many cached keys a task of a single query reads.
const decodeKeys = 512

// decodeAll attends with one query of each head.
func (c *attnCall[T]) decodeAll() {
	heads := c.Batch * c.KVHeads
	c.chunks = max(1, ceilDiv(c.Keys, decodeKeys))
	c.chunk = ceilDiv(c.Keys, c.chunks)
	part := grab[T](c.Batch * c.Heads * c.chunks * (c.Dim + 2))
	defer part.drop()
	c.part = part.s
	c.run(attnDecode, heads*c.chunks, c.terms(c.group, 2)/c.chunks)
	c.run(attnJoin, c.Batch*c.Heads, c.chunks*c.Dim)
}

// partOf returns what a chunk of keys leaves behind for a head: the largest
// score, the sum of the exponentials relative to it and, unless it is -Inf, the
// sum of the values that these weight.
func (c *attnCall[T]) partOf(head, chunk int) []T {
	return c.part[(head*c.chunks+chunk)*(c.Dim+2):][:c.Dim+2]
}

// decode attends to a chunk of keys with all heads of a group, so that keys and
// values are read once for all of them.
func (c *attnCall[T]) decode(w *attnWork[T], task int) {
	t := c.t
	head, chunk := task/c.chunks, task%c.chunks
	b, kh := head/c.KVHeads, head%c.KVHeads
	lo, hi := c.visible(b, 0)
	lo, hi = max(lo, chunk*c.chunk), min(hi, (chunk+1)*c.chunk)
	n := hi - lo
	if n <= 0 {
		for g := range c.group {
			c.partOf(head*c.group+g, chunk)[0] = T(math.Inf(-1))
		}
		return
	}
	var q, scores []T
	w.take([]attnPart[T]{{&q, c.Dim}, {&scores, c.group * n}}...)
	from := b*c.kb + (lo*c.KVHeads+kh)*c.Dim
	for g := range c.group {
		s := scores[g*n : (g+1)*n]
		t.scale(q, c.q[b*c.qb+(kh*c.group+g)*c.Dim:][:c.Dim], T(c.Scale))
		t.dots(1, n, c.Dim, q, c.Dim, c.k[from:], c.kRow, s, n, 1, false)
		part := c.partOf(head*c.group+g, chunk)
		part[0] = t.maxOf(s)
		if part[0] > T(math.Inf(-1)) || part[0] != part[0] {
			part[1] = t.expSum(s, s, part[0])
		}
	}
	for g := range c.group {
		if part := c.partOf(head*c.group+g, chunk); part[0] != T(math.Inf(-1)) {
			t.combineRow(n, part[2:], scores[g*n:(g+1)*n], 1, c.v[from:], c.kRow)
		}
	}
}

// join sums the parts of a head.
func (c *attnCall[T]) join(head int) {
	b, h := head/c.Heads, head%c.Heads
	out := c.o[b*c.qb+h*c.Dim:][:c.Dim]
	clear(out)
	m, l := T(math.Inf(-1)), T(0)
	for i := range c.chunks {
		part := c.partOf(head, i)
		switch {
		case part[0] == T(math.Inf(-1)):
			continue
		case part[0] <= m:
			fix := T(math.Exp(float64(part[0] - m)))
			l += part[1] * fix
			c.t.addScaled(out, part[2:], fix)
		default: // also NaN
			fix := T(0)
			if l > 0 {
				fix = T(math.Exp(float64(m - part[0])))
			}
			m, l = part[0], l*fix+part[1]
			c.t.scale(out, out, fix)
			c.t.add(out, out, part[2:])
		}
	}
	c.lse[head] = m
	if l != 0 { // also NaN
		c.t.scale(out, out, 1/l)
		c.lse[head] = m + T(math.Log(float64(l)))
	}
}
