package kernel

// dotRowsOf computes a span from rows of A and of the transpose of B.
func (g *product[T]) dotRowsOf(s *span[T]) {
	x, xs := s.a, g.ar
	if g.ac != 1 {
		buf := grab[T](s.m * g.k)
		defer buf.drop()
		gather(buf.s, s.m, g.k, s.a, g.ar, g.ac)
		x, xs = buf.s, g.k
	}
	for i := 0; i < s.m; i += fewCols { // more than a few are small ones
		g.dots(min(fewCols, s.m-i), s.n, g.k, x[i*xs:], xs, s.b, g.bc, s.c[i*g.cr:], g.cr, 1, g.add)
	}
	if g.fused {
		g.end.finish(g.table, s.i, s.i+s.m, s.j, s.j+s.n, g.c, g.cr)
	}
}

// dotColumns does the same for the transpose of C.
func (g *product[T]) dotColumns(s *span[T]) {
	x, xs := s.b, g.bc
	if g.br != 1 {
		buf := grab[T](s.n * g.k)
		defer buf.drop()
		gather(buf.s, s.n, g.k, s.b, g.bc, g.br)
		x, xs = buf.s, g.k
	}
	g.dots(s.n, s.m, g.k, x, xs, s.a, g.ar, s.c, 1, g.cr, g.add)
	if g.fused {
		g.end.finish(g.table, s.i, s.i+s.m, s.j, s.j+s.n, g.c, g.cr)
	}
}

// gather copies an m×k matrix so that its rows are dense.
func gather[T Float](to []T, m, k int, a []T, ar, ac int) {
	for i := range m {
		row := to[i*k : i*k+k]
		for p := range row {
			row[p] = a[i*ar+p*ac]
		}
	}
}

// combineRows computes a span as sums of rows of B.
func (g *product[T]) combineRows(s *span[T]) {
	buf := grab[T](s.n)
	defer buf.drop()
	for i := range s.m {
		row := s.c[i*g.cr : i*g.cr+s.n]
		if !g.add {
			combine(g.k, row, s.a[i*g.ar:], g.ac, s.b, g.br)
			continue
		}
		combine(g.k, buf.s, s.a[i*g.ar:], g.ac, s.b, g.br)
		addVec(row, row, buf.s)
	}
	if g.fused {
		g.end.finish(g.table, s.i, s.i+s.m, s.j, s.j+s.n, g.c, g.cr)
	}
}

// dots is the portable one of [table]. Four sums at a time hide the latency of
// an addition.
func dots[T Float](m, n, k int, x []T, xs int, w []T, ws int, out []T, os, oj int, add bool) {
	for i := range m {
		row, to := x[i*xs:][:k], out[i*os:]
		j := 0
		for ; j+4 <= n; j += 4 {
			w0, w1, w2, w3 := w[j*ws:][:k], w[(j+1)*ws:][:k], w[(j+2)*ws:][:k], w[(j+3)*ws:][:k]
			var s0, s1, s2, s3 T
			for p, v := range row {
				s0 += T(v * w0[p])
				s1 += T(v * w1[p])
				s2 += T(v * w2[p])
				s3 += T(v * w3[p])
			}
			if add {
				s0, s1, s2, s3 = to[j*oj]+s0, to[(j+1)*oj]+s1, to[(j+2)*oj]+s2, to[(j+3)*oj]+s3
			}
			to[j*oj], to[(j+1)*oj], to[(j+2)*oj], to[(j+3)*oj] = s0, s1, s2, s3
		}
		for ; j < n; j++ {
			var s T
			for p, v := range w[j*ws:][:k] {
				s += T(row[p] * v)
			}
			if add {
				s += to[j*oj]
			}
			to[j*oj] = s
		}
	}
}
