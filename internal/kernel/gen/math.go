package main

import "math"

// Elementary functions, to be inlined in any kernel. The bounds on their
// errors are those that TestMath of package kernel holds them to.

// poly evaluates a polynomial, its coefficients from the highest degree down.
func (k *Kernel) poly(x *Value, c ...float64) *Value {
	p := k.Const(c[0])
	for _, a := range c[1:] {
		p = k.FMA(p, x, k.Const(a))
	}
	return p
}

// The domain of an [Kernel.Exp]: where it says no more, any value at all.
type domain int

const (
	anyValue domain = iota
	notPositive
	bounded // between -140 and 140 (float64: -1000 and 1000), or NaN
)

// Exp returns e^x within 2 ulp, subnormal results included: 2^k·e^r with
// |r| <= ln2/2 and, for float32, the polynomial of Cephes' expf (S. L. Moshier).
func (k *Kernel) Exp(x *Value, d domain) *Value {
	if d == anyValue {
		x = k.Min(k.Pick(89, 710), x)
	}
	if d != bounded {
		x = k.Max(k.Pick(-104.5, -746), x)
	}
	n := k.Round(k.Mul(x, k.Const(math.Log2E)))
	r := k.FNMA(n, k.Pick(0.693359375, 6.93147180369123816490e-01), x)
	r = k.FNMA(n, k.Pick(-2.12194440e-4, 1.90821492927058770002e-10), r)
	var p *Value
	if k.elem == F32 {
		p = k.poly(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1)
	} else {
		var c []float64 // 1/13!, …, 1/1!, 1/0!
		factorial := 1.0
		for i := 0; i <= 13; i++ {
			factorial *= float64(max(i, 1))
			c = append([]float64{1 / factorial}, c...)
		}
		p = k.poly(r, c...)
	}
	return k.Ldexp(p, n)
}

// magic is a number whose sum with a small integer holds that in its low bits.
func (k *Kernel) magic() float64 {
	if k.elem == F32 {
		return 0x1.8p23
	}
	return 0x1.8p52
}

// mantissa is how many bits the exponent stands above.
func (k *Kernel) mantissa() int {
	if k.elem == F32 {
		return 23
	}
	return 52
}

// Ldexp returns p·2^n for integers n, up to twice the range of exponents.
func (k *Kernel) Ldexp(p, n *Value) *Value {
	if k.Is(AVX512) {
		return k.Do("scalef", p, n)
	}
	magic := k.Const(k.magic())
	power := func(biased *Value) *Value {
		return k.AddInt(k.Shl(biased, k.mantissa()), k.Const(1))
	}
	half := k.FMA(n, k.Const(0.5), magic)
	rest := k.Add(k.Sub(n, k.Sub(half, magic)), magic)
	return k.Mul(k.Mul(p, power(half)), power(rest))
}

// split returns m in [√½, √2) and n with x = m·2^n, for normal x > 0.
func (k *Kernel) split(x *Value) (m, n *Value) {
	root, bias, whole := uint64(0x3f3504f3), 127.0, 0x1p23 // whole+e has e in its low bits
	if k.elem == F64 {
		root, bias, whole = 0x3fe6a09e667f3bcd, 1023, 0x1p52
	}
	one := k.elem.encode(1)
	e := k.Shr(k.AddInt(x, k.ConstBits(one-root)), k.mantissa())
	m = k.SubInt(x, k.SubInt(k.Shl(e, k.mantissa()), k.ConstBits(one)))
	return m, k.Sub(k.Or(e, k.Const(whole)), k.Const(whole+bias))
}

// logNormal returns ln(m)+n·ln2, for m and n of split, within 1 ulp, or 1e-7
// of it near one for float32 (Cephes' logf; for float64, fdlibm's log).
func (k *Kernel) logNormal(m, n *Value) *Value {
	f := k.Sub(m, k.Const(1))
	if k.elem == F32 {
		z := k.Square(f)
		p := k.poly(f, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1,
			1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
		p = k.FMA(n, k.Const(-2.12194440e-4), k.Mul(p, k.Mul(z, f)))
		p = k.FNMA(z, k.Const(0.5), p)
		return k.FMA(n, k.Const(0.693359375), k.Add(f, p))
	}
	s := k.Div(f, k.Add(f, k.Const(2)))
	z := k.Square(s)
	p := k.poly(z, 1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
		2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01)
	half := k.Mul(k.Square(f), k.Const(0.5))
	q := k.FMA(n, k.Const(1.90821492927058770002e-10), k.Mul(s, k.FMA(p, z, half)))
	return k.FMA(n, k.Const(6.93147180369123816490e-01), k.Sub(f, k.Sub(half, q)))
}

// Log returns ln x.
func (k *Kernel) Log(x *Value) *Value {
	small := k.Cmp(Less, x, k.Pick(0x1p-126, 0x1p-1022))
	m, n := k.split(k.Select(small, k.Mul(x, k.Const(0x1p60)), x))
	n = k.Sub(n, k.Select(small, k.Const(60), k.Const(0)))
	y := k.logNormal(m, n)
	y = k.Select(k.Cmp(Less, x, k.Const(math.Inf(1))), y, x) // +Inf and NaN
	edge := k.Select(k.Cmp(Equal, x, k.Const(0)), k.Const(math.Inf(-1)), k.Const(math.NaN()))
	return k.Select(k.Cmp(LessEqual, x, k.Const(0)), edge, y)
}

// Log1pExp returns ln(1+e^-|x|), exact where it is tiny.
func (k *Kernel) Log1pExp(x *Value) *Value {
	e := k.Exp(k.Or(x, k.SignBit()), notPositive)
	u := k.Add(e, k.Const(1))
	m, n := k.split(u)
	lost := k.Sub(e, k.Sub(u, k.Const(1))) // by rounding u
	return k.Add(k.logNormal(m, n), k.Div(lost, u))
}

// Sigmoid returns 1/(1+e^-x).
func (k *Kernel) Sigmoid(x *Value, d domain) *Value {
	one := k.Const(1)
	return k.Div(one, k.Add(k.Exp(k.Neg(x), d), one))
}

// Tanh returns tanh x: for float32 within 6 ulp.
func (k *Kernel) Tanh(x *Value) *Value {
	if k.elem == F32 {
		return k.rational(x, 10.4, []float64{
			-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08,
			1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03,
		}, []float64{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03})
	}
	// Cephes' tanh.
	a := k.Abs(x)
	one := k.Const(1)
	large := k.Sub(one, k.Div(k.Const(2), k.Add(k.Exp(k.Add(a, a), anyValue), one)))
	z := k.Square(a)
	p := k.poly(z, -9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3)
	q := k.poly(z, 1, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3)
	small := k.FMA(k.Mul(a, z), k.Div(p, q), a)
	return k.Or(k.Select(k.Cmp(Less, a, k.Const(0.625)), small, large), k.And(x, k.SignBit()))
}

// Erf returns erf x: for float32 within 8 ulp.
func (k *Kernel) Erf(x *Value) *Value {
	if k.elem == F32 {
		return k.rational(x, 4.1, []float64{
			-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
			-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
		}, []float64{-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02})
	}
	// Cephes' erf and erfc.
	a := k.Min(k.Const(6), k.Abs(x))
	z := k.Square(a)
	small := k.Div(
		k.Mul(a, k.poly(z, 9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3,
			7.00332514112805075473e3, 5.55923013010394962768e4)),
		k.poly(z, 1, 3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3,
			2.26290000613890934246e4, 4.92673942608635921086e4))
	p := k.poly(a, 2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0,
		4.86371970985681366614e1, 1.96520832956077098242e2, 5.26445194995477358631e2,
		9.34528527171957607540e2, 1.02755188689515710272e3, 5.57535335369399327526e2)
	q := k.poly(a, 1, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2,
		9.75708501743205489753e2, 1.82390916687909736289e3, 2.24633760818710981792e3,
		1.65666309194161350182e3, 5.57535340817727675546e2)
	one := k.Const(1)
	large := k.FNMA(k.Exp(k.Neg(z), bounded), k.Div(p, q), one)
	return k.Or(k.Select(k.Cmp(Less, a, one), small, large), k.And(x, k.SignBit()))
}

// rational returns an odd rational function of x in x² (those of Eigen), which
// is above one at the limit, by more than rounding takes away; beyond it is one.
func (k *Kernel) rational(x *Value, limit float64, p, q []float64) *Value {
	a := k.Min(k.Const(limit), k.Max(k.Const(-limit), x))
	z := k.Square(a)
	y := k.Mul(a, k.Div(k.poly(z, p...), k.poly(z, q...))) // the last, or a tiny a loses digits
	return k.Min(k.Const(1), k.Max(k.Const(-1), y))
}
