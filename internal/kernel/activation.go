package kernel

// Constants of the GELU family (Hendrycks and Gimpel, 2016).
const (
	sqrtHalf   = 0.70710678118654752440 // √(1/2)
	invSqrt2Pi = 0.39894228040143267794 // 1/√(2π)
	sqrt2OvPi  = 0.79788456080286535588 // √(2/π)
	geluCubic  = 0.044715
)

// ReLU sets dst[i] = max(x[i], 0); NaN stays.
func ReLU[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		v := x[i]
		if v <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

// ReLUGrad sets dx = dy where x > 0 and zero elsewhere.
func ReLUGrad[T Float](dx, x, dy []T) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i := range dx {
		var d T
		if x[i] > 0 {
			d = dy[i]
		}
		dx[i] = d
	}
}

// GELU sets dst[i] = x*Φ(x), Φ the normal distribution function.
func GELU[T Float](dst, x []T) { tableOf[T]().gelu(dst, x) }

func geluVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		v := x[i]
		dst[i] = 0.5 * v * (1 + erf(v*sqrtHalf))
	}
}

// GELUGrad sets dx = dy*(Φ(x) + x*φ(x)) from the input x of GELU.
func GELUGrad[T Float](dx, x, dy []T) { tableOf[T]().geluGrad(dx, x, dy) }

func geluGrad[T Float](dx, x, dy []T) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i := range dx {
		v := x[i]
		dx[i] = dy[i] * (0.5*(1+erf(v*sqrtHalf)) + v*invSqrt2Pi*exp(-0.5*v*v))
	}
}

// GELUTanh sets dst[i] = x/2*(1 + tanh(√(2/π)*(x + 0.044715x³))), the form of
// GELU that GPT-2 uses.
func GELUTanh[T Float](dst, x []T) { tableOf[T]().geluTanh(dst, x) }

func geluTanhVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = geluTanhOf(x[i])
	}
}

func geluTanhOf[T Float](v T) T {
	return 0.5 * v * (1 + tanh(sqrt2OvPi*(v+geluCubic*v*v*v)))
}

// geluTanhSlope is the derivative of geluTanhOf.
func geluTanhSlope[T Float](v T) T {
	t := tanh(sqrt2OvPi * (v + geluCubic*v*v*v))
	return 0.5*(1+t) + 0.5*v*(1-t*t)*sqrt2OvPi*(1+3*geluCubic*v*v)
}

// GELUTanhGrad sets dx from dy and the input x of GELUTanh.
func GELUTanhGrad[T Float](dx, x, dy []T) { tableOf[T]().geluTanhGrad(dx, x, dy) }

func geluTanhGrad[T Float](dx, x, dy []T) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i := range dx {
		dx[i] = dy[i] * geluTanhSlope(x[i])
	}
}

// SiLU sets dst[i] = x*sigmoid(x).
func SiLU[T Float](dst, x []T) { tableOf[T]().silu(dst, x) }

func siluVec[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] = x[i] * sigmoid(x[i])
	}
}

// SiLUGrad sets dx from dy and the input x of SiLU.
func SiLUGrad[T Float](dx, x, dy []T) { tableOf[T]().siluGrad(dx, x, dy) }

func siluGrad[T Float](dx, x, dy []T) {
	x, dy = x[:len(dx)], dy[:len(dx)]
	for i := range dx {
		s := sigmoid(x[i])
		dx[i] = dy[i] * s * (1 + x[i]*(1-s))
	}
}

// SwiGLU sets dst = silu(gate)*up (Shazeer, 2020); dst may alias either.
func SwiGLU[T Float](dst, gate, up []T) { tableOf[T]().swiGLU(dst, gate, up) }

func swiGLU[T Float](dst, gate, up []T) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := range dst {
		dst[i] = gate[i] * sigmoid(gate[i]) * up[i]
	}
}

// SwiGLUGrad sets dgate and dup, which may alias any of the inputs, from dy
// and the inputs of SwiGLU.
func SwiGLUGrad[T Float](dgate, dup, gate, up, dy []T) {
	n := len(dgate)
	dup, gate, up, dy = dup[:n], gate[:n], up[:n], dy[:n]
	for i := range dgate {
		g, u, d := gate[i], up[i], dy[i]
		s := sigmoid(g)
		dgate[i] = d * u * s * (1 + g*(1-s))
		dup[i] = d * g * s
	}
}

// GeGLU sets dst = gelu(gate)*up with the tanh form of GELU.
func GeGLU[T Float](dst, gate, up []T) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := range dst {
		dst[i] = geluTanhOf(gate[i]) * up[i]
	}
}

// GeGLUGrad sets dgate and dup, which may alias any of the inputs, from dy
// and the inputs of GeGLU.
func GeGLUGrad[T Float](dgate, dup, gate, up, dy []T) {
	n := len(dgate)
	dup, gate, up, dy = dup[:n], gate[:n], up[:n], dy[:n]
	for i := range dgate {
		g, u, d := gate[i], up[i], dy[i]
		dgate[i] = d * u * geluTanhSlope(g)
		dup[i] = d * geluTanhOf(g)
	}
}
