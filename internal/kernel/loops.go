//go:build !noasm

package kernel

// Assembly loops take pointers and a length. The functions here make of them
// those of the [table]: loopNxM is for N operands beside dst and M scalars,
// sumNxM for reductions. They check lengths, and they cut long slices, because
// a goroutine cannot be stopped within assembly.

// chunk is how many elements an assembly loop takes at a time.
const chunk = 1 << 16

// sumBlock is to assembly's reductions, with their many lanes, what block is
// to the portable ones.
const sumBlock = 1 << 12

// ptr returns the address of the first element, after a check that there are n.
func ptr[T Float](x []T, n int) *T {
	if n == 0 {
		return nil
	}
	return &x[:n][0]
}

func loop1x0[T Float](f func(dst, x *T, n int)) func(dst, x []T) {
	return func(dst, x []T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(x, chunk), chunk)
			dst, x = dst[chunk:], x[chunk:]
		}
		f(ptr(dst, len(dst)), ptr(x, len(dst)), len(dst))
	}
}

func loop1x1[T Float](f func(dst, x *T, n int, c T)) func(dst, x []T, c T) {
	return func(dst, x []T, c T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(x, chunk), chunk, c)
			dst, x = dst[chunk:], x[chunk:]
		}
		f(ptr(dst, len(dst)), ptr(x, len(dst)), len(dst), c)
	}
}

func loop1x2[T Float](f func(dst, x *T, n int, c, d T)) func(dst, x []T, c, d T) {
	return func(dst, x []T, c, d T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(x, chunk), chunk, c, d)
			dst, x = dst[chunk:], x[chunk:]
		}
		f(ptr(dst, len(dst)), ptr(x, len(dst)), len(dst), c, d)
	}
}

func loop2x0[T Float](f func(dst, a, b *T, n int)) func(dst, a, b []T) {
	return func(dst, a, b []T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(a, chunk), ptr(b, chunk), chunk)
			dst, a, b = dst[chunk:], a[chunk:], b[chunk:]
		}
		n := len(dst)
		f(ptr(dst, n), ptr(a, n), ptr(b, n), n)
	}
}

func sum1x0[T Float](f func(x *T, n int) T) func(x []T) T {
	return func(x []T) T {
		var total float64
		for len(x) > sumBlock {
			total += float64(f(&x[0], sumBlock))
			x = x[sumBlock:]
		}
		return T(total + float64(f(ptr(x, len(x)), len(x))))
	}
}

func sum1x1[T Float](f func(x *T, n int, c T) T) func(x []T, c T) T {
	return func(x []T, c T) T {
		var total float64
		for len(x) > sumBlock {
			total += float64(f(&x[0], sumBlock, c))
			x = x[sumBlock:]
		}
		return T(total + float64(f(ptr(x, len(x)), len(x), c)))
	}
}

func sum2x0[T Float](f func(x, y *T, n int) T) func(x, y []T) T {
	return func(x, y []T) T {
		var total float64
		for len(x) > sumBlock {
			total += float64(f(&x[0], ptr(y, sumBlock), sumBlock))
			x, y = x[sumBlock:], y[sumBlock:]
		}
		return T(total + float64(f(ptr(x, len(x)), ptr(y, len(x)), len(x))))
	}
}

// reduceMax is for a maximum, which rounds nothing.
func reduceMax[T Float](f func(x *T, n int) T) func(x []T) T {
	return func(x []T) T {
		m := f(ptr(x, min(len(x), chunk)), min(len(x), chunk))
		for len(x) > chunk {
			x = x[chunk:]
			m = max(m, f(&x[0], min(len(x), chunk)))
		}
		return m
	}
}

func loop1x3[T Float](f func(dst, x *T, n int, c, d, e T)) func(dst, x []T, c, d, e T) {
	return func(dst, x []T, c, d, e T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(x, chunk), chunk, c, d, e)
			dst, x = dst[chunk:], x[chunk:]
		}
		f(ptr(dst, len(dst)), ptr(x, len(dst)), len(dst), c, d, e)
	}
}

func loop2x1[T Float](f func(dst, a, b *T, n int, c T)) func(dst, a, b []T, c T) {
	return func(dst, a, b []T, c T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(a, chunk), ptr(b, chunk), chunk, c)
			dst, a, b = dst[chunk:], a[chunk:], b[chunk:]
		}
		n := len(dst)
		f(ptr(dst, n), ptr(a, n), ptr(b, n), n, c)
	}
}

func loop4x0[T Float](f func(dst, a, b, c, d *T, n int)) func(dst, a, b, c, d []T) {
	return func(dst, a, b, c, d []T) {
		for len(dst) > chunk {
			f(&dst[0], ptr(a, chunk), ptr(b, chunk), ptr(c, chunk), ptr(d, chunk), chunk)
			dst, a, b, c, d = dst[chunk:], a[chunk:], b[chunk:], c[chunk:], d[chunk:]
		}
		n := len(dst)
		f(ptr(dst, n), ptr(a, n), ptr(b, n), ptr(c, n), ptr(d, n), n)
	}
}

// sum2x1 is for a reduction that also writes its first operand.
func sum2x1[T Float](f func(dst, x *T, n int, c T) T) func(dst, x []T, c T) T {
	return func(dst, x []T, c T) T {
		var total float64
		for len(dst) > sumBlock {
			total += float64(f(&dst[0], ptr(x, sumBlock), sumBlock, c))
			dst, x = dst[sumBlock:], x[sumBlock:]
		}
		return T(total + float64(f(ptr(dst, len(dst)), ptr(x, len(dst)), len(dst), c)))
	}
}

// shortRow1 and shortRow2 give rows to assembly that are short enough to be
// summed in T, and others to long.
func shortRow1[T Float](f func(dst, x *T, n int), long func(dst, x []T)) func(dst, x []T) {
	return func(dst, x []T) {
		if n := len(dst); n <= sumBlock {
			f(ptr(dst, n), ptr(x, n), n)
		} else {
			long(dst, x)
		}
	}
}

func shortRow2[T Float](f func(dst, a, b *T, n int), long func(dst, a, b []T)) func(dst, a, b []T) {
	return func(dst, a, b []T) {
		if n := len(dst); n <= sumBlock {
			f(ptr(dst, n), ptr(a, n), ptr(b, n), n)
		} else {
			long(dst, a, b)
		}
	}
}

// sumRowsBy takes a function that adds eight rows.
func sumRowsBy[T Float](f func(dst, x0, x1, x2, x3, x4, x5, x6, x7 *T, n int)) func(dst, x []T, ld, rows int) {
	return func(dst, x []T, ld, rows int) {
		n := len(dst)
		if n == 0 {
			return
		}
		for ; rows >= 8; rows -= 8 {
			_ = x[7*ld+n-1]
			for lo := 0; lo < n; lo += chunk {
				c := x[lo:]
				f(&dst[lo], &c[0], &c[ld], &c[2*ld], &c[3*ld], &c[4*ld], &c[5*ld], &c[6*ld], &c[7*ld], min(n-lo, chunk))
			}
			x = x[min(8*ld, len(x)):]
		}
		sumRows(dst, x, ld, rows)
	}
}
