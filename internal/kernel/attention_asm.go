//go:build !noasm

package kernel

// The functions here make of assembly those of attention in the [table]: they
// check lengths. Blocks are small, so no goroutine is held up for long.

// rowsOf checks that there are rows of cols elements, ld apart, and returns
// the address of the first.
func rowsOf[T Float](x []T, ld, rows, cols int) *T {
	_ = x[(rows-1)*ld+cols-1]
	return &x[0]
}

func scaleRowsBy[T Float](f func(dst *T, ldd int, x *T, ldx, rows, cols int, c *T, step int)) func(dst []T, ldd int, x []T, ldx, rows, cols int, c []T) {
	return func(dst []T, ldd int, x []T, ldx, rows, cols int, c []T) {
		if rows <= 0 || cols <= 0 {
			return
		}
		step := 0
		if len(c) > 1 {
			_, step = c[rows-1], 1
		}
		f(rowsOf(dst, ldd, rows, cols), ldd, rowsOf(x, ldx, rows, cols), ldx, rows, cols, &c[0], step)
	}
}

func addRowsBy[T Float](f func(dst *T, ldd int, x *T, ldx, rows, cols int, c T)) func(dst []T, ldd int, x []T, ldx, rows, cols int, c T) {
	return func(dst []T, ldd int, x []T, ldx, rows, cols int, c T) {
		if rows > 0 && cols > 0 {
			f(rowsOf(dst, ldd, rows, cols), ldd, rowsOf(x, ldx, rows, cols), ldx, rows, cols, c)
		}
	}
}

func rowDotsBy[T Float](f func(dst, x *T, ldx int, y *T, ldy, rows, cols int)) func(dst, x []T, ldx int, y []T, ldy, cols int) {
	return func(dst, x []T, ldx int, y []T, ldy, cols int) {
		rows := len(dst)
		if rows == 0 || cols == 0 {
			clear(dst)
			return
		}
		f(&dst[0], rowsOf(x, ldx, rows, cols), ldx, rowsOf(y, ldy, rows, cols), ldy, rows, cols)
	}
}

func softRowsBy[T Float](f func(s *T, ld, width int, lo, hi *int32, m, l, fix *T, rows int)) func(s []T, ld, width int, lo, hi []int32, m, l, fix []T) {
	return func(s []T, ld, width int, lo, hi []int32, m, l, fix []T) {
		if rows := len(lo); rows > 0 && width > 0 {
			checkSeen(lo, hi, width)
			f(rowsOf(s, ld, rows, width), ld, width, &lo[0], &hi[0], &m[:rows][0], &l[:rows][0], &fix[:rows][0], rows)
		}
	}
}

func gradRowsBy[T Float](f func(p, ds *T, ld, width int, lo, hi *int32, lse, delta *T, rows int)) func(p, ds []T, ld, width int, lo, hi []int32, lse, delta []T) {
	return func(p, ds []T, ld, width int, lo, hi []int32, lse, delta []T) {
		if rows := len(lo); rows > 0 && width > 0 {
			checkSeen(lo, hi, width)
			f(rowsOf(p, ld, rows, width), rowsOf(ds, ld, rows, width), ld, width, &lo[0], &hi[0], &lse[:rows][0], &delta[:rows][0], rows)
		}
	}
}

// checkSeen panics unless 0 <= lo <= hi <= width in every row.
func checkSeen(lo, hi []int32, width int) {
	hi = hi[:len(lo)]
	for i, l := range lo {
		if l < 0 || l > hi[i] || int(hi[i]) > width {
			panic("kernel: keys out of a block")
		}
	}
}
