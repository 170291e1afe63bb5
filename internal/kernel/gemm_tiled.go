package kernel

import (
	"sync"

	"github.com/noema-ml/noema/internal/parallel"
)

// Bounds of a tile of C, the unit of parallel work. A panel of B fits the
// first-level cache, the rows of A of a tile the second.
const (
	tileRows = 144
	tileCols = 128
	tileWork = 64 << 10 // tiles are not made smaller than this many terms

	// B is used in place for up to inPlaceRows rows of A, or if there are not
	// more elements than inPlaceSize from its first to its last.
	inPlaceRows = 60
	inPlaceSize = 8 << 10
)

// product is one call of Gemm after Goto and van de Geijn (2008). C is cut
// into tiles that are computed on their own: each packs what it needs of A and
// B into panels as wide as the micro-kernel, where that pays. Packing the same
// panel for several tiles costs a few percent, less than waiting for another
// core to pack it. A product is pooled with its bound method, so a call
// allocates nothing.
type product[T Float] struct {
	*table[T]
	a, b, c        []T
	ar, ac, br, bc int
	cr             int
	m, n, k        int
	add            bool // to C, rather than over it
	mt, nt         int  // sides of a tile, multiples of mr and nr
	doTiles        func(lo, hi int)
}

var (
	products32 = sync.Pool{New: func() any { return newProduct[float32]() }}
	products64 = sync.Pool{New: func() any { return newProduct[float64]() }}
)

func newProduct[T Float]() *product[T] {
	g := new(product[T])
	g.doTiles = g.tiles
	return g
}

func tiled[T Float](t *table[T], m, n, k int, a []T, ar, ac int, b []T, br, bc int, add bool, c []T, cr int) {
	pool := &products64
	if single[T]() {
		pool = &products32
	}
	g := pool.Get().(*product[T])
	g.table, g.a, g.b, g.c = t, a, b, c
	g.ar, g.ac, g.br, g.bc, g.cr = ar, ac, br, bc, cr
	g.m, g.n, g.k, g.add = m, n, k, add
	g.mt, g.nt = min(tileRows, roundUp(m, t.mr)), min(tileCols, roundUp(n, t.nr))
	if m*n*k <= t.serial {
		g.doTiles(0, g.count())
	} else {
		g.shrink()
		parallel.For(g.count(), 1, g.doTiles)
	}
	g.a, g.b, g.c = nil, nil, nil
	pool.Put(g)
}

func (g *product[T]) count() int { return ceilDiv(g.m, g.mt) * ceilDiv(g.n, g.nt) }

// shrink halves the tiles while there are too few to keep some cores busy. If
// only B is packed, tiles lose columns first, so that no panel is packed twice.
func (g *product[T]) shrink() {
	for g.count() < 8 && g.mt*g.nt*g.k >= 2*tileWork {
		switch {
		case g.nt > g.nr && (g.mt < g.nt || g.strided):
			g.nt = roundUp(ceilDiv(g.nt, 2), g.nr)
		case g.mt > g.mr:
			g.mt = roundUp(ceilDiv(g.mt, 2), g.mr)
		default:
			return
		}
	}
}

// useB reports whether B is used as it lies: if the kernel can and B stays in
// the first-level cache or is not read often. A always is if the kernel can.
func (g *product[T]) useB() bool {
	return g.strided && g.bc == 1 && (min(kBlock, g.k)*g.br <= inPlaceSize || g.mt <= inPlaceRows)
}

// tiles computes tiles [lo, hi), counted down the columns of C.
func (g *product[T]) tiles(lo, hi int) {
	down := ceilDiv(g.m, g.mt)
	for q := lo; q < hi; q++ {
		i, j := q%down*g.mt, q/down*g.nt
		g.tile(i, min(g.mt, g.m-i), j, min(g.nt, g.n-j))
	}
}

// rows returns how many of the rows that are left the micro-kernel takes next,
// and how many it computes. One or two rows would take as long as three.
func (g *product[T]) rows(left int) (take, width int) {
	take = min(g.mr, left)
	switch {
	case !g.strided:
		return take, g.mr
	case left > g.mr && left < g.mr*3/2:
		take = (left + 1) / 2
	}
	return take, take
}

// tile computes m rows from i0 and n columns from j0.
func (g *product[T]) tile(i0, m, j0, n int) {
	kb := min(kBlock, g.k)
	useB := g.useB()
	mp := 0
	if !g.strided {
		mp = roundUp(m, g.mr)
	}
	buf := grab[T]((mp+g.nr)*kb + g.mr*g.nr)
	defer buf.drop()
	pa, pb, edge := buf.s[:mp*kb], buf.s[mp*kb:(mp+g.nr)*kb], buf.s[(mp+g.nr)*kb:]
	add := g.add
	for p0 := 0; p0 < g.k; p0 += kBlock {
		k := min(kBlock, g.k-p0)
		a, b := g.a[i0*g.ar+p0*g.ac:], g.b[j0*g.bc+p0*g.br:]
		if !g.strided {
			for i := 0; i < m; i += g.mr {
				g.pack(pa[i*k:(i+g.mr)*k], g.mr, min(g.mr, m-i), k, a[i*g.ar:], g.ar, g.ac)
			}
		}
		for j := 0; j < n; j += g.nr {
			cols := min(g.nr, n-j)
			bj, br := b[j*g.bc:], g.br
			if !useB || cols < g.nr {
				g.pack(pb[:k*g.nr], g.nr, cols, k, bj, g.bc, br)
				bj, br = pb, g.nr
			}
			for i := 0; i < m; {
				rows, width := g.rows(m - i)
				ai, ar, ac := a[i*g.ar:], g.ar, g.ac
				if !g.strided {
					ai, ar, ac = pa[i*k:], 1, g.mr
				}
				ci := g.c[(i0+i)*g.cr+j0+j:]
				i += rows
				if cols == g.nr && rows == width {
					g.micro(rows, k, ai, ar, ac, bj, br, ci, g.cr, add)
					continue
				}
				g.micro(width, k, ai, ar, ac, bj, br, edge, g.nr, false)
				for r := range rows {
					from, to := edge[r*g.nr:r*g.nr+cols], ci[r*g.cr:r*g.cr+cols]
					if add {
						addVec(to, to, from)
					} else {
						copy(to, from)
					}
				}
			}
		}
		add = true
	}
}

func roundUp(n, to int) int { return ceilDiv(n, to) * to }
func ceilDiv(n, d int) int  { return (n + d - 1) / d }
