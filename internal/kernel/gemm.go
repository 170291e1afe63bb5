package kernel

// Gemm sets C = A·B + beta·C for A [m, k], B [k, n] and C [m, n] with
//
//	A(i,p) = a[i*ar + p*ac],  B(p,j) = b[p*br + j*bc],  C(i,j) = c[i*cr + j]
//
// so transposed and sliced operands need no copy. With beta zero C is not
// read. c must not overlap a or b.
func Gemm[T Float](m, n, k int, a []T, ar, ac int, b []T, br, bc int, beta T, c []T, cr int) {
	for i := range m {
		for j := range n {
			var s T
			for p := range k {
				s += a[i*ar+p*ac] * b[p*br+j*bc]
			}
			if beta != 0 {
				s += beta * c[i*cr+j]
			}
			c[i*cr+j] = s
		}
	}
}

// GemmBatch does [Gemm] for every i with a[aoff[i]:], b[boff[i]:] and
// c[coff[i]:]. The blocks of c must be disjoint.
func GemmBatch[T Float](m, n, k int, a []T, aoff []int, ar, ac int, b []T, boff []int, br, bc int, beta T, c []T, coff []int, cr int) {
	for i := range coff {
		Gemm(m, n, k, a[aoff[i]:], ar, ac, b[boff[i]:], br, bc, beta, c[coff[i]:], cr)
	}
}

const microRows, microCols = 4, 4

func micro[T Float](k int, a, b, c []T, ldc int, add bool) {}
func dots[T Float](out, x, w []T, ldw int) {}
func combine[T Float](k int, out, x []T, incx int, w []T, ldw int) {}
