//go:build !noasm

package kernel

// gemmAVX2 and gemmAVX512 set what products need. Sums are fused multiply-adds.

func gemmAVX2(v *variant) {
	t := &v.f32
	t.mr, t.nr, t.strided = 6, 16, true
	t.kc, t.mc, t.nc, t.inPlace, t.serial = 256, 96, 256, 16<<10, 1<<18
	t.micro = micros[float32]{8, [2]wideTile[float32]{{32, 2, tile4AVX2F32}}, tile2AVX2F32, tile1AVX2F32, nil}.micro
	packs := packer[float32]{8, packCopyAVX2F32, packTurnAVX2F32}
	t.packB, t.copyRows = packs.packB, packs.copyRows
	t.dotRows, t.dotTerms, t.dots = fewCols, 16, dotter[float32](dotsAVX2F32).dots

	d := &v.f64
	d.mr, d.nr, d.strided = 6, 8, true
	d.kc, d.mc, d.nc, d.inPlace, d.serial = 256, 48, 128, 8<<10, 1<<17
	d.micro = micros[float64]{4, [2]wideTile[float64]{{16, 2, tile4AVX2F64}}, tile2AVX2F64, tile1AVX2F64, nil}.micro
	packs64 := packer[float64]{4, packCopyAVX2F64, packTurnAVX2F64}
	d.packB, d.copyRows = packs64.packB, packs64.copyRows
	d.dotRows, d.dotTerms, d.dots = fewCols, 8, dotter[float64](dotsAVX2F64).dots
}

func gemmAVX512(v *variant) {
	t := &v.f32
	t.mr, t.nr, t.strided = 14, 32, true
	t.kc, t.mc, t.nc, t.inPlace, t.serial = 384, 112, 512, 32<<10, 1<<18
	tiles := micros[float32]{16, [2]wideTile[float32]{{128, 3, tile8AVX512F32}, {64, 6, tile4AVX512F32}}, tile2AVX512F32, tile1AVX512F32, tileAheadAVX512F32}
	t.micro, t.microAhead = tiles.micro, tiles.microAhead
	packs := packer[float32]{16, packCopyAVX512F32, packTurnAVX512F32}
	t.packB, t.copyRows = packs.packB, packs.copyRows
	t.dotRows, t.dotTerms, t.dots = fewCols, 32, dotter[float32](dotsAVX512F32).dots

	d := &v.f64
	d.mr, d.nr, d.strided = 14, 16, true
	d.kc, d.mc, d.nc, d.inPlace, d.serial = 256, 112, 512, 16<<10, 1<<17
	tiles64 := micros[float64]{8, [2]wideTile[float64]{{64, 3, tile8AVX512F64}, {32, 6, tile4AVX512F64}}, tile2AVX512F64, tile1AVX512F64, tileAheadAVX512F64}
	d.micro, d.microAhead = tiles64.micro, tiles64.microAhead
	packs64 := packer[float64]{8, packCopyAVX512F64, packTurnAVX512F64}
	d.packB, d.copyRows = packs64.packB, packs64.copyRows
	d.dotRows, d.dotTerms, d.dots = fewCols, 16, dotter[float64](dotsAVX512F64).dots
}

type tileFunc[T Float] func(rows, k int, a *T, ar, ac int, b *T, br int, c *T, ldc, tail int, add bool)

// micros are the widths of a micro-kernel.
type micros[T Float] struct {
	lanes int            // of a vector
	wide  [2]wideTile[T] // for few rows, the widest first
	two   tileFunc[T]    // two vectors wide
	one   tileFunc[T]
	ahead func(rows, k int, a *T, ar, ac int, b *T, br int, c *T, ldc int, add bool, next *T, step, until int)
}

type wideTile[T Float] struct {
	cols, rows int // rows at most
	tile       tileFunc[T]
}

func (f micros[T]) micro(rows, cols, k int, a []T, ar, ac int, b []T, br int, c []T, ldc int, add bool) {
	_, _, _ = a[(rows-1)*ar+(k-1)*ac], b[(k-1)*br+cols-1], c[(rows-1)*ldc+cols-1]
	j := 0
	for _, w := range f.wide {
		for rows <= w.rows && cols-j >= w.cols {
			w.tile(rows, k, &a[0], ar, ac, &b[j], br, &c[j], ldc, f.lanes, add)
			j += w.cols
		}
	}
	for ; cols-j > f.lanes; j += 2 * f.lanes {
		f.two(rows, k, &a[0], ar, ac, &b[j], br, &c[j], ldc, min(f.lanes, cols-j-f.lanes), add)
	}
	if j < cols {
		f.one(rows, k, &a[0], ar, ac, &b[j], br, &c[j], ldc, cols-j, add)
	}
}

// microAhead is that of [table].
func (f micros[T]) microAhead(rows, k int, a []T, ar, ac int, b []T, br int, c []T, ldc int, add bool, next []T, step, count int) {
	_, _, _ = a[(rows-1)*ar+(k-1)*ac], b[(k-1)*br+2*f.lanes-1], c[(rows-1)*ldc+2*f.lanes-1]
	f.ahead(rows, k, &a[0], ar, ac, &b[0], br, &c[0], ldc, add, &next[0], step, k-count)
}

// packer packs panels two vectors wide.
type packer[T Float] struct {
	lanes int
	copy  func(out *T, panel, row int, src *T, stride, n, k int)
	turn  func(out *T, width int, src *T, stride, have, k int)
}

func (f packer[T]) packB(out []T, k, n int, b []T, br, bc int) {
	width := 2 * f.lanes
	_, _ = out[roundUp(n, width)*k-1], b[(k-1)*br+(n-1)*bc]
	switch {
	case bc == 1:
		f.copy(&out[0], width*k, width, &b[0], br, n, k)
	case br == 1:
		for j := 0; j < n; j += f.lanes {
			f.turn(&out[j/width*width*k+j%width], width, &b[j*bc], bc, min(f.lanes, n-j), k)
		}
	default:
		packB(width, out, k, n, b, br, bc)
	}
}

// copyRows is that of [table]. The panels lie side by side; what fills up the
// last one in a row is written over by the next row.
func (f packer[T]) copyRows(out []T, pitch int, src []T, stride, n, rows int) {
	width := 2 * f.lanes
	_, _ = out[(rows-1)*pitch+roundUp(n, width)-1], src[(rows-1)*stride+n-1]
	f.copy(&out[0], width, pitch, &src[0], stride, n, rows)
}

type dotter[T Float] func(m, n, k int, x *T, xs int, w *T, ws int, out *T, os, oj int, add bool)

// dots calls f for as much as may run without being preempted.
func (f dotter[T]) dots(m, n, k int, x []T, xs int, w []T, ws int, out []T, os, oj int, add bool) {
	_, _, _ = x[(m-1)*xs+k-1], w[(n-1)*ws+k-1], out[(m-1)*os+(n-1)*oj]
	const atOnce = 1 << 18
	step := max(8, atOnce/k)
	for j := 0; j < n; j += step {
		f(m, min(step, n-j), k, &x[0], xs, &w[j*ws], ws, &out[j*oj], os, oj, add)
	}
}
