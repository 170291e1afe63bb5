package kernel

// Neg sets dst[i] = -x[i]; dst may alias x, as in every unary kernel.
func Neg[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = -x[i]
	}
}

// Exp sets dst[i] = e^x[i].
func Exp[T Float](dst, x []T) { tableOf[T]().exp(dst, x) }

func expVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = exp(x[i])
	}
}

// Log sets dst[i] to the natural logarithm of x[i].
func Log[T Float](dst, x []T) { tableOf[T]().log(dst, x) }

func logVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = log(x[i])
	}
}

// Sqrt sets dst[i] to the square root of x[i].
func Sqrt[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = sqrt(x[i])
	}
}

// Square sets dst[i] = x[i]².
func Square[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * x[i]
	}
}

// Abs sets dst[i] = |x[i]|.
func Abs[T Float](dst, x []T) {
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

func tanhVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = tanh(x[i])
	}
}

// TanhGrad sets dx = dy*(1-y²) from the output y of Tanh.
func TanhGrad[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * (1 - y[i]*y[i])
	}
}

// Sigmoid sets dst[i] = 1/(1+e^-x[i]).
func Sigmoid[T Float](dst, x []T) { tableOf[T]().sigmoid(dst, x) }

func sigmoidVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = sigmoid(x[i])
	}
}

// SigmoidGrad sets dx = dy*y*(1-y) from the output y of Sigmoid.
func SigmoidGrad[T Float](dx, y, dy []T) {
	y, dy = y[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * y[i] * (1 - y[i])
	}
}

// Softplus sets dst[i] = log(1+e^x[i]), without overflow.
func Softplus[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		v := x[i]
		if v > 0 {
			dst[i] = v + log1p(exp(-v))
		} else {
			dst[i] = log1p(exp(v))
		}
	}
}

// SoftplusGrad sets dx = dy*sigmoid(x) from the input x of Softplus.
func SoftplusGrad[T Float](dx, x, dy []T) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * sigmoid(x[i])
	}
}
