package kernel

import "math"

// Softmax sets each row of dst, cols long, to exp(x)/Σexp(x); dst may alias x.
// A row that is all -Inf gives zeros; one with NaN or +Inf gives NaN.
func Softmax[T Float](dst, x []T, cols int) {
	t := tableOf[T]()
	for ; len(x) > 0; dst, x = dst[cols:], x[cols:] {
		d, r := dst[:cols], x[:cols]
		m := t.maxOf(r)
		if m == T(math.Inf(-1)) {
			clear(d)
			continue
		}
		t.scale(d, d, 1/t.expSum(d, r, m))
	}
}

// SoftmaxGrad sets dx = y*(dy - Σ dy*y) row by row, from the output y of
// Softmax; dx may alias y or dy.
func SoftmaxGrad[T Float](dx, y, dy []T, cols int) {
	t := tableOf[T]()
	for ; len(y) > 0; dx, y, dy = dx[cols:], y[cols:], dy[cols:] {
		d, p, g := dx[:cols], y[:cols], dy[:cols]
		s := t.dot(p, g)
		for i := range d {
			d[i] = p[i] * (g[i] - s)
		}
	}
}

// LogSoftmax sets each row of dst to x - log Σexp(x); dst may alias x. A row
// that is all -Inf stays so.
func LogSoftmax[T Float](dst, x []T, cols int) {
	buf := grab[T](block)
	defer buf.drop()
	for ; len(x) > 0; dst, x = dst[cols:], x[cols:] {
		r := x[:cols]
		l := logSumExp(r, buf.s)
		if l == T(math.Inf(-1)) {
			copy(dst[:cols], r)
			continue
		}
		addScalar(dst[:cols], r, -l)
	}
}

// LogSoftmaxGrad sets dx = dy - exp(y)*Σdy row by row, from the output y of
// LogSoftmax; dx may alias y or dy.
func LogSoftmaxGrad[T Float](dx, y, dy []T, cols int) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for ; len(y) > 0; dx, y, dy = dx[cols:], y[cols:], dy[cols:] {
		s := t.sum(dy[:cols])
		for lo, hi := range blocks(cols) {
			d, e, g := dx[lo:hi], buf.s[:hi-lo], dy[lo:hi]
			t.exp(e, y[lo:hi])
			for i, p := range e {
				d[i] = g[i] - p*s
			}
		}
	}
}

// LogSumExp sets dst[i] to log Σexp of row i of x, cols long; -Inf for a row
// that is all -Inf.
func LogSumExp[T Float](dst, x []T, cols int) {
	buf := grab[T](block)
	defer buf.drop()
	for i := range dst {
		dst[i] = logSumExp(x[i*cols:(i+1)*cols], buf.s)
	}
}

// logSumExp needs a scratch slice of block elements.
func logSumExp[T Float](x, scratch []T) T {
	t := tableOf[T]()
	m := t.maxOf(x)
	if math.IsInf(float64(m), 0) || m != m {
		return m
	}
	var total float64
	for len(x) > 0 {
		n := min(len(x), block)
		total += float64(t.expSum(scratch[:n], x[:n], m))
		x = x[n:]
	}
	return m + T(math.Log(total))
}
