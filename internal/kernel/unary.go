package kernel

import "iter"

// blocks yields the bounds of consecutive blocks of n elements, short enough
// that a block and its scratch stay in the first-level cache between passes.
func blocks(n int) iter.Seq2[int, int] {
	return func(yield func(lo, hi int) bool) {
		for lo := 0; lo < n; lo += block {
			if !yield(lo, min(n, lo+block)) {
				return
			}
		}
	}
}

// Neg sets dst[i] = -x[i]; dst may alias x, as in every unary kernel.
func Neg[T Float](dst, x []T) { tableOf[T]().neg(dst, x) }

func negVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = -x[i]
	}
}

// Exp sets dst[i] = e^x[i].
func Exp[T Float](dst, x []T) { tableOf[T]().exp(dst, x) }

// Log sets dst[i] to the natural logarithm of x[i].
func Log[T Float](dst, x []T) { tableOf[T]().log(dst, x) }

// Sqrt sets dst[i] to the square root of x[i].
func Sqrt[T Float](dst, x []T) { tableOf[T]().sqrt(dst, x) }

func sqrtVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = sqrt(x[i])
	}
}

// Square sets dst[i] = x[i]².
func Square[T Float](dst, x []T) { tableOf[T]().square(dst, x) }

func squareVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * x[i]
	}
}

// Abs sets dst[i] = |x[i]|.
func Abs[T Float](dst, x []T) { tableOf[T]().abs(dst, x) }

func absVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		v := x[i]
		if v <= 0 {
			v = 0 - v // also turns -0 into +0
		}
		dst[i] = v
	}
}

// Tanh sets dst[i] = tanh x[i].
func Tanh[T Float](dst, x []T) { tableOf[T]().tanh(dst, x) }

// TanhGrad sets dx = dy*(1-y²) from the output y of Tanh.
func TanhGrad[T Float](dx, y, dy []T) { tableOf[T]().tanhGrad(dx, y, dy) }

func tanhGrad[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * (1 - y[i]*y[i])
	}
}

// Sigmoid sets dst[i] = 1/(1+e^-x[i]).
func Sigmoid[T Float](dst, x []T) { tableOf[T]().sigmoid(dst, x) }

func sigmoidVec[T Float](dst, x []T) {
	t := tableOf[T]()
	for lo, hi := range blocks(len(dst)) {
		d := dst[lo:hi]
		negVec(d, x[lo:hi])
		t.exp(d, d)
		for i, e := range d {
			d[i] = 1 / (1 + e)
		}
	}
}

// SigmoidGrad sets dx = dy*y*(1-y) from the output y of Sigmoid.
func SigmoidGrad[T Float](dx, y, dy []T) { tableOf[T]().sigmoidGrad(dx, y, dy) }

func sigmoidGrad[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * y[i] * (1 - y[i])
	}
}

// Softplus sets dst[i] = log(1+e^x[i]), without overflow and exact where the
// result is tiny.
func Softplus[T Float](dst, x []T) { tableOf[T]().softplus(dst, x) }

func softplusVec[T Float](dst, x []T) {
	t := tableOf[T]()
	buf := grab[T](2 * block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		n := hi - lo
		d, v, e, l := dst[lo:hi], x[lo:hi], buf.s[:n], buf.s[n:2*n]
		absVec(e, v)
		negVec(e, e)
		t.exp(e, e)
		addScalar(l, e, 1)
		t.log(l, l)
		for i, a := range v {
			u := 1 + e[i]
			d[i] = max(a, 0) + (l[i] + (e[i]-(u-1))/u) // the quotient is what rounding u lost
		}
	}
}

// SoftplusGrad sets dx = dy*sigmoid(x) from the input x of Softplus.
func SoftplusGrad[T Float](dx, x, dy []T) { tableOf[T]().softplusGrad(dx, x, dy) }

func softplusGrad[T Float](dx, x, dy []T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dx)) {
		s := buf.s[:hi-lo]
		t.sigmoid(s, x[lo:hi])
		mulVec(dx[lo:hi], dy[lo:hi], s)
	}
}
