package kernel

// The products below are converted to T so that a compiler for a machine with
// fused multiply-add may not fuse them with the sum: it would do so in one loop
// and not in another, and rows would depend on the path that computed them.

// A 4×2 tile keeps its sums and operands in the 15 registers that Go's
// compiler has on amd64; wider tiles spill. Four steps of p at a time hide the
// cost of advancing the slices.
const microRows, microCols = 4, 2

// micro is the portable micro-kernel; see [table].
func micro[T Float](rows, cols, k int, a []T, _, _ int, b []T, _ int, c []T, ldc int, add bool) {
	if rows == microRows && cols == microCols {
		microFull(k, a, b, c, ldc, add)
		return
	}
	var edge [microRows * microCols]T
	microFull(k, a, b, edge[:], microCols, false)
	for r := range rows {
		from, to := edge[r*microCols:], c[r*ldc:r*ldc+cols]
		for j := range to {
			if add {
				to[j] += from[j]
			} else {
				to[j] = from[j]
			}
		}
	}
}

// microFull computes a full tile of panels.
func microFull[T Float](k int, a, b, c []T, ldc int, add bool) {
	var c00, c01, c10, c11, c20, c21, c30, c31 T
	a, b = a[:microRows*k], b[:microCols*k]
	for len(a) >= 16 && len(b) >= 8 {
		pa, pb := (*[16]T)(a), (*[8]T)(b)
		b0, b1 := pb[0], pb[1]
		x := pa[0]
		c00 += T(x * b0)
		c01 += T(x * b1)
		x = pa[1]
		c10 += T(x * b0)
		c11 += T(x * b1)
		x = pa[2]
		c20 += T(x * b0)
		c21 += T(x * b1)
		x = pa[3]
		c30 += T(x * b0)
		c31 += T(x * b1)

		b0, b1 = pb[2], pb[3]
		x = pa[4]
		c00 += T(x * b0)
		c01 += T(x * b1)
		x = pa[5]
		c10 += T(x * b0)
		c11 += T(x * b1)
		x = pa[6]
		c20 += T(x * b0)
		c21 += T(x * b1)
		x = pa[7]
		c30 += T(x * b0)
		c31 += T(x * b1)

		b0, b1 = pb[4], pb[5]
		x = pa[8]
		c00 += T(x * b0)
		c01 += T(x * b1)
		x = pa[9]
		c10 += T(x * b0)
		c11 += T(x * b1)
		x = pa[10]
		c20 += T(x * b0)
		c21 += T(x * b1)
		x = pa[11]
		c30 += T(x * b0)
		c31 += T(x * b1)

		b0, b1 = pb[6], pb[7]
		x = pa[12]
		c00 += T(x * b0)
		c01 += T(x * b1)
		x = pa[13]
		c10 += T(x * b0)
		c11 += T(x * b1)
		x = pa[14]
		c20 += T(x * b0)
		c21 += T(x * b1)
		x = pa[15]
		c30 += T(x * b0)
		c31 += T(x * b1)
		a, b = a[16:], b[8:]
	}
	for len(a) >= 4 && len(b) >= 2 {
		b0, b1 := b[0], b[1]
		c00 += T(a[0] * b0)
		c01 += T(a[0] * b1)
		c10 += T(a[1] * b0)
		c11 += T(a[1] * b1)
		c20 += T(a[2] * b0)
		c21 += T(a[2] * b1)
		c30 += T(a[3] * b0)
		c31 += T(a[3] * b1)
		a, b = a[4:], b[2:]
	}
	r0, r1, r2, r3 := c[:2], c[ldc:][:2], c[2*ldc:][:2], c[3*ldc:][:2]
	if add {
		r0[0] += c00
		r0[1] += c01
		r1[0] += c10
		r1[1] += c11
		r2[0] += c20
		r2[1] += c21
		r3[0] += c30
		r3[1] += c31
		return
	}
	r0[0], r0[1] = c00, c01
	r1[0], r1[1] = c10, c11
	r2[0], r2[1] = c20, c21
	r3[0], r3[1] = c30, c31
}

// combine sets out[j] to the sum over p < k of x[p*incx]*w[p*ldw+j], in the
// order of p.
func combine[T Float](k int, out, x []T, incx int, w []T, ldw int) {
	clear(out)
	n := len(out)
	p := 0
	for ; p+4 <= k; p += 4 {
		x0, x1, x2, x3 := x[p*incx], x[(p+1)*incx], x[(p+2)*incx], x[(p+3)*incx]
		w0, w1, w2, w3 := w[p*ldw:][:n], w[(p+1)*ldw:][:n], w[(p+2)*ldw:][:n], w[(p+3)*ldw:][:n]
		for j, v := range out {
			v += T(x0 * w0[j])
			v += T(x1 * w1[j])
			v += T(x2 * w2[j])
			v += T(x3 * w3[j])
			out[j] = v
		}
	}
	for ; p < k; p++ {
		addScaled(out, w[p*ldw:][:n], x[p*incx])
	}
}
