//go:build !noasm

package kernel

import "unsafe"

// The AVX2 tier. Sums of products are fused multiply-adds, one term after the
// other from zero, in every path of the matrix product.

func gemmAVX2(v *variant) {
	t := &v.f32
	t.mr, t.nr, t.strided = 6, 16, true
	t.directRows, t.serial = 1, 1<<20
	t.micro, t.pack, t.dots, t.combine = microAVX32, packAVX32, dotsAVX32, combineAVX32

	d := &v.f64
	d.mr, d.nr, d.strided = 6, 8, true
	d.directRows, d.serial = 1, 1<<19
	d.micro, d.pack, d.dots, d.combine = microAVX64, packAVX64, dotsAVX64, combineAVX64
}

// tile32 computes 1 to 6 rows by 16 columns (8 in tile64); k > 0.
//
//go:noescape
func tile32(rows, k int, a *float32, ar, ac int, b *float32, br int, c *float32, ldc int, add bool)

//go:noescape
func tile64(rows, k int, a *float64, ar, ac int, b *float64, br int, c *float64, ldc int, add bool)

// combineRow32 is [combine] for n columns and k > 0 terms; more goes on from
// the sums in out.
//
//go:noescape
func combineRow32(k, n int, out, x *float32, incx int, w *float32, ldw int, more bool)

//go:noescape
func combineRow64(k, n int, out, x *float64, incx int, w *float64, ldw int, more bool)

// transpose32 sets out[p*width+i] to src[i*stride+p] for i < 8 and p <
// 8*groups, groups > 0; in transpose64 four take the place of eight.
//
//go:noescape
func transpose32(out *float32, width int, src *float32, stride, groups int)

//go:noescape
func transpose64(out *float64, width int, src *float64, stride, groups int)

// dots32x32 sets 32 sums of 16*lines > 0 terms each; see [table].
//
//go:noescape
func dots32x32(out, x, w *float32, ldw, lines int)

// copyLines copies n > 0 runs of 64 bytes, stride bytes apart, to out.
//
//go:noescape
func copyLines(out, src unsafe.Pointer, stride, n int)

func microAVX32(rows, k int, a []float32, ar, ac int, b []float32, br int, c []float32, ldc int, add bool) {
	_, _, _ = a[(rows-1)*ar+(k-1)*ac], b[(k-1)*br+15], c[(rows-1)*ldc+15]
	tile32(rows, k, &a[0], ar, ac, &b[0], br, &c[0], ldc, add)
}

func microAVX64(rows, k int, a []float64, ar, ac int, b []float64, br int, c []float64, ldc int, add bool) {
	_, _, _ = a[(rows-1)*ar+(k-1)*ac], b[(k-1)*br+7], c[(rows-1)*ldc+7]
	tile64(rows, k, &a[0], ar, ac, &b[0], br, &c[0], ldc, add)
}

func combineAVX32(k int, out, x []float32, incx int, w []float32, ldw int) {
	if len(out) > 0 {
		_, _ = x[(k-1)*incx], w[(k-1)*ldw+len(out)-1]
		combineRow32(k, len(out), &out[0], &x[0], incx, &w[0], ldw, false)
	}
}

func combineAVX64(k int, out, x []float64, incx int, w []float64, ldw int) {
	if len(out) > 0 {
		_, _ = x[(k-1)*incx], w[(k-1)*ldw+len(out)-1]
		combineRow64(k, len(out), &out[0], &x[0], incx, &w[0], ldw, false)
	}
}

func packAVX32(out []float32, width, have, k int, src []float32, si, sp int) {
	switch {
	case si == 1 && have == 16 && width == 16:
		_, _ = out[16*k-1], src[(k-1)*sp+15]
		copyLines(unsafe.Pointer(&out[0]), unsafe.Pointer(&src[0]), 4*sp, k)
	case sp == 1 && have >= 8 && k >= 8:
		packRows(out, width, have, k, src, si, 8, transpose32)
	default:
		pack(out, width, have, k, src, si, sp)
	}
}

func packAVX64(out []float64, width, have, k int, src []float64, si, sp int) {
	switch {
	case si == 1 && have == 8 && width == 8:
		_, _ = out[8*k-1], src[(k-1)*sp+7]
		copyLines(unsafe.Pointer(&out[0]), unsafe.Pointer(&src[0]), 8*sp, k)
	case sp == 1 && have >= 4 && k >= 4:
		packRows(out, width, have, k, src, si, 4, transpose64)
	default:
		pack(out, width, have, k, src, si, sp)
	}
}

// packRows is [pack] for rows that are contiguous, side by side squares.
func packRows[T Float](out []T, width, have, k int, src []T, si, side int, transpose func(out *T, width int, src *T, stride, groups int)) {
	if have < width {
		clear(out)
	}
	_, _ = out[k*width-1], src[(have-1)*si+k-1]
	full := k / side * side
	i := 0
	for ; i+side <= have; i += side {
		transpose(&out[i], width, &src[i*si], si, k/side)
		for r := i; r < i+side; r++ {
			for p := full; p < k; p++ {
				out[p*width+r] = src[r*si+p]
			}
		}
	}
	for ; i < have; i++ {
		for p, v := range src[i*si:][:k] {
			out[p*width+i] = v
		}
	}
}

// Rows of w are turned into columns a square of dotsSide at a time, which fits
// the first-level cache, and then combined.
const dotsSide = 64

func dotsAVX32(out, x, w []float32, ldw int) {
	done, lines := len(out)&^31, len(x)/16
	if lines == 0 {
		done = 0
	}
	if done > 0 {
		_ = w[(done-1)*ldw+len(x)-1]
	}
	for j := 0; j < done; j += 32 {
		dots32x32(&out[j], &x[0], &w[j*ldw], ldw, lines)
	}
	if p := 16 * lines; done > 0 && p < len(x) {
		dotsPacked32(out[:done], x[p:], w[p:], ldw, true)
	}
	if done < len(out) {
		dotsPacked32(out[done:], x, w[done*ldw:], ldw, false)
	}
}

func dotsPacked32(out, x, w []float32, ldw int, more bool) {
	buf := grab[float32](dotsSide * dotsSide)
	defer buf.drop()
	for j := 0; j < len(out); j += dotsSide {
		n := min(dotsSide, len(out)-j)
		for p := 0; p < len(x); p += dotsSide {
			k := min(dotsSide, len(x)-p)
			packAVX32(buf.s[:n*k], n, n, k, w[j*ldw+p:], ldw, 1)
			combineRow32(k, n, &out[j], &x[p], 1, &buf.s[0], n, more || p > 0)
		}
	}
}

func dotsAVX64(out, x, w []float64, ldw int) {
	buf := grab[float64](dotsSide * dotsSide)
	defer buf.drop()
	for j := 0; j < len(out); j += dotsSide {
		n := min(dotsSide, len(out)-j)
		for p := 0; p < len(x); p += dotsSide {
			k := min(dotsSide, len(x)-p)
			packAVX64(buf.s[:n*k], n, n, k, w[j*ldw+p:], ldw, 1)
			combineRow64(k, n, &out[j], &x[p], 1, &buf.s[0], n, p > 0)
		}
	}
}
