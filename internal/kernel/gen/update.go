package main

// updateFiles are the optimizers' updates.
func updateFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("update", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			adamW(f, isa, elem)
			momentum(f, isa, elem)
			addSquares(f, isa, elem)
			dotSquares(f, isa, elem)
			mixMul(f, isa, elem)
		}
		files = append(files, f)
	}
	return files
}

// broadcasts are parameters in all elements.
func (k *Kernel) broadcasts(params ...string) (vs []*Value) {
	for _, p := range params {
		vs = append(vs, k.Broadcast(p))
	}
	return vs
}

func adamW(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "adamW", "is a step of [AdamW].",
		typed(elem, "w *T, grad *T, m *T, v *T, n int, scale T, l2 T, beta1 T, rest1 T, beta2 T, rest2 T, keep T, rate T, inv2 T, eps T"), "")
	p := k.Params("w", "grad", "m", "v", "n")
	w, g, m, v := p[0], p[1], p[2], p[3]
	c := k.broadcasts("scale", "l2", "beta1", "rest1", "beta2", "rest2", "keep", "rate", "inv2", "eps")
	scale, l2, beta1, rest1, beta2, rest2, keep, rate, inv2, eps := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]
	k.Each(p[4], 1, func(u int) {
		wi := k.Load(w, u)
		gi := k.FMA(wi, l2, k.Mul(k.Load(g, u), scale))
		mi := k.FMA(k.Load(m, u), beta1, k.Mul(gi, rest1))
		vi := k.FMA(k.Load(v, u), beta2, k.Mul(k.Mul(gi, gi), rest2))
		k.Store(m, u, mi)
		k.Store(v, u, vi)
		step := k.Div(k.Mul(mi, rate), k.Add(k.Sqrt(k.Mul(vi, inv2)), eps))
		k.Store(w, u, k.Sub(k.Mul(wi, keep), step))
	})
	k.End()
	f.Set(elem.field("adamW"), "adamWStep("+k.name+")")
}

func momentum(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "momentum", "is a step of [Momentum].",
		typed(elem, "w *T, grad *T, b *T, n int, scale T, l2 T, mu T, fromGrad T, fromB T"), "")
	p := k.Params("w", "grad", "b", "n")
	w, g, b := p[0], p[1], p[2]
	c := k.broadcasts("scale", "l2", "mu", "fromGrad", "fromB")
	scale, l2, mu, fromGrad, fromB := c[0], c[1], c[2], c[3], c[4]
	k.Each(p[3], 2, func(u int) {
		wi := k.Load(w, u)
		gi := k.FMA(wi, l2, k.Mul(k.Load(g, u), scale))
		bi := k.FMA(k.Load(b, u), mu, gi)
		k.Store(b, u, bi)
		k.Store(w, u, k.FNMA(bi, fromB, k.FNMA(gi, fromGrad, wi)))
	})
	k.End()
	f.Set(elem.field("momentum"), "momentumStep("+k.name+")")
}

func addSquares(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "addSquares", "adds x[i]² to dst[i] and returns the sum of x[i]².",
		typed(elem, "dst *T, x *T, n int"), elem.Name)
	p := k.Params("dst", "x", "n")
	const unroll = 4
	acc := k.Vars(unroll, k.Const(0))
	k.Each(p[2], unroll, func(u int) {
		x := k.Load(p[1], u)
		sq := k.Mul(x, x)
		k.Store(p[0], u, k.Add(k.Load(p[0], u), sq))
		k.Set(acc[u], k.Add(acc[u], sq))
	})
	k.Result(k.ReduceSum(k.Tree(k.Add, acc...)))
	k.End()
	f.Set(elem.field("addSquares"), "addSquaresOf("+k.name+")")
}

func dotSquares(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "dotSquares", "returns the sum of (x[i]*y[i])².",
		typed(elem, "x *T, y *T, n int"), elem.Name)
	p := k.Params("x", "y", "n")
	const unroll = 4
	acc := k.Vars(unroll, k.Const(0))
	k.Each(p[2], unroll, func(u int) {
		x := k.Mul(k.Load(p[0], u), k.Load(p[1], u))
		k.Set(acc[u], k.FMA(x, x, acc[u]))
	})
	k.Result(k.ReduceSum(k.Tree(k.Add, acc...)))
	k.End()
	f.Set(elem.field("dotSquares"), "sum2x0("+k.name+")")
}

func mixMul(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "mixMul", "sets dst[i] = keep*dst[i] + c*x[i]*y[i].",
		typed(elem, "dst *T, x *T, y *T, n int, keep T, c T"), "")
	p := k.Params("dst", "x", "y", "n")
	keep, c := k.Broadcast("keep"), k.Broadcast("c")
	k.Each(p[3], 2, func(u int) {
		xy := k.Mul(k.Mul(k.Load(p[1], u), k.Load(p[2], u)), c)
		k.Store(p[0], u, k.FMA(k.Load(p[0], u), keep, xy))
	})
	k.End()
	f.Set(elem.field("mixMul"), "mixMulOf("+k.name+")")
}
