package main

import "fmt"

// widenFuncs emits the widening of stored weights for one tier: 16-bit ones in
// whole vectors and Q8 in whole blocks.
func widenFuncs(f *File, kind byte) {
	widenHalf(f, "BF16", kind)
	widenHalf(f, "F16", kind)
	widenQ8(f, kind)
}

// lanesOf returns the float32s of a vector, and its tier.
func lanesOf(kind byte) (lanes int, tier string) {
	if kind == 'Z' {
		return 16, "AVX512"
	}
	return 8, "AVX2"
}

// halfToFloat emits the widening of a vector of bfloat16 or float16.
func halfToFloat(fn *Func, typ, from, to string) {
	if typ == "F16" {
		fn.I("VCVTPH2PS", from, to)
	} else {
		fn.I("VPMOVZXWD", from, to)
		fn.I("VPSLLD", 16, to, to)
	}
}

// widening starts a function that walks from SI to DI in CX steps.
func widening(f *File, name, what string) *Func {
	fn := f.Func(name, fmt.Sprintf("%s sets dst to n > 0 %s.", name, what), "n int, dst *float32, src *byte", "")
	fn.I("MOVQ", fn.Arg("n"), "CX")
	fn.I("MOVQ", fn.Arg("dst"), "DI")
	fn.I("MOVQ", fn.Arg("src"), "SI")
	return fn
}

func widenHalf(f *File, typ string, kind byte) {
	const unroll = 4
	lanes, tier := lanesOf(kind)
	fn := widening(f, "widen"+typ+tier, fmt.Sprintf("values, a multiple of %d", lanes))
	ones, done := fn.NewLabel("ones"), fn.NewLabel("done")
	steps := func(n int) {
		for i := range n {
			halfToFloat(fn, typ, Mem("SI", 2*lanes*i), vec(kind, i))
			fn.I("VMOVUPS", vec(kind, i), Mem("DI", 4*lanes*i))
		}
		fn.I("ADDQ", 2*lanes*n, "SI")
		fn.I("ADDQ", 4*lanes*n, "DI")
		fn.I("SUBQ", lanes*n, "CX")
	}
	fn.I("SUBQ", unroll*lanes, "CX")
	fn.I("JLT", ones)
	loop := fn.Label("")
	steps(unroll)
	fn.I("JGE", loop)
	fn.Label(ones)
	fn.I("ADDQ", unroll*lanes, "CX")
	fn.I("JEQ", done)
	one := fn.Label("")
	steps(1)
	fn.I("JNE", one)
	fn.Label(done)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

func widenQ8(f *File, kind byte) {
	lanes, tier := lanesOf(kind)
	fn := widening(f, "widenQ8"+tier, "blocks")
	scale, halves := vec(kind, 4), vec(kind-1, 4) // half as wide
	loop := fn.Label("")
	fn.I("VPBROADCASTW", "(SI)", halves)
	fn.I("VCVTPH2PS", halves, scale)
	for i := range 32 / lanes {
		v := vec(kind, i)
		fn.I("VPMOVSXBD", Mem("SI", 2+lanes*i), v)
		fn.I("VCVTDQ2PS", v, v)
		fn.I("VMULPS", scale, v, v)
		fn.I("VMOVUPS", v, Mem("DI", 4*lanes*i))
	}
	fn.I("ADDQ", q8Block, "SI")
	fn.I("ADDQ", 128, "DI")
	fn.I("DECQ", "CX")
	fn.I("JNE", loop)
	fn.I("VZEROUPPER")
	fn.I("RET")
}
