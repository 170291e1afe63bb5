package main

import (
	"fmt"
	"math"
)

// attentionFiles are the functions of attention that work on the rows of a
// block.
func attentionFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("attention", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			scaleRows(f, isa, elem)
			addRows(f, isa, elem)
			rowDots(f, isa, elem)
		}
		softRows(f, isa)
		gradRows(f, isa)
		files = append(files, f)
	}
	return files
}

func scaleRows(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "scaleRows", "sets row i of dst to c[i*step] times row i of x.",
		fmt.Sprintf("dst *%[1]s, ldd int, x *%[1]s, ldx int, rows int, cols int, c *%[1]s, step int", elem.Name), "")
	dst, x, cols, c := k.Param("dst"), k.Param("x"), k.Param("cols"), k.Param("c")
	ld, rows := k.Strides("ldd", "ldx", "step"), k.Operand("rows")
	k.Repeat(rows, func() {
		factor := k.BroadcastAt(c, 0)
		k.Each(cols, 2, func(u int) { k.Store(dst, u, k.Mul(k.Load(x, u), factor)) })
		k.Advance(dst, ld[0])
		k.Advance(x, ld[1])
		k.Advance(c, ld[2])
	})
	k.End()
	f.Set(fmt.Sprintf("f%d.scaleRows", elem.Bits()), fmt.Sprintf("scaleRowsBy(%s)", k.name))
}

func addRows(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "addRows", "adds c times the rows of x to those of dst.",
		fmt.Sprintf("dst *%[1]s, ldd int, x *%[1]s, ldx int, rows int, cols int, c %[1]s", elem.Name), "")
	dst, x, cols := k.Param("dst"), k.Param("x"), k.Param("cols")
	ld, rows := k.Strides("ldd", "ldx"), k.Operand("rows")
	factor := k.Broadcast("c")
	k.Repeat(rows, func() {
		k.Each(cols, 2, func(u int) { k.Store(dst, u, k.FMA(k.Load(x, u), factor, k.Load(dst, u))) })
		k.Advance(dst, ld[0])
		k.Advance(x, ld[1])
	})
	k.End()
	f.Set(fmt.Sprintf("f%d.addRows", elem.Bits()), fmt.Sprintf("addRowsBy(%s)", k.name))
}

func rowDots(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "rowDots", "sets dst[i] to the sum of the products of row i of x and y.",
		fmt.Sprintf("dst *%[1]s, x *%[1]s, ldx int, y *%[1]s, ldy int, rows int, cols int", elem.Name), "")
	dst, x, y, cols := k.Param("dst"), k.Param("x"), k.Param("y"), k.Param("cols")
	ld, rows := k.Strides("ldx", "ldy"), k.Operand("rows")
	k.Repeat(rows, func() {
		acc := k.Vars(2, k.Const(0))
		k.Each(cols, 2, func(u int) { k.Set(acc[u], k.FMA(k.Load(x, u), k.Load(y, u), acc[u])) })
		k.StoreFirst(dst, 0, k.ReduceSum(k.Add(acc[0], acc[1])))
		k.Advance(dst, elem.Size)
		k.Advance(x, ld[0])
		k.Advance(y, ld[1])
	})
	k.End()
	f.Set(fmt.Sprintf("f%d.rowDots", elem.Bits()), fmt.Sprintf("rowDotsBy(%s)", k.name))
}

// seen sets n to how many elements of a row are seen and each of ptrs to the
// first of them in the row that starts at the same place in rows, where zeros
// are written before them; unseen writes those behind them, up to the width.
func (k *Kernel) seen(lo, hi, n string, rows, ptrs []string) {
	zero := k.Const(0)
	k.LoadInt32(n, lo)
	k.Each(n, 1, func(u int) {
		for _, r := range rows {
			k.Store(r, u, zero)
		}
	})
	for i, p := range ptrs {
		k.Address(p, rows[i], n, k.elem.Size)
	}
	k.LoadInt32(k.Scratch(), hi)
	k.Distance(n, k.Scratch(), n)
}

func (k *Kernel) unseen(hi, n, width string, ptrs []string) {
	zero := k.Const(0)
	for _, p := range ptrs {
		k.Address(p, p, n, k.elem.Size)
	}
	k.LoadInt32(n, hi)
	k.Distance(n, width, n)
	k.Each(n, 1, func(u int) {
		for _, p := range ptrs {
			k.Store(p, u, zero)
		}
	})
}

func softRows(f *File, isa *ISA) {
	k := f.Kernel(isa, F32, "softRows", "is softRows for rows > 0.",
		"s *float32, ld int, width int, lo *int32, hi *int32, m *float32, l *float32, fix *float32, rows int", "")
	s, lo, hi, m, l, fix := k.Param("s"), k.Param("lo"), k.Param("hi"), k.Param("m"), k.Param("l"), k.Param("fix")
	ld := k.Strides("ld")[0]
	width, rows := k.Operand("width"), k.Operand("rows")
	p, n := k.GPR(), k.GPR()
	low, zero := k.Const(math.Inf(-1)), k.Const(0)
	k.Repeat(rows, func() {
		k.seen(lo, hi, n, []string{s}, []string{p})
		top := k.Vars(2, low)
		k.Each(n, 2, func(u int) { k.Set(top[u], k.Max(k.Keep(k.Load(p, u), low), top[u])) }) // not NaN
		old := k.BroadcastAt(m, 0)
		most := k.Var(k.Max(k.Splat(k.ReduceMax(k.Max(top[0], top[1]))), old))
		k.StoreFirst(m, 0, most)
		// What is seen may be -Inf and NaN alone: then it stays as it is.
		base := k.Var(k.Select(k.Cmp(Equal, most, low), zero, most))
		lowered := k.Var(k.Select(k.Cmp(Equal, old, low), k.Const(1), k.Exp(k.Sub(old, base), notPositive)))
		k.StoreFirst(fix, 0, lowered)
		sum := k.Vars(2, zero)
		k.Each(n, 2, func(u int) {
			e := k.Exp(k.Sub(k.Load(p, u), base), notPositive)
			k.Store(p, u, e)
			k.Set(sum[u], k.Add(k.Keep(e, zero), sum[u]))
		})
		total := k.ReduceSum(k.Add(sum[0], sum[1]))
		k.StoreFirst(l, 0, k.FMA(k.BroadcastAt(l, 0), lowered, total))
		k.unseen(hi, n, width, []string{p})
		for _, r := range []string{lo, hi, m, l, fix} {
			k.Advance(r, 4)
		}
		k.Advance(s, ld)
	})
	k.End()
	f.Set("f32.softRows", fmt.Sprintf("softRowsBy(%s)", k.name))
}

func gradRows(f *File, isa *ISA) {
	k := f.Kernel(isa, F32, "gradRows", "is gradRows for rows > 0.",
		"p *float32, ds *float32, ld int, width int, lo *int32, hi *int32, lse *float32, delta *float32, rows int", "")
	p, ds, lo, hi, lse, delta := k.Param("p"), k.Param("ds"), k.Param("lo"), k.Param("hi"), k.Param("lse"), k.Param("delta")
	ld, width, rows := k.Operand("ld"), k.Operand("width"), k.Operand("rows")
	n, pp, pd := k.GPR(), k.GPR(), k.GPR()
	k.Repeat(rows, func() {
		k.seen(lo, hi, n, []string{p, ds}, []string{pp, pd})
		l, d := k.BroadcastAt(lse, 0), k.BroadcastAt(delta, 0)
		k.Each(n, 2, func(u int) {
			e := k.Exp(k.Sub(k.Load(pp, u), l), anyValue)
			k.Store(pp, u, e)
			k.Store(pd, u, k.Mul(e, k.Sub(k.Load(pd, u), d)))
		})
		k.unseen(hi, n, width, []string{pp, pd})
		for _, r := range []string{lo, hi, lse, delta} {
			k.Advance(r, 4)
		}
		k.Move(k.Scratch(), ld)
		k.Address(p, p, k.Scratch(), 4)
		k.Address(ds, ds, k.Scratch(), 4)
	})
	k.End()
	f.Set("f32.gradRows", fmt.Sprintf("gradRowsBy(%s)", k.name))
}
