package kernel

import "github.com/noema-ml/noema/internal/parallel"

// Every element of a product is summed in the same order on every path: within
// a block of kBlock terms one after the other, then block by block into C. So
// a row of C does not depend on how many other rows there are, and a decoded
// token has the bits that it has in a batch.
const kBlock = 256

const (
	directWork = 8 << 10 // unstrided micro-kernels leave products of up to this many terms to dots and combine
	directCols = 256     // columns of a chunk of the direct path
)

// Gemm sets C = A·B + beta·C for A [m, k], B [k, n] and C [m, n] with
//
//	A(i,p) = a[i*ar + p*ac],  B(p,j) = b[p*br + j*bc],  C(i,j) = c[i*cr + j]
//
// so transposed and sliced operands need no copy. With beta zero C is not
// read. c must not overlap a or b. The bits of C(i,j) depend on row i of A,
// column j of B and C(i,j) alone.
func Gemm[T Float](m, n, k int, a []T, ar, ac int, b []T, br, bc int, beta T, c []T, cr int) {
	if m <= 0 || n <= 0 {
		return
	}
	if k <= 0 || (beta != 0 && beta != 1) {
		for i := range m {
			if row := c[i*cr : i*cr+n]; beta == 0 {
				clear(row)
			} else {
				Scale(row, row, beta)
			}
		}
		if k <= 0 {
			return
		}
	}
	add := beta != 0
	t := tableOf[T]()
	contiguous := br == 1 || bc == 1
	switch {
	case contiguous && (m <= t.directRows || !t.strided && m*n*k <= directWork):
		direct(t, m, n, k, a, ar, ac, b, br, bc, add, c, cr)
	case n == 1 && (ar == 1 || ac == 1):
		narrow(t, m, n, k, a, ar, ac, b, br, bc, add, c, cr)
	default:
		tiled(t, m, n, k, a, ar, ac, b, br, bc, add, c, cr)
	}
}

// GemmBatch does [Gemm] for every i with a[aoff[i]:], b[boff[i]:] and
// c[coff[i]:]. The blocks of c must be disjoint.
func GemmBatch[T Float](m, n, k int, a []T, aoff []int, ar, ac int, b []T, boff []int, br, bc int, beta T, c []T, coff []int, cr int) {
	each := func(lo, hi int) {
		for i := lo; i < hi; i++ {
			Gemm(m, n, k, a[aoff[i]:], ar, ac, b[boff[i]:], br, bc, beta, c[coff[i]:], cr)
		}
	}
	parallel.For(len(coff), grain[T](m*n*k), each)
}

// grain is how many items of the given work make a chunk worth handing to
// another core.
func grain[T Float](work int) int { return max(1, tableOf[T]().serial/max(1, work)) }

// narrow computes the transpose of a C with one column.
func narrow[T Float](t *table[T], m, n, k int, a []T, ar, ac int, b []T, br, bc int, add bool, c []T, cr int) {
	buf := grab[T](m * n)
	defer buf.drop()
	direct(t, n, m, k, b, bc, br, a, ac, ar, false, buf.s, m)
	for j := range n {
		for i, v := range buf.s[j*m : (j+1)*m] {
			if add {
				c[i*cr+j] += v
			} else {
				c[i*cr+j] = v
			}
		}
	}
}

// direct multiplies without packing. B must be contiguous one way or the other.
func direct[T Float](t *table[T], m, n, k int, a []T, ar, ac int, b []T, br, bc int, add bool, c []T, cr int) {
	if m*n*k <= t.serial { // no closure, which would be allocated
		directChunk(t, 0, n, m, k, a, ar, ac, b, br, bc, add, c, cr)
		return
	}
	parallel.For(n, directCols, func(lo, hi int) {
		directChunk(t, lo, hi, m, k, a, ar, ac, b, br, bc, add, c, cr)
	})
}

// directChunk computes columns [lo, hi) of C.
func directChunk[T Float](t *table[T], lo, hi, m, k int, a []T, ar, ac int, b []T, br, bc int, add bool, c []T, cr int) {
	buf := grab[T](hi - lo + kBlock)
	defer buf.drop()
	out, gathered := buf.s[:hi-lo], buf.s[hi-lo:]
	for p0 := 0; p0 < k; p0 += kBlock {
		kb := min(kBlock, k-p0)
		for i := range m {
			x := a[i*ar+p0*ac:]
			row := c[i*cr+lo : i*cr+hi]
			dst := row
			if add {
				dst = out
			}
			if bc == 1 && !(br == 1 && hi-lo == 1) {
				t.combine(kb, dst, x, ac, b[p0*br+lo:], br)
			} else {
				if ac != 1 {
					for p := range kb {
						gathered[p] = x[p*ac]
					}
					x = gathered
				}
				t.dots(dst, x[:kb], b[p0+lo*bc:], bc)
			}
			if add {
				t.add(row, row, out)
			}
		}
		add = true
	}
}
