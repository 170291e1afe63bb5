package kernel

// Gemm sets C = A·B + beta·C for A [m, k], B [k, n] and C [m, n] with
//
//	A(i,p) = a[i*ar + p*ac],  B(p,j) = b[p*br + j*bc],  C(i,j) = c[i*cr + j]
//
// so transposed and sliced operands need no copy. With beta zero C is not
// read. c must not overlap a or b. The bits of the result depend on sizes and
// strides, not on the number of cores.
func Gemm[T Float](m, n, k int, a []T, ar, ac int, b []T, br, bc int, beta T, c []T, cr int) {
	GemmEpilogue(m, n, k, a, ar, ac, b, br, bc, beta, c, cr, nil)
}

// GemmEpilogue is [Gemm] followed by e, which may be nil. Residual and Pre
// must not overlap c.
func GemmEpilogue[T Float](m, n, k int, a []T, ar, ac int, b []T, br, bc int, beta T, c []T, cr int, e *Epilogue[T]) {
	if m <= 0 || n <= 0 {
		return
	}
	beta = scaleRows(m, n, k, beta, c, cr)
	if k <= 0 {
		if e != nil {
			e.finish(tableOf[T](), 0, m, 0, n, c, cr)
		}
		return
	}
	g := newProduct[T]()
	g.m, g.n, g.k, g.add = m, n, k, beta != 0
	g.a, g.b, g.c = a, b, c
	g.ar, g.ac, g.br, g.bc, g.cr = ar, ac, br, bc, cr
	if g.fused = e != nil; g.fused {
		g.end = *e
	}
	g.run(1)
}

// GemmBatch does [Gemm] for a batch of matrices that has the given dimensions.
// From one index of dimension d to the next, A is as[d] elements further on, B
// bs[d] and C cs[d]; the matrices of C must be disjoint.
func GemmBatch[T Float](dims []int, m, n, k int, a []T, as []int, ar, ac int, b []T, bs []int, br, bc int, beta T, c []T, cs []int, cr int) {
	count := 1
	for _, d := range dims {
		count *= d
	}
	if count <= 0 || m <= 0 || n <= 0 {
		return
	}
	g := newProduct[T]()
	g.dims = append(g.dims[:0], dims...)
	g.as, g.bs, g.cs = append(g.as[:0], as...), append(g.bs[:0], bs...), append(g.cs[:0], cs...)
	old := beta
	for i := range count {
		_, _, at := g.offsets(i)
		beta = scaleRows(m, n, k, old, c[at:], cr)
	}
	if k <= 0 {
		g.drop()
		return
	}
	g.m, g.n, g.k, g.add = m, n, k, beta != 0
	g.a, g.b, g.c = a, b, c
	g.ar, g.ac, g.br, g.bc, g.cr = ar, ac, br, bc, cr
	g.run(count)
}

// scaleRows multiplies C by beta if that is neither zero nor one, or if there
// is nothing to add, and returns the beta that is left to do.
func scaleRows[T Float](m, n, k int, beta T, c []T, cr int) T {
	if k > 0 && (beta == 0 || beta == 1) {
		return beta
	}
	for i := range m {
		if row := c[i*cr : i*cr+n]; beta == 0 {
			clear(row)
		} else if beta != 1 {
			Scale(row, row, beta)
		}
	}
	return 1
}

// grain is how many items of the given work make a chunk worth handing to
// another core.
func grain[T Float](work int) int { return max(1, tableOf[T]().serial/max(1, work)) }
