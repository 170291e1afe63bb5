package kernel

// Constants of the GELU family (Hendrycks and Gimpel, 2016).
const (
	sqrtHalf   = 0.70710678118654752440 // √(1/2)
	invSqrt2Pi = 0.39894228040143267794 // 1/√(2π)
	sqrt2OvPi  = 0.79788456080286535588 // √(2/π)
	geluCubic  = 0.044715
)

// ReLU sets dst[i] = max(x[i], 0); NaN stays.
func ReLU[T Float](dst, x []T) { tableOf[T]().relu(dst, x) }

func reluVec[T Float](dst, x []T) {
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
func ReLUGrad[T Float](dx, x, dy []T) { tableOf[T]().reluGrad(dx, x, dy) }

func reluGrad[T Float](dx, x, dy []T) {
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
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		d, v, e := dst[lo:hi], x[lo:hi], buf.s[:hi-lo]
		t.scale(e, v, sqrtHalf)
		t.erf(e, e)
		for i, a := range e {
			d[i] = 0.5 * v[i] * (1 + a)
		}
	}
}

// GELUGrad sets dx = dy*(Φ(x) + x*φ(x)) from the input x of GELU.
func GELUGrad[T Float](dx, x, dy []T) { tableOf[T]().geluGrad(dx, x, dy) }

func geluGrad[T Float](dx, x, dy []T) {
	t := tableOf[T]()
	buf := grab[T](2 * block)
	defer buf.drop()
	for lo, hi := range blocks(len(dx)) {
		n := hi - lo
		d, v, g, e, f := dx[lo:hi], x[lo:hi], dy[lo:hi], buf.s[:n], buf.s[n:2*n]
		t.scale(e, v, sqrtHalf)
		for i, a := range e {
			f[i] = -a * a
		}
		t.erf(e, e)
		t.exp(f, f)
		for i, a := range e {
			d[i] = g[i] * (0.5*(1+a) + v[i]*f[i]*invSqrt2Pi)
		}
	}
}

// GELUTanh sets dst[i] = x/2*(1 + tanh(√(2/π)*(x + 0.044715x³))), the form of
// GELU that GPT-2 uses.
func GELUTanh[T Float](dst, x []T) { tableOf[T]().geluTanh(dst, x) }

func geluTanhVec[T Float](dst, x []T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		s := buf.s[:hi-lo]
		geluTanhGate(s, x[lo:hi])
		t.mul(dst[lo:hi], x[lo:hi], s)
	}
}

// geluTanhGate sets dst to (1 + tanh u)/2 as GELUTanh has it, that is to
// sigmoid(2u), which keeps its digits where the tangent nears -1.
func geluTanhGate[T Float](dst, x []T) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = 2 * sqrt2OvPi * (v + geluCubic*v*v*v)
	}
	tableOf[T]().sigmoid(dst, dst)
}

// geluTanhSlope is the derivative of GELUTanh at x, given its gate s.
func geluTanhSlope[T Float](x, s T) T {
	bell := s * (1 - s)
	if bell == 0 { // where x² may overflow
		return s
	}
	return s + 2*x*bell*sqrt2OvPi*(1+3*geluCubic*x*x)
}

// GELUTanhGrad sets dx from dy and the input x of GELUTanh.
func GELUTanhGrad[T Float](dx, x, dy []T) { tableOf[T]().geluTanhGrad(dx, x, dy) }

func geluTanhGrad[T Float](dx, x, dy []T) {
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dx)) {
		d, v, g, e := dx[lo:hi], x[lo:hi], dy[lo:hi], buf.s[:hi-lo]
		geluTanhGate(e, v)
		for i, s := range e {
			d[i] = g[i] * geluTanhSlope(v[i], s)
		}
	}
}

// SiLU sets dst[i] = x*sigmoid(x).
func SiLU[T Float](dst, x []T) { tableOf[T]().silu(dst, x) }

func siluVec[T Float](dst, x []T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		s := buf.s[:hi-lo]
		t.sigmoid(s, x[lo:hi])
		t.mul(dst[lo:hi], x[lo:hi], s)
	}
}

// SiLUGrad sets dx from dy and the input x of SiLU.
func SiLUGrad[T Float](dx, x, dy []T) { tableOf[T]().siluGrad(dx, x, dy) }

func siluGrad[T Float](dx, x, dy []T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dx)) {
		d, v, g, e := dx[lo:hi], x[lo:hi], dy[lo:hi], buf.s[:hi-lo]
		t.sigmoid(e, v)
		for i, s := range e {
			d[i] = g[i] * s * (1 + v[i]*(1-s))
		}
	}
}

// SwiGLU sets dst = silu(gate)*up (Shazeer, 2020); dst may alias either.
func SwiGLU[T Float](dst, gate, up []T) { tableOf[T]().swiGLU(dst, gate, up) }

func swiGLU[T Float](dst, gate, up []T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		s := buf.s[:hi-lo]
		t.sigmoid(s, gate[lo:hi])
		t.mul(s, s, gate[lo:hi])
		t.mul(dst[lo:hi], s, up[lo:hi])
	}
}

// SwiGLUGrad sets dgate and dup, which may alias any of the inputs, from dy
// and the inputs of SwiGLU.
func SwiGLUGrad[T Float](dgate, dup, gate, up, dy []T) {
	tableOf[T]().swiGLUGrad(dgate, dup, gate, up, dy)
}

func swiGLUGrad[T Float](dgate, dup, gate, up, dy []T) {
	t := tableOf[T]()
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dgate)) {
		e := buf.s[:hi-lo]
		dg, du, gate, up, dy := dgate[lo:hi], dup[lo:hi], gate[lo:hi], up[lo:hi], dy[lo:hi]
		t.sigmoid(e, gate)
		for i, s := range e {
			g, u, d := gate[i], up[i], dy[i]
			dg[i] = d * u * s * (1 + g*(1-s))
			du[i] = d * g * s
		}
	}
}

// GeGLU sets dst = gelu(gate)*up with the tanh form of GELU.
func GeGLU[T Float](dst, gate, up []T) { tableOf[T]().geGLU(dst, gate, up) }

func geGLU[T Float](dst, gate, up []T) {
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dst)) {
		d, g, u, e := dst[lo:hi], gate[lo:hi], up[lo:hi], buf.s[:hi-lo]
		geluTanhGate(e, g)
		for i, s := range e {
			d[i] = g[i] * s * u[i]
		}
	}
}

// GeGLUGrad sets dgate and dup, which may alias any of the inputs, from dy
// and the inputs of GeGLU.
func GeGLUGrad[T Float](dgate, dup, gate, up, dy []T) {
	tableOf[T]().geGLUGrad(dgate, dup, gate, up, dy)
}

func geGLUGrad[T Float](dgate, dup, gate, up, dy []T) {
	buf := grab[T](block)
	defer buf.drop()
	for lo, hi := range blocks(len(dgate)) {
		e := buf.s[:hi-lo]
		dg, du, gate, up, dy := dgate[lo:hi], dup[lo:hi], gate[lo:hi], up[lo:hi], dy[lo:hi]
		geluTanhGate(e, gate)
		for i, s := range e {
			g, u, d := gate[i], up[i], dy[i]
			dg[i] = d * u * geluTanhSlope(g, s)
			du[i] = d * g * s
		}
	}
}
