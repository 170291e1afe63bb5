package kernel

// AdamStep holds the numbers of a step of [AdamW].
type AdamStep struct {
	LR, Beta1, Beta2, Eps float64
	Decay                 float64 // decoupled weight decay
	L2                    float64 // of the weights, added to the gradient
	Scale                 float64 // of the gradient
	Corr1, Corr2          float64 // the bias corrections 1-Beta1^t and 1-Beta2^t
}

// AdamW updates the weights w and the moments m and v from the gradient grad
// (Loshchilov and Hutter, 2019, algorithm 2), in one pass:
//
//	g = Scale*grad + L2*w
//	m = Beta1*m + (1-Beta1)*g
//	v = Beta2*v + (1-Beta2)*g²
//	w -= LR * (Decay*w + (m/Corr1) / (sqrt(v/Corr2) + Eps))
func AdamW[T Float](w, grad, m, v []T, s AdamStep) {
	tableOf[T]().adamW(w, grad, m, v, adamCoefs[T]{
		T(s.Scale), T(s.L2), T(s.Beta1), T(1 - s.Beta1), T(s.Beta2), T(1 - s.Beta2),
		T(1 - s.LR*s.Decay), T(s.LR / s.Corr1), T(1 / s.Corr2), T(s.Eps),
	})
}

type adamCoefs[T Float] struct {
	scale, l2, beta1, rest1, beta2, rest2, keep, rate, inv2, eps T
}

func adamW[T Float](w, grad, m, v []T, c adamCoefs[T]) {
	grad, m, v = grad[:len(w)], m[:len(w)], v[:len(w)]
	for i := range w {
		g := c.scale*grad[i] + c.l2*w[i]
		mi := c.beta1*m[i] + c.rest1*g
		vi := c.beta2*v[i] + c.rest2*(g*g)
		m[i], v[i] = mi, vi
		w[i] = c.keep*w[i] - c.rate*mi/(sqrt(vi*c.inv2)+c.eps)
	}
}

// MomentumStep holds the numbers of a step of [Momentum].
type MomentumStep struct {
	LR, Momentum float64
	L2           float64 // of the weights, added to the gradient
	Scale        float64 // of the gradient
	Nesterov     bool
}

// Momentum updates the weights w and the velocity b from the gradient grad
// (Sutskever et al., 2013), in one pass:
//
//	g = Scale*grad + L2*w
//	b = Momentum*b + g
//	w -= LR*b, or with Nesterov  w -= LR*(g + Momentum*b)
func Momentum[T Float](w, grad, b []T, s MomentumStep) {
	c := momentumCoefs[T]{T(s.Scale), T(s.L2), T(s.Momentum), 0, T(s.LR)}
	if s.Nesterov {
		c.fromGrad, c.fromB = T(s.LR), T(s.LR*s.Momentum)
	}
	tableOf[T]().momentum(w, grad, b, c)
}

type momentumCoefs[T Float] struct{ scale, l2, mu, fromGrad, fromB T }

func momentum[T Float](w, grad, b []T, c momentumCoefs[T]) {
	grad, b = grad[:len(w)], b[:len(w)]
	for i := range w {
		g := c.scale*grad[i] + c.l2*w[i]
		bi := c.mu*b[i] + g
		b[i] = bi
		w[i] -= c.fromGrad*g + c.fromB*bi
	}
}

// AddSquares adds x[i]² to dst[i] and returns the sum of x[i]²; DotSquares
// returns the sum of (x[i]*y[i])². Both are for rows: long ones lose digits.
func AddSquares[T Float](dst, x []T) T { return tableOf[T]().addSquares(dst, x) }

func addSquares[T Float](dst, x []T) T {
	dst = dst[:len(x)]
	var s0, s1 T
	for i, v := range x {
		sq := v * v
		dst[i] += sq
		s0, s1 = s1, s0+sq
	}
	return s0 + s1
}

// DotSquares returns the sum of (x[i]*y[i])².
func DotSquares[T Float](x, y []T) T { return tableOf[T]().dotSquares(x, y) }

func dotSquares[T Float](x, y []T) T {
	y = y[:len(x)]
	var s0, s1 T
	for i, v := range x {
		v *= y[i]
		s0, s1 = s1, s0+v*v
	}
	return s0 + s1
}

// MixMul sets dst[i] = keep*dst[i] + c*x[i]*y[i].
func MixMul[T Float](dst, x, y []T, keep, c T) { tableOf[T]().mixMul(dst, x, y, keep, c) }

func mixMul[T Float](dst, x, y []T, keep, c T) {
	x, y = x[:len(dst)], y[:len(dst)]
	for i := range dst {
		dst[i] = keep*dst[i] + x[i]*y[i]*c
	}
}
