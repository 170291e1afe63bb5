package kernel

import (
	"sync"

	"github.com/noema-ml/noema/internal/parallel"
)

// product is one call of Gemm on the packed path, after Goto and van de Geijn
// (2008): blocks of A and B are copied into panels as wide as the micro-kernel,
// then tiles of C are computed from the panels. It is pooled together with its
// buffers and bound methods, so a call allocates nothing.
type product[T Float] struct {
	*table[T]
	a, b, c        []T
	ar, ac, br, bc int
	cr             int
	add            bool // to C, rather than over it

	// The current block: rows [i0, i0+m) of A, columns [j0, j0+n) of B and
	// the terms [p0, p0+k).
	i0, m, j0, n, p0, k int
	mt, nt              int // sides of a tile, multiples of mr and nr

	pa, pb                    []T
	doPackA, doPackB, doTiles func(lo, hi int)
}

var (
	products32 = sync.Pool{New: func() any { return newProduct[float32]() }}
	products64 = sync.Pool{New: func() any { return newProduct[float64]() }}
)

func newProduct[T Float]() *product[T] {
	g := new(product[T])
	g.doPackA, g.doPackB, g.doTiles = g.packA, g.packB, g.tiles
	return g
}

func packed[T Float](t *table[T], m, n, k int, a []T, ar, ac int, b []T, br, bc int, add bool, c []T, cr int) {
	pool := &products64
	if single[T]() {
		pool = &products32
	}
	g := pool.Get().(*product[T])
	g.table, g.a, g.b, g.c = t, a, b, c
	g.ar, g.ac, g.br, g.bc, g.cr = ar, ac, br, bc, cr
	g.mt, g.nt = roundUp(tileSide, t.mr), roundUp(tileSide, t.nr)
	serial := m*n*k <= serialWork
	for j0 := 0; j0 < n; j0 += packedCols {
		g.j0, g.n = j0, min(packedCols, n-j0)
		g.add = add
		for p0 := 0; p0 < k; p0 += kBlock {
			g.p0, g.k = p0, min(kBlock, k-p0)
			g.pb = resize(g.pb, roundUp(g.n, t.nr)*g.k)
			split(serial, ceilDiv(g.n, t.nr), ceilDiv(tileSide, t.nr), g.doPackB)
			for i0 := 0; i0 < m; i0 += packedRows {
				g.i0, g.m = i0, min(packedRows, m-i0)
				g.pa = resize(g.pa, roundUp(g.m, t.mr)*g.k)
				split(serial, ceilDiv(g.m, t.mr), ceilDiv(tileSide, t.mr), g.doPackA)
				split(serial, ceilDiv(g.m, g.mt)*ceilDiv(g.n, g.nt), 1, g.doTiles)
			}
			g.add = true
		}
	}
	g.a, g.b, g.c = nil, nil, nil
	pool.Put(g)
}

func split(serial bool, n, grain int, body func(lo, hi int)) {
	if serial {
		body(0, n)
	} else {
		parallel.For(n, grain, body)
	}
}

func (g *product[T]) packA(lo, hi int) {
	for q := lo; q < hi; q++ {
		i := q * g.mr
		g.pack(g.pa[i*g.k:(i+g.mr)*g.k], g.mr, min(g.mr, g.m-i), g.k, g.a[(g.i0+i)*g.ar+g.p0*g.ac:], g.ar, g.ac)
	}
}

func (g *product[T]) packB(lo, hi int) {
	for q := lo; q < hi; q++ {
		j := q * g.nr
		g.pack(g.pb[j*g.k:(j+g.nr)*g.k], g.nr, min(g.nr, g.n-j), g.k, g.b[(g.j0+j)*g.bc+g.p0*g.br:], g.bc, g.br)
	}
}

// pack sets out[p*width+i] to src[i*si+p*sp] for i < have and to zero for the
// other i < width, p < k.
func pack[T Float](out []T, width, have, k int, src []T, si, sp int) {
	if have < width {
		clear(out)
	}
	switch {
	case si == 1:
		for p := range k {
			copy(out[p*width:p*width+have], src[p*sp:])
		}
	case width == 4 && have == 4 && sp == 1:
		r0, r1, r2, r3 := src[:k], src[si:][:k], src[2*si:][:k], src[3*si:][:k]
		for p := range r0 {
			o := out[4*p : 4*p+4 : 4*p+4]
			o[0], o[1], o[2], o[3] = r0[p], r1[p], r2[p], r3[p]
		}
	default:
		for i := range have {
			row := src[i*si:]
			for p := range k {
				out[p*width+i] = row[p*sp]
			}
		}
	}
}

// tiles computes tiles [lo, hi) of the block, counted down its columns.
func (g *product[T]) tiles(lo, hi int) {
	down := ceilDiv(g.m, g.mt)
	for q := lo; q < hi; q++ {
		i, j := q%down*g.mt, q/down*g.nt
		g.tile(i, min(g.m, i+g.mt), j, min(g.n, j+g.nt))
	}
}

func (g *product[T]) tile(ilo, ihi, jlo, jhi int) {
	var edge *scratch[T]
	for j := jlo; j < jhi; j += g.nr {
		pb := g.pb[j*g.k : (j+g.nr)*g.k]
		for i := ilo; i < ihi; i += g.mr {
			pa := g.pa[i*g.k : (i+g.mr)*g.k]
			c := g.c[(g.i0+i)*g.cr+g.j0+j:]
			rows, cols := min(g.mr, ihi-i), min(g.nr, jhi-j)
			if rows == g.mr && cols == g.nr {
				g.micro(g.k, pa, pb, c, g.cr, g.add)
				continue
			}
			if edge == nil {
				edge = grab[T](g.mr * g.nr)
			}
			g.micro(g.k, pa, pb, edge.s, g.nr, false)
			for r := range rows {
				from, to := edge.s[r*g.nr:r*g.nr+cols], c[r*g.cr:r*g.cr+cols]
				if g.add {
					addVec(to, to, from)
				} else {
					copy(to, from)
				}
			}
		}
	}
	if edge != nil {
		edge.drop()
	}
}

func roundUp(n, to int) int { return ceilDiv(n, to) * to }
func ceilDiv(n, d int) int  { return (n + d - 1) / d }

// resize returns a slice of n elements with arbitrary contents.
func resize[T Float](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
