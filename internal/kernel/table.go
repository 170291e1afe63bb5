package kernel

// table is the set of inner loops that an assembly tier may replace, for one
// element type. The portable variant of each is always compiled and tested;
// a tier copies the portable table and sets the fields it improves.
type table[T Float] struct {
	// micro computes a tile of C: with acc(i,j) the sum over p<k, in order, of
	// a[i*ar+p*ac]*b[p*br+j], it sets c[i*ldc+j] = acc, or adds acc if add is
	// true. If strided is true, strides are free, 1 <= rows <= mr, and there may
	// be more than nr columns; otherwise a and b are panels of widths mr and nr,
	// filled up with zeros.
	mr, nr  int
	strided bool
	micro   func(rows, cols, k int, a []T, ar, ac int, b []T, br int, c []T, ldc int, add bool)
	// microAhead, if there is one, does micro for nr columns and meanwhile
	// fetches next[p*step], for p below count, and nr elements from there on,
	// into the cache.
	microAhead func(rows, k int, a []T, ar, ac int, b []T, br int, c []T, ldc int, add bool, next []T, step, count int)
	// packB packs B [k, n] into panels nr wide, one after the other.
	packB func(out []T, k, n int, b []T, br, bc int)
	// copyRows copies rows of n elements, stride apart, to where they are pitch
	// apart, and may write arbitrary values up to the next multiple of nr.
	copyRows func(out []T, pitch int, src []T, stride, n, rows int)
	// Sizes of blocks: kc terms, mc rows of A and nc columns of B. A block of B
	// of up to inPlace elements is not packed. Products of up to serial terms
	// are not split over cores.
	kc, mc, nc, inPlace, serial int
	// dots sets out[i*os+j*oj], i < m and j < n, to the sum over p<k of
	// x[i*xs+p]*w[j*ws+p], or adds it. It takes the place of micro for m up to
	// dotRows and from dotTerms terms on.
	dotRows, dotTerms int
	dots              func(m, n, k int, x []T, xs int, w []T, ws int, out []T, os, oj int, add bool)

	add, sub, mul, div, max, min func(dst, a, b []T)
	addScalar, divScalar         func(dst, x []T, c T)
	scalarSub, scalarDiv         func(dst, x []T, c T) // c first
	maxScalar, minScalar         func(dst, x []T, c T)
	addMul                       func(dst, a, b []T) // dst += a*b
	addScaled, scale             func(dst, x []T, c T)
	subMul                       func(dst, x []T, mu, c T) // dst = (x-mu)*c

	// Unary, dst may alias x.
	neg, abs, sqrt, square, exp, log, tanh, erf, sigmoid func(dst, x []T)
	softplus, relu, gelu, geluTanh, silu                 func(dst, x []T)
	// From dy and what the exported function of the name says, dst may alias.
	tanhGrad, sigmoidGrad, softplusGrad        func(dst, x, dy []T)
	reluGrad, geluGrad, geluTanhGrad, siluGrad func(dst, x, dy []T)
	swiGLU, geGLU                              func(dst, gate, up []T)
	swiGLUGrad, geGLUGrad                      func(dgate, dup, gate, up, dy []T)

	// softmaxRow and softmaxGradRow do a row of Softmax and SoftmaxGrad.
	softmaxRow     func(dst, x []T)
	softmaxGradRow func(dst, y, dy []T)
	subExp         func(dst, y, dy []T, c T)   // dst = dy - c*exp(y)
	expScaled      func(dst, x []T, l, c, d T) // dst = d + c*exp(x-l)
	// expSum sets dst[i] = exp(x[i]-c) and returns the sum; dst may alias x.
	// expTotal only returns it.
	expSum   func(dst, x []T, c T) T
	expTotal func(x []T, c T) T
	sum      func(x []T) T
	dot      func(x, y []T) T
	maxOf    func(x []T) T

	centredSq func(x []T, mu T) T // Σ(x-mu)²
	sumRows   func(dst, x []T, ld, rows int)

	layerNorm     func(y, x, w, b, mean, rstd []T, cols int, eps T)
	layerNormGrad func(dx, dw, db, x, w, mean, rstd, dy []T, cols int)
	rmsNorm       func(y, x, w, rstd []T, cols int, eps T)
	rmsNormGrad   func(dx, dw, x, w, rstd, dy []T, cols int)

	adamW      func(w, grad, m, v []T, c adamCoefs[T])
	momentum   func(w, grad, b []T, c momentumCoefs[T])
	addSquares func(dst, x []T) T             // dst += x², and the sum of x²
	dotSquares func(x, y []T) T               // the sum of (x*y)²
	mixMul     func(dst, x, y []T, keep, c T) // dst = keep*dst + c*x*y

	rope func(dst, x, turn []T, half, heads int, sign T)
	// For attention, see attention_rows.go.
	scaleRows func(dst []T, ldd int, x []T, ldx, rows, cols int, c []T)
	addRows   func(dst []T, ldd int, x []T, ldx, rows, cols int, c T)
	rowDots   func(dst, x []T, ldx int, y []T, ldy, cols int)
	softRows  func(s []T, ld, width int, lo, hi []int32, m, l, fix []T)
	gradRows  func(p, ds []T, ld, width int, lo, hi []int32, lse, delta []T)
	// dropout sets dst[i] to keep*x[i], or to 0 where [splitMixEnd] of base +
	// i*splitMix1 is below the limit.
	dropout func(dst, x []T, base, limit uint64, keep T)
}

// portable returns the functions written in Go once for both types.
func portable[T Float]() table[T] {
	return table[T]{
		mr: microRows, nr: microCols, micro: micro[T],
		packB:    func(out []T, k, n int, b []T, br, bc int) { packB(microCols, out, k, n, b, br, bc) },
		copyRows: copyRows[T],
		kc:       256, mc: 144, nc: 128, serial: 32 << 10,
		dotRows: 8, dotTerms: 1, dots: dots[T],
		add: addVec[T], sub: subVec[T], mul: mulVec[T], div: divVec[T], max: maxVec[T], min: minVec[T],
		addScalar: addScalar[T], divScalar: divScalar[T], scalarSub: scalarSub[T], scalarDiv: scalarDiv[T],
		maxScalar: maxScalar[T], minScalar: minScalar[T],
		addMul: addMul[T], addScaled: addScaled[T], scale: scale[T], subMul: subMul[T],
		neg: negVec[T], abs: absVec[T], sqrt: sqrtVec[T], square: squareVec[T],
		sigmoid: sigmoidVec[T], softplus: softplusVec[T], relu: reluVec[T],
		gelu: geluVec[T], geluTanh: geluTanhVec[T], silu: siluVec[T],
		tanhGrad: tanhGrad[T], sigmoidGrad: sigmoidGrad[T], softplusGrad: softplusGrad[T], reluGrad: reluGrad[T],
		geluGrad: geluGrad[T], geluTanhGrad: geluTanhGrad[T], siluGrad: siluGrad[T],
		swiGLU: swiGLU[T], geGLU: geGLU[T], swiGLUGrad: swiGLUGrad[T], geGLUGrad: geGLUGrad[T],
		softmaxRow: softmaxRow[T], softmaxGradRow: softmaxGradRow[T],
		subExp: subExp[T], expScaled: expScaled[T], expTotal: expTotal[T],
		sum: sum[T], dot: dot[T], maxOf: maxOf[T], centredSq: centredSq[T], sumRows: sumRows[T],
		layerNorm: layerNorm[T], layerNormGrad: layerNormGrad[T],
		rmsNorm: rmsNorm[T], rmsNormGrad: rmsNormGrad[T],
		adamW: adamW[T], momentum: momentum[T],
		addSquares: addSquares[T], dotSquares: dotSquares[T], mixMul: mixMul[T],
		scaleRows: scaledRows[T], addRows: addRows[T], rowDots: rowDots[T],
		softRows: softRows[T], gradRows: gradRows[T],
		rope: rope[T], dropout: dropout[T],
	}
}

func portable32() table[float32] {
	t := portable[float32]()
	t.exp, t.log, t.tanh, t.erf, t.expSum = expVec32, logVec32, tanhVec32, erfVec32, expSum32
	return t
}

func portable64() table[float64] {
	t := portable[float64]()
	t.exp, t.log, t.tanh, t.erf, t.expSum = expVec64, logVec64, tanhVec64, erfVec64, expSum64
	return t
}

// A variant is one way to run the kernels: a tier of instructions.
type variant struct {
	name   string
	f32    table[float32]
	f64    table[float64]
	stored [numStorages]stored
}

func portableVariant(name string) variant {
	return variant{name, portable32(), portable64(), portableStored()}
}

// active is the variant in use, set once before main begins: functions in the
// tables call others through it.
var active variant

func init() { active = variants()[0] }

// variants returns those that this machine runs, the best first and the
// portable one last.
func variants() []variant {
	return append(accelerated(), portableVariant("portable"))
}

// tableOf returns the table in use for T.
func tableOf[T Float]() *table[T] {
	if t, ok := any(&active.f32).(*table[T]); ok {
		return t
	}
	return any(&active.f64).(*table[T])
}

// Tier names the variant of the kernels in use, such as "portable" or "avx2".
// Two runs agree bit for bit only within one tier, so a checkpoint records it.
func Tier() string { return active.name }
