//go:build !noasm

package kernel

import "unsafe"

// gemmNEON sets what products need. Sums are fused multiply-adds.
func gemmNEON(v *variant) {
	t := &v.f32
	t.mr, t.nr = 8, 12
	t.kc, t.mc, t.nc, t.serial = 256, 96, 240, 1<<18
	t.micro = panelTile[float32]{8, 12, tileNEONF32}.micro
	t.dotTerms, t.dots = 8, dotsNEON
	t.packB = func(out []float32, k, n int, b []float32, br, bc int) { packB(12, out, k, n, b, br, bc) }

	d := &v.f64
	d.mr, d.nr = 8, 6
	d.kc, d.mc, d.nc, d.serial = 256, 48, 120, 1<<17
	d.micro = panelTile[float64]{8, 6, tileNEONF64}.micro
	d.packB = func(out []float64, k, n int, b []float64, br, bc int) { packB(6, out, k, n, b, br, bc) }
}

// panelTile is a micro-kernel of full tiles.
type panelTile[T Float] struct {
	rows, cols int
	full       func(k int, a, b, c *T, ldc int, add bool)
}

func (f panelTile[T]) micro(rows, cols, k int, a []T, _, _ int, b []T, _ int, c []T, ldc int, add bool) {
	_, _, _ = a[f.rows*k-1], b[f.cols*k-1], c[(rows-1)*ldc+cols-1]
	if rows == f.rows && cols == f.cols {
		f.full(k, &a[0], &b[0], &c[0], ldc, add)
		return
	}
	edge := grab[T](f.rows * f.cols)
	defer edge.drop()
	f.full(k, &a[0], &b[0], &edge.s[0], f.cols, false)
	for r := range rows {
		from, to := edge.s[r*f.cols:(r+1)*f.cols], c[r*ldc:r*ldc+cols]
		if !add {
			copy(to, from)
			continue
		}
		for j := range to {
			to[j] += from[j]
		}
	}
}

var tilesNEON = []dotsTile{dotsF32NEONx1, dotsF32NEONx2, dotsF32NEONx3, dotsF32NEONx4}

// dotsNEON adds what k leaves after whole vectors one by one. Products that
// are added, or apart in out, are made beside it.
func dotsNEON(m, n, k int, x []float32, xs int, w []float32, ws int, out []float32, os, oj int, add bool) {
	whole := k &^ 3
	if whole == 0 {
		dots(m, n, k, x, xs, w, ws, out, os, oj, add)
		return
	}
	_, _, _ = x[(m-1)*xs+k-1], w[(n-1)*ws+k-1], out[(m-1)*os+(n-1)*oj]
	to, ld, beside := out, os, add || oj != 1
	if beside {
		buf := grab[float32](m * n)
		defer buf.drop()
		to, ld = buf.s, n
	}
	const atOnce = 1 << 18 // terms: assembly cannot be preempted
	step := max(8, atOnce/k)
	for j := 0; j < n; j += step {
		cols := min(step, n-j)
		bytes := unsafe.Slice((*byte)(unsafe.Pointer(&w[j*ws])), 4*((cols-1)*ws+k))
		inTiles(tilesNEON, m, cols, whole, x, xs, bytes, 4*ws, to[j:], ld)
	}
	if whole == k && !beside {
		return
	}
	for i := range m {
		for j := range n {
			sum := to[i*ld+j]
			for p := whole; p < k; p++ {
				sum += x[i*xs+p] * w[j*ws+p]
			}
			if add {
				sum += out[i*os+j*oj]
			}
			out[i*os+j*oj] = sum
		}
	}
}
