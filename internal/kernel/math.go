package kernel

import (
	"math"
	"unsafe"
)

// The scalar functions below work in T. For float32 they are polynomials; the
// size of T is a constant once the generic code is instantiated, so the choice
// costs nothing. For float64 they are package math's.

func single[T Float]() bool {
	var x T
	return unsafe.Sizeof(x) == 4
}

func exp[T Float](x T) T {
	if single[T]() {
		return T(exp32(float32(x)))
	}
	return T(math.Exp(float64(x)))
}

func log[T Float](x T) T {
	if single[T]() {
		return T(log32(float32(x)))
	}
	return T(math.Log(float64(x)))
}

func tanh[T Float](x T) T {
	if single[T]() {
		return T(tanh32(float32(x)))
	}
	return T(math.Tanh(float64(x)))
}

func erf[T Float](x T) T {
	if single[T]() {
		return T(erf32(float32(x)))
	}
	return T(math.Erf(float64(x)))
}

// log1p returns log(1+x) for x >= 0.
func log1p[T Float](x T) T {
	if single[T]() {
		u := 1 + float32(x)
		if u > math.MaxFloat32 {
			return x
		}
		return T(log32(u) + (float32(x)-(u-1))/u) // the second term is what rounding u lost
	}
	return T(math.Log1p(float64(x)))
}

func sqrt[T Float](x T) T { return T(math.Sqrt(float64(x))) } // exact to the last bit in float32 too

func sigmoid[T Float](x T) T { return 1 / (1 + exp(-x)) }

// Constants of the float32 exponential: ln 2 is split so that k*ln2Hi is
// exact, and adding shifter rounds to an integer held in the low bits.
const (
	log2e    = 1.44269504088896341
	ln2Hi    = 0.693359375
	ln2Lo    = -2.12194440e-4
	shifter  = 12582912.0 // 1.5 * 2^23
	expSmall = -87.3      // below: the result may be subnormal
	expLarge = 88.0       // above: the power of two may overflow
)

// exp32 is within 1 ulp of e^x where the result is normal. The polynomial is
// that of Cephes' expf (S. L. Moshier).
func exp32(x float32) float32 {
	if !(x > expSmall && x < expLarge) {
		return expEdge(x)
	}
	t := x*log2e + shifter
	k := t - shifter
	r := x - k*ln2Hi
	r -= k * ln2Lo
	p := float32(1.9875691500e-4)
	p = p*r + 1.3981999507e-3
	p = p*r + 8.3334519073e-3
	p = p*r + 4.1665795894e-2
	p = p*r + 1.6666665459e-1
	p = p*r + 5.0000001201e-1
	p = p*(r*r) + r + 1
	return p * math.Float32frombits((math.Float32bits(t)+127)<<23) // the shifter's own bits are shifted out
}

// expEdge is exp32 for NaN and for results that are huge, subnormal or zero.
func expEdge(x float32) float32 {
	if x < -104 {
		return 0
	}
	return float32(math.Exp(float64(x)))
}

// log32 is within 1 ulp of ln x. The polynomial is that of Cephes' logf.
func log32(x float32) float32 {
	if !(x >= 0x1p-126 && x <= math.MaxFloat32) {
		return float32(math.Log(float64(x)))
	}
	bits := math.Float32bits(x)
	// Take m in [sqrt(1/2), sqrt 2) and e with x = m * 2^e.
	e := int32(bits-0x3f3504f3) >> 23
	m := math.Float32frombits(bits - uint32(e)<<23)
	f := m - 1
	k := float32(e)
	z := f * f
	p := float32(7.0376836292e-2)
	p = p*f - 1.1514610310e-1
	p = p*f + 1.1676998740e-1
	p = p*f - 1.2420140846e-1
	p = p*f + 1.4249322787e-1
	p = p*f - 1.6668057665e-1
	p = p*f + 2.0000714765e-1
	p = p*f - 2.4999993993e-1
	p = p*f + 3.3333331174e-1
	y := p*f*z + k*ln2Lo - 0.5*z
	return f + y + k*ln2Hi
}

// tanh32 is within 4 ulp of tanh x: a rational function of odd degree 13 over
// even degree 6 (the one in Eigen), constant where tanh rounds to one.
func tanh32(x float32) float32 {
	const limit = 7.90531110763549805
	if x > limit {
		x = limit
	} else if x < -limit {
		x = -limit
	}
	z := x * x
	p := float32(-2.76076847742355e-16)
	p = p*z + 2.00018790482477e-13
	p = p*z - 8.60467152213735e-11
	p = p*z + 5.12229709037114e-08
	p = p*z + 1.48572235717979e-05
	p = p*z + 6.37261928875436e-04
	p = p*z + 4.89352455891786e-03
	q := float32(1.19825839466702e-06)
	q = q*z + 1.18534705686654e-04
	q = q*z + 2.26843463243900e-03
	q = q*z + 4.89352518554385e-03
	return x * p / q
}

// erf32 is within 8 ulp of erf x: a rational function of odd degree 13 over
// even degree 8 (the one in Eigen), constant where erf rounds to one.
func erf32(x float32) float32 {
	if x > 4 {
		x = 4
	} else if x < -4 {
		x = -4
	}
	z := x * x
	p := float32(-2.72614225801306e-10)
	p = p*z + 2.77068142495902e-08
	p = p*z - 2.10102402082508e-06
	p = p*z - 5.69250639462346e-05
	p = p*z - 7.34990630326855e-04
	p = p*z - 2.95459980854025e-03
	p = p*z - 1.60960333262415e-02
	q := float32(-1.45660718464996e-05)
	q = q*z - 2.13374055278905e-04
	q = q*z - 1.68282697438203e-03
	q = q*z - 7.37332916720468e-03
	q = q*z - 1.42647390514189e-02
	return x * p / q
}
