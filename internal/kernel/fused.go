//go:build !noasm

package kernel

// Here the assembly of norms, updates and rotations becomes functions of the
// [table], as in loops.go: lengths are checked, and rows gone through.

// fusedCols bounds the rows that a fused kernel sums without the blocks of the
// reductions; longer ones are put together from those.
const fusedCols = 8 << 10

func layerNormRows[T Float](row func(y, x, w, b, mean, rstd *T, n int, cols, eps T)) func(y, x, w, b, mean, rstd []T, cols int, eps T) {
	return func(y, x, w, b, mean, rstd []T, cols int, eps T) {
		if w == nil || b == nil || cols == 0 || cols > fusedCols {
			layerNorm(y, x, w, b, mean, rstd, cols, eps)
			return
		}
		w, b = w[:cols], b[:cols]
		for i := range mean {
			o, r := y[i*cols:(i+1)*cols], x[i*cols:(i+1)*cols]
			row(&o[0], &r[0], &w[0], &b[0], &mean[i], &rstd[i], cols, T(cols), eps)
		}
	}
}

func layerNormGradRows[T Float](
	all func(dx, dw, db, x, w, dy *T, n int, mean, rstd, cols T),
	input func(dx, x, w, dy *T, n int, mean, rstd, cols T),
) func(dx, dw, db, x, w, mean, rstd, dy []T, cols int) {
	return func(dx, dw, db, x, w, mean, rstd, dy []T, cols int) {
		if w == nil || cols == 0 || cols > fusedCols {
			layerNormGrad(dx, dw, db, x, w, mean, rstd, dy, cols)
			return
		}
		// What is not wanted is computed all the same, save the weights' two.
		unwanted := grab[T](3 * cols)
		defer unwanted.drop()
		clear(unwanted.s)
		weights := dw != nil || db != nil
		if dw == nil {
			dw = unwanted.s[:cols]
		}
		if db == nil {
			db = unwanted.s[cols : 2*cols]
		}
		w, dw, db = w[:cols], dw[:cols], db[:cols]
		for i, mu := range mean {
			o, r, d := unwanted.s[2*cols:], x[i*cols:(i+1)*cols], dy[i*cols:(i+1)*cols]
			if dx != nil {
				o = dx[i*cols : (i+1)*cols]
			}
			if weights {
				all(&o[0], &dw[0], &db[0], &r[0], &w[0], &d[0], cols, mu, rstd[i], T(cols))
			} else {
				input(&o[0], &r[0], &w[0], &d[0], cols, mu, rstd[i], T(cols))
			}
		}
	}
}

func rmsNormRows[T Float](row func(y, x, w, rstd *T, n int, cols, eps T)) func(y, x, w, rstd []T, cols int, eps T) {
	return func(y, x, w, rstd []T, cols int, eps T) {
		if w == nil || cols == 0 || cols > fusedCols {
			rmsNorm(y, x, w, rstd, cols, eps)
			return
		}
		w = w[:cols]
		for i := range rstd {
			o, r := y[i*cols:(i+1)*cols], x[i*cols:(i+1)*cols]
			row(&o[0], &r[0], &w[0], &rstd[i], cols, T(cols), eps)
		}
	}
}

func rmsNormGradRows[T Float](
	all func(dx, dw, x, w, dy *T, n int, rstd, cols T),
	input func(dx, x, w, dy *T, n int, rstd, cols T),
) func(dx, dw, x, w, rstd, dy []T, cols int) {
	return func(dx, dw, x, w, rstd, dy []T, cols int) {
		if w == nil || cols == 0 || cols > fusedCols {
			rmsNormGrad(dx, dw, x, w, rstd, dy, cols)
			return
		}
		unwanted := grab[T](cols)
		defer unwanted.drop()
		w = w[:cols]
		for i, rs := range rstd {
			o, r, d := unwanted.s, x[i*cols:(i+1)*cols], dy[i*cols:(i+1)*cols]
			if dx != nil {
				o = dx[i*cols : (i+1)*cols]
			}
			if dw == nil {
				input(&o[0], &r[0], &w[0], &d[0], cols, rs, T(cols))
			} else {
				all(&o[0], &dw[:cols][0], &r[0], &w[0], &d[0], cols, rs, T(cols))
			}
		}
	}
}

func adamWStep[T Float](step func(w, grad, m, v *T, n int, scale, l2, beta1, rest1, beta2, rest2, keep, rate, inv2, eps T)) func(w, grad, m, v []T, c adamCoefs[T]) {
	return func(w, grad, m, v []T, c adamCoefs[T]) {
		inPieces(len(w), func(lo, n int) {
			step(&w[lo], &grad[lo : lo+n][0], &m[lo : lo+n][0], &v[lo : lo+n][0], n,
				c.scale, c.l2, c.beta1, c.rest1, c.beta2, c.rest2, c.keep, c.rate, c.inv2, c.eps)
		})
	}
}

func momentumStep[T Float](step func(w, grad, b *T, n int, scale, l2, mu, fromGrad, fromB T)) func(w, grad, b []T, c momentumCoefs[T]) {
	return func(w, grad, b []T, c momentumCoefs[T]) {
		inPieces(len(w), func(lo, n int) {
			step(&w[lo], &grad[lo : lo+n][0], &b[lo : lo+n][0], n, c.scale, c.l2, c.mu, c.fromGrad, c.fromB)
		})
	}
}

func addSquaresOf[T Float](f func(dst, x *T, n int) T) func(dst, x []T) T {
	return func(dst, x []T) (sum T) {
		inPieces(len(x), func(lo, n int) { sum += f(&dst[lo : lo+n][0], &x[lo], n) })
		return sum
	}
}

func mixMulOf[T Float](f func(dst, x, y *T, n int, keep, c T)) func(dst, x, y []T, keep, c T) {
	return func(dst, x, y []T, keep, c T) {
		inPieces(len(dst), func(lo, n int) { f(&dst[lo], &x[lo : lo+n][0], &y[lo : lo+n][0], n, keep, c) })
	}
}

func ropeTurn[T Float](f func(dst, x, turn *T, half, heads int, sign T)) func(dst, x, turn []T, half, heads int, sign T) {
	return func(dst, x, turn []T, half, heads int, sign T) {
		if n := 2 * half * heads; n > 0 {
			f(&dst[:n][0], &x[:n][0], &turn[:2*half][0], half, heads, sign)
		}
	}
}

func dropoutOf[T Float](f func(dst, x *T, n, base, limit int, keep T)) func(dst, x []T, base, limit uint64, keep T) {
	return func(dst, x []T, base, limit uint64, keep T) {
		inPieces(len(dst), func(lo, n int) {
			f(&dst[lo], &x[lo : lo+n][0], n, int(base+uint64(lo)*splitMix1), int(limit), keep)
		})
	}
}

// inPieces calls f for pieces of n elements that are short enough to run
// without a chance for the scheduler.
func inPieces(n int, f func(lo, n int)) {
	for lo := 0; lo < n; lo += chunk {
		f(lo, min(chunk, n-lo))
	}
}
