package main

import (
	"fmt"
	"strings"
)

// rowUnroll is how many vectors the passes without exponentials take at a time.
const rowUnroll = 4

// softmaxFuncs are the passes over a row of the softmax family.
func softmaxFuncs(f *File, isa *ISA, elem Elem) {
	set := func(k *Kernel, field, wrapper string) {
		k.End()
		use := fmt.Sprintf("%s(%s)", wrapper, k.name)
		if strings.HasPrefix(wrapper, "shortRow") { // long ones are summed in pieces
			use = fmt.Sprintf("%s(%s, %s[%s])", wrapper, k.name, field, elem.Name)
		}
		f.Set(fmt.Sprintf("f%d.%s", elem.Bits(), field), use)
	}

	k, ptr, n, c := f.slices(isa, elem, "expSum", "sets dst[i] = e^(x[i]-c) and returns the sum.", []string{"dst", "x"}, []string{"c"}, elem.Name)
	k.Result(k.expTotal(ptr["x"], ptr["dst"], n, c[0], anyValue))
	set(k, "expSum", "sum2x1")

	k, ptr, n, c = f.slices(isa, elem, "expTotal", "returns the sum of e^(x[i]-c).", []string{"x"}, []string{"c"}, elem.Name)
	k.Result(k.expTotal(ptr["x"], "", n, c[0], anyValue))
	set(k, "expTotal", "sum1x1")

	k, ptr, n, _ = f.slices(isa, elem, "softmax", "sets dst to softmax(x).", []string{"dst", "x"}, nil, "")
	low := k.Pick(-3.4028234663852886e38, -1.7976931348623157e308) // not -Inf: the difference would be NaN
	acc := k.Vars(rowUnroll, low)
	k.Each(n, rowUnroll, func(u int) { k.Set(acc[u], k.Max(k.Keep(k.Load(ptr["x"], u), low), acc[u])) })
	m := k.Var(k.Splat(k.ReduceMax(k.Tree(k.Max, acc...))))
	total := k.Splat(k.expTotal(ptr["x"], ptr["dst"], n, m, notPositive))
	zero := k.Const(0) // the total of a row that is all -Inf
	inverse := k.Var(k.Select(k.Cmp(Equal, total, zero), zero, k.Div(k.Const(1), total)))
	k.Each(n, rowUnroll, func(u int) { k.Store(ptr["dst"], u, k.Mul(k.Load(ptr["dst"], u), inverse)) })
	set(k, "softmaxRow", "shortRow1")

	k, ptr, n, _ = f.slices(isa, elem, "softmaxGrad", "sets dst = y·(dy - Σ dy·y).", []string{"dst", "y", "dy"}, nil, "")
	acc = k.Vars(rowUnroll, k.Const(0))
	k.Each(n, rowUnroll, func(u int) {
		k.Set(acc[u], k.FMA(k.Load(ptr["y"], u), k.Load(ptr["dy"], u), acc[u]))
	})
	s := k.Var(k.Splat(k.ReduceSum(k.Tree(k.Add, acc...))))
	k.Each(n, rowUnroll, func(u int) {
		k.Store(ptr["dst"], u, k.Mul(k.Load(ptr["y"], u), k.Sub(k.Load(ptr["dy"], u), s)))
	})
	set(k, "softmaxGradRow", "shortRow2")

	k, ptr, n, c = f.slices(isa, elem, "subExp", "sets dst[i] = dy[i] - c·e^y[i].", []string{"dst", "y", "dy"}, []string{"c"}, "")
	k.Each(n, 1, func(u int) {
		k.Store(ptr["dst"], u, k.FNMA(k.Exp(k.Load(ptr["y"], u), anyValue), c[0], k.Load(ptr["dy"], u)))
	})
	set(k, "subExp", "loop2x1")

	k, ptr, n, c = f.slices(isa, elem, "expScaled", "sets dst[i] = d + c·e^(x[i]-l).", []string{"dst", "x"}, []string{"l", "c", "d"}, "")
	k.Each(n, 1, func(u int) {
		k.Store(ptr["dst"], u, k.FMA(k.Exp(k.Sub(k.Load(ptr["x"], u), c[0]), anyValue), c[1], c[2]))
	})
	set(k, "expScaled", "loop1x3")
}

// expTotal returns the sum of e^(x-c) over a slice, in the first element, and
// writes the terms to dst if there is one.
func (k *Kernel) expTotal(x, dst, n string, c *Value, d domain) *Value {
	acc := k.Vars(2, k.Const(0))
	k.Each(n, 2, func(u int) {
		e := k.Exp(k.Sub(k.Load(x, u), c), d)
		if dst != "" {
			k.Store(dst, u, e)
		}
		k.Set(acc[u], k.Add(acc[u], k.Keep(e, k.Const(0))))
	})
	return k.ReduceSum(k.Add(acc[0], acc[1]))
}
