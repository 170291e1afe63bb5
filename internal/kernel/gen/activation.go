package main

import (
	"fmt"
	"math"
)

// larger and smaller are maximum and minimum as Go has them: NaN if either
// is, and +0 above -0. They take a vector or a scalar second.
func larger(k *Kernel, in, c []*Value) *Value { return extreme(k, (*Kernel).Max, (*Kernel).And, in, c) }
func smaller(k *Kernel, in, c []*Value) *Value {
	return extreme(k, (*Kernel).Min, (*Kernel).Or, in, c)
}

// extreme has the zeros' sign from taking them in both orders.
func extreme(k *Kernel, f, join func(k *Kernel, a, b *Value) *Value, in, c []*Value) *Value {
	a, b := in[0], append(in, c...)[1]
	return k.Select(k.Cmp(Unordered, a, b), k.Add(a, b), join(k, f(k, a, b), f(k, b, a)))
}

// silu is x/(1+e^-x).
func (k *Kernel) silu(x *Value) *Value {
	return k.Div(x, k.Add(k.Exp(k.Neg(x), anyValue), k.Const(1)))
}

// siluSlope returns s with silu(x) = x·s, and silu's derivative.
func (k *Kernel) siluSlope(x *Value) (s, slope *Value) {
	s = k.Sigmoid(x, anyValue)
	one := k.Const(1)
	return s, k.Mul(s, k.FMA(x, k.Sub(one, s), one))
}

// geluCubic is the constant of GELU's tanh form, 1/(1+e^-2u) with
// u = √(2/π)·(x + geluCubic·x³).
const geluCubic = 0.044715

// geluTanhDenominator returns 1+e^-2u.
func (k *Kernel) geluTanhDenominator(x *Value) *Value {
	c := -2 * math.Sqrt(2/math.Pi)
	u := k.Mul(x, k.FMA(k.Square(x), k.Const(c*geluCubic), k.Const(c)))
	return k.Add(k.Exp(u, anyValue), k.Const(1))
}

// geluTanhSlope returns s with geluTanh(x) = x·s, and the derivative: from the
// bounds on both are 0 or 1.
func (k *Kernel) geluTanhSlope(x *Value) (s, slope *Value) {
	one := k.Const(1)
	a := k.Min(k.Pick(12, 30), k.Max(k.Pick(-12, -30), x))
	s = k.Div(one, k.geluTanhDenominator(a))
	c := 2 * math.Sqrt(2/math.Pi)
	rise := k.Mul(a, k.FMA(k.Square(a), k.Const(c*3*geluCubic), k.Const(c)))
	return s, k.FMA(k.Mul(rise, s), k.Sub(one, s), s)
}

// gatedGrad writes the gradients of act(gate)·up.
func gatedGrad(f *File, isa *ISA, elem Elem, name string, act func(k *Kernel, x *Value) (s, slope *Value)) {
	k, ptr, n, _ := f.slices(isa, elem, name, "sets dgate and dup from dy and the inputs; it may write over any of them.",
		[]string{"dgate", "dup", "gate", "up", "dy"}, nil, "")
	k.Each(n, 1, func(u int) {
		in := k.loads(ptr, []string{"gate", "up", "dy"}, u)
		s, slope := act(k, in[0])
		k.Store(ptr["dgate"], u, k.Mul(k.Mul(in[2], in[1]), slope))
		k.Store(ptr["dup"], u, k.Mul(k.Mul(in[2], in[0]), s))
	})
	k.End()
	f.Set(fmt.Sprintf("f%d.%s", elem.Bits(), name), fmt.Sprintf("loop4x0(%s)", k.name))
}
