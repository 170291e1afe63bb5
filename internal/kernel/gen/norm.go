package main

import (
	"fmt"
	"strings"
)

// normFiles are the rows of layer and RMS norm, forward and backward.
func normFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("norm", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			layerNorm(f, isa, elem)
			rmsNorm(f, isa, elem)
			for _, weights := range []bool{true, false} {
				layerNormGrad(f, isa, elem, weights)
				rmsNormGrad(f, isa, elem, weights)
			}
		}
		files = append(files, f)
	}
	return files
}

// typed writes a parameter list in which T is the element type.
func typed(elem Elem, params string) string { return strings.ReplaceAll(params, "T", elem.Name) }

// field is the name of a table's field, and fn of the type's function.
func (e Elem) field(name string) string { return fmt.Sprintf("f%d.%s", e.Bits(), name) }
func (e Elem) fn(isa *ISA, name string) string {
	return fmt.Sprintf("%s%d%s", name, e.Bits(), isa.Suffix)
}

// normUnroll is how many vectors a round has, each with sums of its own.
const normUnroll = 4

// total is the sum of the accumulators' elements, in all elements.
func (k *Kernel) total(sums []*Value) *Value { return k.Splat(k.ReduceSum(k.Tree(k.Add, sums...))) }

func layerNorm(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "layerNormRow",
		"normalises a row of n elements, for which cols stands too.",
		typed(elem, "y *T, x *T, w *T, b *T, mean *T, rstd *T, n int, cols T, eps T"), "")
	y, x, w, b, n := k.Param("y"), k.Param("x"), k.Param("w"), k.Param("b"), k.Param("n")
	zero, cols := k.Const(0), k.Broadcast("cols")

	sums := k.Vars(normUnroll, zero)
	k.Each(n, normUnroll, func(u int) { k.Set(sums[u], k.Add(sums[u], k.Load(x, u))) })
	mu := k.Var(k.Div(k.total(sums), cols))

	squares := k.Vars(normUnroll, zero)
	k.Each(n, normUnroll, func(u int) {
		d := k.Keep(k.Sub(k.Load(x, u), mu), zero)
		k.Set(squares[u], k.FMA(d, d, squares[u]))
	})
	rs := k.rstd(squares, cols)

	k.StoreFirst(k.Param("mean"), 0, mu)
	k.StoreFirst(k.Param("rstd"), 0, rs)
	k.Each(n, normUnroll, func(u int) {
		xhat := k.Mul(k.Sub(k.Load(x, u), mu), rs)
		k.Store(y, u, k.FMA(xhat, k.Load(w, u), k.Load(b, u)))
	})
	k.End()
	f.Set(elem.field("layerNorm"), "layerNormRows("+k.name+")")
}

// rstd is 1/√(Σ squares/cols + eps).
func (k *Kernel) rstd(squares []*Value, cols *Value) *Value {
	variance := k.Div(k.total(squares), cols)
	return k.Var(k.Div(k.Const(1), k.Sqrt(k.Add(variance, k.Broadcast("eps")))))
}

func rmsNorm(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "rmsNormRow",
		"divides a row of n elements, for which cols stands too, by its root mean square.",
		typed(elem, "y *T, x *T, w *T, rstd *T, n int, cols T, eps T"), "")
	y, x, w, n := k.Param("y"), k.Param("x"), k.Param("w"), k.Param("n")
	squares := k.Vars(normUnroll, k.Const(0))
	k.Each(n, normUnroll, func(u int) {
		v := k.Load(x, u)
		k.Set(squares[u], k.FMA(v, v, squares[u]))
	})
	rs := k.rstd(squares, k.Broadcast("cols"))
	k.StoreFirst(k.Param("rstd"), 0, rs)
	k.Each(n, normUnroll, func(u int) { k.Store(y, u, k.Mul(k.Mul(k.Load(x, u), rs), k.Load(w, u))) })
	k.End()
	f.Set(elem.field("rmsNorm"), "rmsNormRows("+k.name+")")
}

// gradName is the name of a gradient's function with or without that of the
// weights.
func gradName(name string, weights bool) string {
	if !weights {
		name += "Input"
	}
	return name
}

func layerNormGrad(f *File, isa *ISA, elem Elem, weights bool) {
	params := "dx *T, dw *T, db *T, x *T, w *T, dy *T, n int, mean T, rstd T, cols T"
	doc := "sets dx and adds to dw and db for a row of n elements, for which cols stands too."
	if !weights {
		params = "dx *T, x *T, w *T, dy *T, n int, mean T, rstd T, cols T"
		doc = "sets dx for a row of n elements, for which cols stands too."
	}
	k := f.Kernel(isa, elem, gradName("layerNormGradRow", weights), doc, typed(elem, params), "")
	dx, x, w, dy, n := k.Param("dx"), k.Param("x"), k.Param("w"), k.Param("dy"), k.Param("n")
	var dw, db string
	if weights {
		dw, db = k.Param("dw"), k.Param("db")
	}
	zero, cols, mu, rs := k.Const(0), k.Broadcast("cols"), k.Broadcast("mean"), k.Broadcast("rstd")

	// With g = dy·w: dx = rstd·(g - mean(g) - xhat·mean(g·xhat)). What is not
	// there has dy and so g zero.
	gs, dots := k.Vars(normUnroll/2, zero), k.Vars(normUnroll/2, zero)
	k.Each(n, normUnroll/2, func(u int) {
		xhat, d := k.Mul(k.Sub(k.Load(x, u), mu), rs), k.Load(dy, u)
		g := k.Mul(d, k.Load(w, u))
		k.Set(gs[u], k.Add(gs[u], g))
		k.Set(dots[u], k.FMA(g, xhat, dots[u]))
		if weights {
			k.Store(db, u, k.Add(k.Load(db, u), d))
			k.Store(dw, u, k.FMA(d, xhat, k.Load(dw, u)))
		}
	})
	a, c := k.Var(k.Div(k.total(gs), cols)), k.Var(k.Div(k.total(dots), cols))
	k.Each(n, normUnroll, func(u int) {
		xhat, g := k.Mul(k.Sub(k.Load(x, u), mu), rs), k.Mul(k.Load(dy, u), k.Load(w, u))
		k.Store(dx, u, k.Mul(k.Sub(k.FNMA(xhat, c, g), a), rs))
	})
	k.End()
	if !weights {
		f.Set(elem.field("layerNormGrad"), "layerNormGradRows("+elem.fn(isa, "layerNormGradRow")+", "+k.name+")")
	}
}

func rmsNormGrad(f *File, isa *ISA, elem Elem, weights bool) {
	params := "dx *T, dw *T, x *T, w *T, dy *T, n int, rstd T, cols T"
	doc := "sets dx and adds to dw for a row of n elements, for which cols stands too."
	if !weights {
		params = "dx *T, x *T, w *T, dy *T, n int, rstd T, cols T"
		doc = "sets dx for a row of n elements, for which cols stands too."
	}
	k := f.Kernel(isa, elem, gradName("rmsNormGradRow", weights), doc, typed(elem, params), "")
	dx, x, w, dy, n := k.Param("dx"), k.Param("x"), k.Param("w"), k.Param("dy"), k.Param("n")
	dw := ""
	if weights {
		dw = k.Param("dw")
	}
	rs := k.Broadcast("rstd")
	dots := k.Vars(normUnroll, k.Const(0))
	k.Each(n, normUnroll, func(u int) {
		v, d := k.Load(x, u), k.Load(dy, u)
		k.Set(dots[u], k.FMA(k.Mul(d, k.Load(w, u)), v, dots[u]))
		if weights {
			k.Store(dw, u, k.FMA(d, k.Mul(v, rs), k.Load(dw, u)))
		}
	})
	// dx = rstd·(g - x·rstd²·mean(g·x)) with g = dy·w.
	c := k.Var(k.Div(k.Mul(k.Mul(k.total(dots), rs), rs), k.Broadcast("cols")))
	k.Each(n, normUnroll, func(u int) {
		g := k.Mul(k.Load(dy, u), k.Load(w, u))
		k.Store(dx, u, k.Mul(k.FNMA(k.Load(x, u), c, g), rs))
	})
	k.End()
	if !weights {
		f.Set(elem.field("rmsNormGrad"), "rmsNormGradRows("+elem.fn(isa, "rmsNormGradRow")+", "+k.name+")")
	}
}
