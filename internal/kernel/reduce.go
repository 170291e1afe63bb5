package kernel

import "math"

// block is how many elements are summed in T before the partial sum joins a
// float64 total: short enough that float32 loses little, long enough that the
// conversion is free. The order is fixed, so a sum has one value.
const block = 256

// Sum returns the sum of x, zero if it is empty.
func Sum[T Float](x []T) T { return tableOf[T]().sum(x) }

func sum[T Float](x []T) T {
	var total float64
	for len(x) > 0 {
		n := min(len(x), block)
		var s0, s1, s2, s3 T
		b := x[:n]
		for len(b) >= 4 {
			s0 += b[0]
			s1 += b[1]
			s2 += b[2]
			s3 += b[3]
			b = b[4:]
		}
		for _, v := range b {
			s0 += v
		}
		total += float64((s0 + s1) + (s2 + s3))
		x = x[n:]
	}
	return T(total)
}

// Dot returns the sum of x[i]*y[i]; y is at least as long as x.
func Dot[T Float](x, y []T) T { return tableOf[T]().dot(x, y) }

func dot[T Float](x, y []T) T {
	var total float64
	y = y[:len(x)]
	for len(x) > 0 {
		n := min(len(x), block)
		var s0, s1, s2, s3 T
		a, b := x[:n], y[:n]
		for len(a) >= 4 && len(b) >= 4 {
			s0 += a[0] * b[0]
			s1 += a[1] * b[1]
			s2 += a[2] * b[2]
			s3 += a[3] * b[3]
			a, b = a[4:], b[4:]
		}
		for i, v := range a {
			s0 += v * b[i]
		}
		total += float64((s0 + s1) + (s2 + s3))
		x, y = x[n:], y[n:]
	}
	return T(total)
}

// SumSq returns the sum of squares of x.
func SumSq[T Float](x []T) T { return tableOf[T]().dot(x, x) }

// MaxOf returns the largest element of x, NaN if there is one, -Inf if x is
// empty.
func MaxOf[T Float](x []T) T { return tableOf[T]().maxOf(x) }

func maxOf[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m || v != v {
			m = v
		}
	}
	return m
}

// MinOf returns the smallest element of x, NaN if there is one, +Inf if x is
// empty.
func MinOf[T Float](x []T) T {
	m := T(math.Inf(1))
	for _, v := range x {
		if v < m || v != v {
			m = v
		}
	}
	return m
}

// SumRows adds to dst the given number of rows of x, as long as dst and ld
// apart, several at a time.
func SumRows[T Float](dst, x []T, ld, rows int) { tableOf[T]().sumRows(dst, x, ld, rows) }

func sumRows[T Float](dst, x []T, ld, rows int) {
	n := len(dst)
	for ; rows >= 4; rows -= 4 {
		a, b, c, d := x[:n], x[ld:ld+n], x[2*ld:2*ld+n], x[3*ld:3*ld+n]
		for i, v := range a {
			dst[i] += (v + b[i]) + (c[i] + d[i])
		}
		x = x[min(4*ld, len(x)):]
	}
	t := tableOf[T]()
	for r := range rows {
		t.add(dst, dst, x[r*ld:r*ld+n])
	}
}

// AllFinite reports whether x holds no NaN and no infinity.
func AllFinite[T Float](x []T) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
