package kernel

import (
	"math"
	"unsafe"
)

// The float32 functions of this file are polynomials and rational functions
// in float32, small enough to be inlined into the loops below. They are single
// expressions because the compiler's budget counts statements, and bracketed
// after Estrin, because the latency of a long chain is what such a loop waits
// for. For float64 the loops call package math.

// single reports whether T is float32; a constant once code is instantiated.
func single[T Float]() bool {
	var x T
	return unsafe.Sizeof(x) == 4
}

func sqrt[T Float](x T) T { return T(math.Sqrt(float64(x))) } // exact to the last bit in float32 too

// Constants of the float32 exponential and logarithm: ln 2 is split so that a
// small integer times ln2Hi is exact, and adding shifter to a number rounds it
// to an integer that then stands in its low bits.
const (
	log2e   = 1.44269504088896341
	ln2Hi   = 0.693359375
	ln2Lo   = -2.12194440e-4
	shifter = 12582912.0 // 1.5 * 2^23
)

// Outside of these bounds the result of exp may be subnormal or overflow.
const expSmall, expLarge = -87.3, 88.0

// exp32 is within 2 ulp of e^x for x between expSmall and expLarge. The
// polynomial is that of Cephes' expf (S. L. Moshier).
func exp32(x float32) float32 {
	t := x*log2e + shifter
	k := t - shifter
	r := x - k*ln2Hi - k*ln2Lo
	z := r * r
	return ((((1.9875691500e-4*r+1.3981999507e-3)*z+(8.3334519073e-3*r+4.1665795894e-2))*z+(1.6666665459e-1*r+5.0000001201e-1))*z + (r + 1)) *
		math.Float32frombits((math.Float32bits(t)+127)<<23) // 2^k; the shifter's own bits leave on the left
}

// expEdge is e^x where exp32 does not hold, NaN included.
func expEdge(x float32) float32 {
	if x < -104 {
		return 0
	}
	return float32(math.Exp(float64(x)))
}

func expVec32(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		if v > expSmall && v < expLarge {
			dst[i] = exp32(v)
		} else {
			dst[i] = expEdge(v)
		}
	}
}

func expVec64(dst, x []float64) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = math.Exp(v)
	}
}

// expSum32 sets dst[i] = exp(x[i]-c) and returns the sum of dst.
func expSum32(dst, x []float32, c float32) float32 {
	x = x[:len(dst)]
	var total float64
	for len(dst) > 0 {
		n := min(len(dst), block)
		var s0, s1 float32
		d := dst[:n]
		for i, v := range x[:n] {
			v -= c
			var e float32
			if v > expSmall && v < expLarge {
				e = exp32(v)
			} else {
				e = expEdge(v)
			}
			d[i] = e
			s0, s1 = s1, s0+e
		}
		total += float64(s0 + s1)
		dst, x = dst[n:], x[n:]
	}
	return float32(total)
}

func expSum64(dst, x []float64, c float64) float64 {
	x = x[:len(dst)]
	var s0, s1 float64
	for i, v := range x {
		e := math.Exp(v - c)
		dst[i] = e
		s0, s1 = s1, s0+e
	}
	return s0 + s1
}

// logSplit returns m in [√½, √2) and k with x = m·2^k, for normal x.
func logSplit(x float32) (m, k float32) {
	bits := math.Float32bits(x)
	e := int32(bits-0x3f3504f3) >> 23
	return math.Float32frombits(bits - uint32(e)<<23), float32(e)
}

// log32 is within 1 ulp of ln(m·2^k), or 1e-7 of it near one, with m and k
// from logSplit. The polynomial is that of Cephes' logf.
func log32(m, k float32) float32 {
	f := m - 1
	z := f * f
	w := z * f
	return f + ((((((7.0376836292e-2*f-1.1514610310e-1)*f+1.1676998740e-1)*w+((-1.2420140846e-1*f+1.4249322787e-1)*f-1.6668057665e-1))*w+((2.0000714765e-1*f-2.4999993993e-1)*f+3.3333331174e-1))*w + k*ln2Lo) - 0.5*z) + k*ln2Hi
}

func logVec32(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		if v >= 0x1p-126 && v <= math.MaxFloat32 {
			dst[i] = log32(logSplit(v))
		} else {
			dst[i] = float32(math.Log(float64(v)))
		}
	}
}

func logVec64(dst, x []float64) {
	x = x[:len(dst)]
	for i, v := range x {
		if v > 0 && v < 0x1p-1022 { // math.Log's assembly has these wrong
			dst[i] = math.Log(v*0x1p60) - 60*math.Ln2
		} else {
			dst[i] = math.Log(v)
		}
	}
}

// atMostOne takes back the rounding that carries a result past ±1.
func atMostOne(y float32) float32 {
	if y > 1 {
		return 1
	}
	if y < -1 {
		return -1
	}
	return y
}

// tanh32 is within 6 ulp of tanh x for |x| <= tanhLimit, beyond which tanh
// is taken as one: a rational function of degree 13 over 6 (that of Eigen).
func tanh32(x float32) float32 {
	z := x * x
	w := z * z
	return x * ((((-2.76076847742355e-16*z+2.00018790482477e-13)*w+(-8.60467152213735e-11*z+5.12229709037114e-08))*w*z + ((1.48572235717979e-05*z+6.37261928875436e-04)*z + 4.89352455891786e-03)) /
		((1.19825839466702e-06*z+1.18534705686654e-04)*w + (2.26843463243900e-03*z + 4.89352518554385e-03)))
}

const tanhLimit = 7.9

func tanhVec32(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		switch {
		case v > tanhLimit:
			dst[i] = 1
		case v < -tanhLimit:
			dst[i] = -1
		default:
			dst[i] = atMostOne(tanh32(v))
		}
	}
}

func tanhVec64(dst, x []float64) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = math.Tanh(v)
	}
}

// erf32 is within 8 ulp of erf x for |x| <= erfLimit, beyond which erf rounds
// to one: a rational function of degree 13 over 8 (that of Eigen).
func erf32(x float32) float32 {
	z := x * x
	w := z * z
	return x * ((((-2.72614225801306e-10*z+2.77068142495902e-08)*w+(-2.10102402082508e-06*z-5.69250639462346e-05))*w*z + ((-7.34990630326855e-04*z-2.95459980854025e-03)*z - 1.60960333262415e-02)) /
		((-1.45660718464996e-05*w+(-2.13374055278905e-04*z-1.68282697438203e-03))*w + (-7.37332916720468e-03*z - 1.42647390514189e-02)))
}

const erfLimit = 4

func erfVec32(dst, x []float32) {
	x = x[:len(dst)]
	for i, v := range x {
		switch {
		case v > erfLimit:
			dst[i] = 1
		case v < -erfLimit:
			dst[i] = -1
		default:
			dst[i] = atMostOne(erf32(v))
		}
	}
}

func erfVec64(dst, x []float64) {
	x = x[:len(dst)]
	for i, v := range x {
		dst[i] = math.Erf(v)
	}
}
