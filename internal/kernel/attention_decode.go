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
	lo, hi := c.visible(b, 0, chunk*c.chunk, min(c.Keys, (chunk+1)*c.chunk))
	n := hi - lo
	if n <= 0 {
		for g := range c.group {
			c.partOf(head*c.group+g, chunk)[0] = T(math.Inf(-1))
		}
		return
	}
	group, dim := c.group, c.Dim
	var q, scores, acc []T
	w.take([]attnPart[T]{{&q, group * dim}, {&scores, group * n}, {&acc, group * dim}}...)
	t.scale(q, c.q[b*c.qb+kh*group*dim:][:group*dim], T(c.Scale))
	from := b*c.kb + (lo*c.KVHeads+kh)*dim
	for g := 0; g < group; g += fewCols {
		t.dots(min(fewCols, group-g), n, dim, q[g*dim:], dim, c.k[from:], c.kRow, scores[g*n:], n, 1, false)
	}
	for g := range group {
		s, part := scores[g*n:(g+1)*n], c.partOf(head*group+g, chunk)
		part[0] = t.maxOf(s)
		if part[0] == T(math.Inf(-1)) {
			clear(s)
			continue
		}
		part[1] = t.expSum(s, s, part[0])
	}
	for g := 0; g < group; g += t.mr {
		c.weigh(min(t.mr, group-g), n, scores[g*n:], c.v[from:], acc[g*dim:])
	}
	for g := range group {
		copy(c.partOf(head*group+g, chunk)[2:], acc[g*dim:])
	}
}

// weigh sets rows of out to the sums of n rows of v, weighted with rows of
// scores.
func (c *attnCall[T]) weigh(rows, n int, scores, v, out []T) {
	if c.t.strided {
		c.t.micro(rows, c.Dim, n, scores, n, 1, v, c.kRow, out, c.Dim, false)
		return
	}
	for i := range rows {
		combine(n, out[i*c.Dim:(i+1)*c.Dim], scores[i*n:], 1, v, c.kRow)
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
