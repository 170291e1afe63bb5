//go:build !noasm

package kernel

// gemmNEON sets what products need. Sums are fused multiply-adds.
func gemmNEON(v *variant) {
	t := &v.f32
	t.mr, t.nr = 8, 12
	t.kc, t.mc, t.nc, t.serial = 256, 96, 240, 1<<18
	t.micro = panelTile[float32]{8, 12, tileNEONF32}.micro
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
