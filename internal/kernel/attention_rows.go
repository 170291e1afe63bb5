package kernel

import "math"

// The functions of this file are the portable ones of the [table] that work on
// the rows of a block, which are ld apart.

// scaledRows sets row i of dst to c[i], or c[0] if that is all, times row i of x.
func scaledRows[T Float](dst []T, ldd int, x []T, ldx, rows, cols int, c []T) {
	t := tableOf[T]()
	for i := range rows {
		t.scale(dst[i*ldd:][:cols], x[i*ldx:][:cols], c[min(i, len(c)-1)])
	}
}

// addRows adds c times the rows of x to those of dst.
func addRows[T Float](dst []T, ldd int, x []T, ldx, rows, cols int, c T) {
	t := tableOf[T]()
	for i := range rows {
		t.addScaled(dst[i*ldd:][:cols], x[i*ldx:][:cols], c)
	}
}

// rowDots sets dst[i] to the sum of the products of row i of x and y.
func rowDots[T Float](dst, x []T, ldx int, y []T, ldy, cols int) {
	t := tableOf[T]()
	for i := range dst {
		dst[i] = t.dot(x[i*ldx:][:cols], y[i*ldy:][:cols])
	}
}

// softRows turns row i of scores, width long, into exp(score-m[i]) from lo[i]
// to hi[i] and zero elsewhere, once m[i] is raised to the largest of them. l[i]
// becomes l[i]*fix[i] plus their sum, where fix[i] is exp of how much m[i] was
// lowered by, one if it was -Inf. If m[i] stays -Inf, all are zero.
func softRows[T Float](s []T, ld, width int, lo, hi []int32, m, l, fix []T) {
	t := tableOf[T]()
	for i := range lo {
		row := s[i*ld:][:width]
		see := row[lo[i]:hi[i]]
		clear(row[:lo[i]])
		clear(row[hi[i]:])
		fix[i] = 1
		top, old := t.maxOf(see), m[i]
		if !(top <= old) {
			m[i] = top
			if old > T(math.Inf(-1)) {
				fix[i] = T(math.Exp(float64(old - top)))
			}
		}
		if m[i] == T(math.Inf(-1)) {
			clear(see)
			continue
		}
		l[i] = l[i]*fix[i] + t.expSum(see, see, m[i])
	}
}

// gradRows turns row i of scores p, width long, into p = exp(p-lse[i]) and ds
// into p*(ds-delta[i]) from lo[i] to hi[i], and both into zero elsewhere.
func gradRows[T Float](p, ds []T, ld, width int, lo, hi []int32, lse, delta []T) {
	t := tableOf[T]()
	for i := range lo {
		pr, dr := p[i*ld:][:width], ds[i*ld:][:width]
		clear(pr[:lo[i]])
		clear(pr[hi[i]:])
		clear(dr[:lo[i]])
		clear(dr[hi[i]:])
		pr, dr = pr[lo[i]:hi[i]], dr[lo[i]:hi[i]]
		t.expSum(pr, pr, lse[i])
		for j, x := range pr {
			dr[j] = x * (dr[j] - delta[i])
		}
	}
}
