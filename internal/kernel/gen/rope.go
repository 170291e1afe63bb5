package main

// ropeFiles are the rotations of pairs of features.
func ropeFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("rope", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			rope(f, isa, elem)
		}
		files = append(files, f)
	}
	return files
}

func rope(f *File, isa *ISA, elem Elem) {
	k := f.Kernel(isa, elem, "rope",
		"turns each of heads > 0 vectors of 2*half elements by the half cosines and half\nsines at turn, the sines times sign.",
		typed(elem, "dst *T, x *T, turn *T, half int, heads int, sign T"), "")
	p := k.Params("dst", "x", "turn", "half", "heads")
	dst, x, cos, half, heads := p[0], p[1], p[2], p[3], p[4]
	sign := k.Broadcast("sign")
	sin, dst1, x1, bytes := k.GPR(), k.GPR(), k.GPR(), k.GPR()
	k.Move(bytes, half)
	k.Scale(bytes, elem.shift())
	k.Address(sin, cos, bytes, 1)
	k.Repeat(heads, func() {
		k.Address(dst1, dst, bytes, 1)
		k.Address(x1, x, bytes, 1)
		k.Each(half, 1, func(u int) {
			a, b, c, s := k.Load(x, u), k.Load(x1, u), k.Load(cos, u), k.Mul(k.Load(sin, u), sign)
			k.Store(dst, u, k.FNMA(b, s, k.Mul(a, c)))
			k.Store(dst1, u, k.FMA(a, s, k.Mul(b, c)))
		})
		k.Address(dst, dst1, bytes, 1)
		k.Address(x, x1, bytes, 1)
	})
	k.End()
	f.Set(elem.field("rope"), "ropeTurn("+k.name+")")
}
