package kernel

import (
	"runtime"
	"sync"

	"github.com/noema-ml/noema/internal/parallel"
)

// A path is a way to compute a product.
type path int

const (
	byTiles   path = iota // register tiles of C
	byDots                // few rows of A with the rows of a transposed B
	byColumns             // the same for few columns of B and the rows of A
	byRows                // portable: few rows of A combine the rows of B
)

const (
	fewCols  = 8       // most columns of byColumns
	tileWork = 1 << 18 // tiles are not made smaller than this many terms
	bigWork  = 1 << 28 // products of this many terms wake workers in little of their time
	// The rows of a B of more than farB elements are read farTerms at a time, so
	// that the next columns of the same rows can be fetched ahead. With up to
	// fewest rows of A, when memory is all that counts, streamTerms rows are read
	// at a time, farCols of each.
	farB, farTerms               = 1 << 20, 256
	fewest, streamTerms, farCols = 3, 32, 1024
	directWork                   = 8 << 10 // portable: products of this many terms are not worth packing
)

// product is one call of Gemm, cut into tiles of C that are computed each on
// its own, so nobody waits for anybody. It is pooled and is its own task, so a
// call allocates nothing.
type product[T Float] struct {
	*table[T]
	a, b, c        []T
	ar, ac, br, bc int
	cr             int
	m, n, k        int
	add            bool // to C, rather than over it
	fused          bool
	end            Epilogue[T] // if fused

	dims, as, bs, cs []int // of a batch

	path   path
	mt, nt int  // sides of a tile of C
	kb     int  // terms that are summed at once
	useB   bool // B is read where it lies
	copyA  bool // A is copied, for a better stride
}

var (
	products32 = sync.Pool{New: func() any { return new(product[float32]) }}
	products64 = sync.Pool{New: func() any { return new(product[float64]) }}
)

func newProduct[T Float]() *product[T] {
	pool := &products64
	if single[T]() {
		pool = &products32
	}
	g := pool.Get().(*product[T])
	g.table = tableOf[T]()
	g.dims = g.dims[:0]
	g.fused = false
	return g
}

func (g *product[T]) drop() {
	g.a, g.b, g.c, g.end = nil, nil, nil, Epilogue[T]{}
	if single[T]() {
		products32.Put(g)
	} else {
		products64.Put(g)
	}
}

// run computes count products and drops g.
func (g *product[T]) run(count int) {
	g.plan()
	work := g.m * g.n * g.k
	if g.path == byDots && g.m <= fewCols { // reading B is what it costs
		row := g.k * g.bytes()
		chunk := fewChunk(count * g.n * row)
		g.mt, g.nt = g.m, min(roundUp(g.n, 8), max(8, chunk/row&^7))
		parallel.Do(count*g.tiles(), max(1, chunk/(g.nt*row)), g)
	} else if count*work <= g.serial {
		g.mt, g.nt = g.m, g.n
		g.Run(0, count)
	} else {
		g.split(count)
		tiles := g.tiles()
		parallel.Do(count*tiles, max(1, g.serial/(work/tiles+1)), g)
	}
	g.drop()
}

// plan chooses the path and the block of k.
func (g *product[T]) plan() {
	few := !g.strided && g.m*g.n*g.k <= directWork
	switch {
	case g.br == 1 && g.k >= g.dotTerms && (g.m <= g.dotRows || few):
		g.path = byDots
	case g.ac == 1 && g.k >= g.dotTerms && g.n <= fewCols && g.n < g.m:
		g.path = byColumns
	case !g.strided && g.bc == 1 && (g.m <= g.dotRows || few):
		g.path = byRows
	default:
		g.path = byTiles
	}
	g.kb = g.k
	if g.path != byTiles {
		return
	}
	limit := g.kc
	if g.m <= g.mr && g.strided { // B is read once
		limit = 4096
		if g.far() {
			limit = farTerms
			if g.m <= fewest {
				limit = streamTerms
			}
		}
	}
	g.kb = ceilDiv(g.k, ceilDiv(g.k, limit))
	g.useB = g.strided && g.bc == 1 && (g.m <= 3*g.mr || g.kb*g.br <= g.inPlace)
	// Rows a multiple of a page apart fall on the same lines of the cache.
	bad := g.ac == 1 && g.ar*g.bytes()%4096 == 0 || g.ar == 1 && g.ac*g.bytes() >= 512
	g.copyA = g.strided && bad && g.n > g.nr && g.m > 4
}

// far tells whether B is read where it lies, row by row, in far memory.
func (g *product[T]) far() bool { return g.bc == 1 && g.k*g.br > farB }

func (g *product[T]) bytes() int {
	if single[T]() {
		return 4
	}
	return 8
}

// split chooses the sides of a tile, so that there are tiles for all cores if
// that leaves each enough to do. Unlike other loops it asks how many cores there
// are: every tile packs its part of B anew, so tiles that are enough for many
// cores cost one core 5 % of 1024³. No element's sum depends on it.
func (g *product[T]) split(count int) {
	procs := runtime.GOMAXPROCS(0)
	enough := 1
	if procs > 1 {
		enough = 4 * procs
		if count*g.m*g.n*g.k >= bigWork { // larger tiles pack and copy less
			enough = 2 * procs
		}
	}
	g.mt, g.nt = g.m, g.n
	switch g.path {
	case byDots, byRows:
		g.nt = roundUp(ceilDiv(g.n, enough), 16)
		return
	case byColumns:
		g.mt = roundUp(ceilDiv(g.m, enough), 16)
		return
	}
	if g.strided && g.m <= fewest && g.far() {
		g.nt = min(farCols, roundUp(ceilDiv(g.n, procs), g.nr))
		return
	}
	g.nt = roundUp(ceilDiv(g.n, ceilDiv(g.n, g.nc)), g.nr)
	for count*g.tiles() < enough && g.mt*g.nt*g.k >= 2*tileWork {
		switch {
		case g.nt > g.nr && g.mt < 2*g.nt:
			g.nt = roundUp(ceilDiv(g.nt, 2), g.nr)
		case g.mt > g.mr:
			g.mt = ceilDiv(g.mt, 2)
			if !g.strided {
				g.mt = roundUp(g.mt, g.mr)
			}
		default:
			return
		}
	}
}

// fewChunk is how many of the bytes of a matrix that few rows are multiplied
// with one core takes at a time. Each chunk costs the cores a word of common
// memory, so a large matrix is cut into few.
func fewChunk(bytes int) int { return max(1<<15, bytes/8) }

func (g *product[T]) tiles() int { return ceilDiv(g.m, g.mt) * ceilDiv(g.n, g.nt) }

// Run computes tiles [lo, hi), counted down the columns of C, of the batch.
func (g *product[T]) Run(lo, hi int) {
	down, tiles := ceilDiv(g.m, g.mt), g.tiles()
	for q := lo; q < hi; q++ {
		var s span[T]
		oa, ob, oc := g.offsets(q / tiles)
		s.i, s.j = q%tiles%down*g.mt, q%tiles/down*g.nt
		s.m, s.n = min(g.mt, g.m-s.i), min(g.nt, g.n-s.j)
		s.a, s.b, s.c = g.a[oa+s.i*g.ar:], g.b[ob+s.j*g.bc:], g.c[oc+s.i*g.cr+s.j:]
		switch g.path {
		case byTiles:
			g.tile(&s)
		case byDots:
			g.dotRowsOf(&s)
		case byColumns:
			g.dotColumns(&s)
		case byRows:
			g.combineRows(&s)
		}
	}
}

// offsets returns where matrix i of a batch begins in A, B and C.
func (g *product[T]) offsets(i int) (a, b, c int) {
	for d := len(g.dims) - 1; d >= 0; d-- {
		x := i % g.dims[d]
		i /= g.dims[d]
		a += x * g.as[d]
		b += x * g.bs[d]
		c += x * g.cs[d]
	}
	return a, b, c
}

// span is a part of C, m rows from i and n columns from j, with the slices of
// the operands from there on.
type span[T Float] struct {
	i, j, m, n int
	a, b, c    []T
}

// tile computes a span from register tiles (Goto and van de Geijn, 2008). B is
// packed into panels as wide as the micro-kernel, which stay in the second-level
// cache while rows of A pass.
func (g *product[T]) tile(s *span[T]) {
	sizeA, mc := 0, min(g.mc, s.m)
	switch {
	case !g.strided:
		sizeA = roundUp(mc, g.mr) * g.kb
	case g.copyA && g.ac == 1:
		sizeA = mc*oddLines(g.kb) + g.nr
	case g.copyA:
		sizeA = oddLines(mc)*g.kb + g.nr
	}
	sizeB := 0
	if !g.useB {
		sizeB = g.kb * roundUp(s.n, g.nr)
	}
	buf := grab[T](sizeA + sizeB)
	defer buf.drop()
	pa, pb := buf.s[:sizeA], buf.s[sizeA:]
	add := g.add
	for p0 := 0; p0 < g.k; p0 += g.kb {
		k := min(g.kb, g.k-p0)
		a, b := s.a[p0*g.ac:], s.b[p0*g.br:]
		if !g.useB {
			g.packB(pb, k, s.n, b, g.br, g.bc)
		}
		for i := 0; i < s.m; i += g.mc {
			rows := min(g.mc, s.m-i)
			ai, ar, ac := a[i*g.ar:], g.ar, g.ac
			if !g.strided {
				for r := 0; r < rows; r += g.mr {
					pack(pa[r*k:(r+g.mr)*k], g.mr, min(g.mr, rows-r), k, ai[r*g.ar:], g.ar, g.ac)
				}
				ai, ar, ac = pa, k, 1 // panel r/mr begins at r*k
			} else if g.copyA {
				ai, ar, ac = g.copyBlock(pa, rows, k, ai)
			}
			next := g.after(s, i, p0)
			g.block(rows, s.n, k, ai, ar, ac, b, pb, s.c[i*g.cr:], add, next)
			if g.fused && p0+k == g.k {
				g.end.finish(g.table, s.i+i, s.i+i+rows, s.j, s.j+s.n, g.c, g.cr)
			}
		}
		add = true
	}
}

// block computes rows of C, as many as there are of A in the cache, and has
// next fetched meanwhile.
func (g *product[T]) block(rows, n, k int, a []T, ar, ac int, b, pb, c []T, add bool, next ahead[T]) {
	step := g.nr
	if g.useB && rows <= g.mr {
		step = n
	}
	tiles, done := ceilDiv(n, step)*ceilDiv(rows, g.mr), 0
	for j := 0; j < n; j += step {
		cols := min(step, n-j)
		bj, br := b, g.br
		if g.useB {
			bj = b[j:]
		} else {
			bj, br = pb[j*k:], g.nr
		}
		for i := 0; i < rows; {
			left := rows - i
			take := min(g.mr, left)
			if g.strided { // heights that differ by one at most
				take = ceilDiv(left, ceilDiv(left, g.mr))
			}
			// The columns of next are spread evenly over the tiles.
			if q := done * next.cols / tiles; q < (done+1)*next.cols/tiles && cols == g.nr {
				g.microAhead(take, k, a[i*ar:], ar, ac, bj, br, c[i*g.cr+j:], g.cr, add, next.x[q*g.nr:], next.step, next.count)
			} else {
				g.micro(take, cols, k, a[i*ar:], ar, ac, bj, br, c[i*g.cr+j:], g.cr, add)
			}
			i += take
			done++
		}
	}
}

// ahead is a block of A that is read next, in columns nr wide of count elements
// that lie step apart.
type ahead[T Float] struct {
	x                 []T
	cols, step, count int
}

// after returns the block of A that is read after the one at row i of s and at
// term p0.
func (g *product[T]) after(s *span[T], i, p0 int) ahead[T] {
	i += g.mc
	if i >= s.m {
		i, p0 = 0, p0+g.kb
	}
	if g.microAhead == nil || p0 >= g.k {
		return ahead[T]{}
	}
	x, rows, k := s.a[i*g.ar+p0*g.ac:], min(g.mc, s.m-i), min(g.kb, g.k-p0)
	switch {
	case g.ac == 1:
		return ahead[T]{x, ceilDiv(k, g.nr), g.ar, rows}
	case g.ar == 1:
		return ahead[T]{x, ceilDiv(rows, g.nr), g.ac, k}
	}
	return ahead[T]{}
}

// copyBlock copies m×k elements of A in the order in which they lie, with a
// stride that does not map them all to the same few lines of the cache.
func (g *product[T]) copyBlock(to []T, m, k int, a []T) (out []T, outRow, outCol int) {
	if g.ac == 1 {
		pitch := oddLines(k)
		g.copyRows(to, pitch, a, g.ar, k, m)
		return to, pitch, 1
	}
	pitch := oddLines(m)
	g.copyRows(to, pitch, a, g.ac, m, k)
	return to, 1, pitch
}

// oddLines rounds n up to an odd multiple of 16 elements: of a cache line, or
// of two for float64.
func oddLines(n int) int { return roundUp(n, 16) | 16 }

func roundUp(n, to int) int { return ceilDiv(n, to) * to }
func ceilDiv(n, d int) int  { return (n + d - 1) / d }
