package kernel

import "math"

// Softmax sets each row of dst, cols long, to exp(x)/Σexp(x); dst may alias x.
// A row that is all -Inf gives zeros; one with NaN or +Inf gives NaN.
func Softmax[T Float](dst, x []T, cols int) {
	t := tableOf[T]()
	for ; len(x) > 0; dst, x = dst[cols:], x[cols:] {
		t.softmaxRow(dst[:cols], x[:cols])
	}
}

func softmaxRow[T Float](dst, x []T) {
	t := tableOf[T]()
	m := t.maxOf(x)
	if m == T(math.Inf(-1)) {
		clear(dst)
		return
	}
	t.scale(dst, dst, 1/t.expSum(dst, x, m))
}

// SoftmaxGrad sets dx = y*(dy - Σ dy*y) row by row, from the output y of
// Softmax; dx may alias y or dy.
func SoftmaxGrad[T Float](dx, y, dy []T, cols int) {
	t := tableOf[T]()
	for ; len(y) > 0; dx, y, dy = dx[cols:], y[cols:], dy[cols:] {
		t.softmaxGradRow(dx[:cols], y[:cols], dy[:cols])
	}
}

func softmaxGradRow[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	s := tableOf[T]().dot(y, dy)
	for i := range dx {
		dx[i] = y[i] * (dy[i] - s)
	}
}

// LogSoftmax sets each row of dst to x - log Σexp(x); dst may alias x. A row
// that is all -Inf stays so.
func LogSoftmax[T Float](dst, x []T, cols int) {
	t := tableOf[T]()
	for ; len(x) > 0; dst, x = dst[cols:], x[cols:] {
		r := x[:cols]
		l := logSumExp(r)
		if l == T(math.Inf(-1)) {
			copy(dst[:cols], r)
			continue
		}
		t.addScalar(dst[:cols], r, -l)
	}
}

// LogSoftmaxGrad sets dx = dy - exp(y)*Σdy row by row, from the output y of
// LogSoftmax; dx may alias y or dy.
func LogSoftmaxGrad[T Float](dx, y, dy []T, cols int) {
	t := tableOf[T]()
	for ; len(y) > 0; dx, y, dy = dx[cols:], y[cols:], dy[cols:] {
		t.subExp(dx[:cols], y[:cols], dy[:cols], t.sum(dy[:cols]))
	}
}

func subExp[T Float](dst, y, dy []T, c T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		d, e, g := dst[lo:hi], buf.s[:hi-lo], dy[lo:hi]
		t.exp(e, y[lo:hi])
		for i, p := range e {
			d[i] = g[i] - p*c
		}
	}
}

// LogSumExp sets dst[i] to log Σexp of row i of x, cols long; -Inf for a row
// that is all -Inf.
func LogSumExp[T Float](dst, x []T, cols int) {
	for i := range dst {
		dst[i] = logSumExp(x[i*cols : (i+1)*cols])
	}
}

func logSumExp[T Float](x []T) T {
	t := tableOf[T]()
	m := t.maxOf(x)
	if math.IsInf(float64(m), 0) || m != m {
		return m
	}
	return m + T(math.Log(float64(t.expTotal(x, m))))
}

func expTotal[T Float](x []T, c T) T {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	var total float64
	for lo, hi := range blocks(len(x)) {
		total += float64(t.expSum(buf.s[:hi-lo], x[lo:hi], c))
	}
	return T(total)
}
