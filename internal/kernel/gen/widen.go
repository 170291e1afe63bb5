package main

import "fmt"

// widenFuncs emits the widening of stored weights: 16-bit ones in whole vectors
// and Q8 in whole blocks.
func widenFuncs(f *File, isa *ISA) {
	widenHalf(f, isa, "BF16", "loadbf16")
	widenHalf(f, isa, "F16", "loadf16")
	widenQ8(f, isa)
}

// widening starts a function.
func widening(f *File, isa *ISA, typ, what string) (k *Kernel, n, dst, src string) {
	name := "widen" + typ + isa.Suffix
	k = f.Named(isa, F32, name, fmt.Sprintf("%s sets dst to n > 0 %s.", name, what), "n int, dst *float32, src *byte", "")
	p := k.Params("n", "dst", "src")
	return k, p[0], p[1], p[2]
}

func widenHalf(f *File, isa *ISA, typ, load string) {
	const unroll = 4
	lanes := isa.Bytes / 4
	k, n, dst, src := widening(f, isa, typ, fmt.Sprintf("values, a multiple of %d", lanes))
	d := &narrowDots{k, k.Row(src), k.Row(dst), n}
	d.walk(lanes, unroll, 2*lanes, 4*lanes, func(i int) {
		k.StoreAt(d.x.At(0, 4*lanes*i), k.loadAs(load, d.w.At(0, 2*lanes*i)))
	})
	k.End()
}

func widenQ8(f *File, isa *ISA) {
	k, n, dst, src := widening(f, isa, "Q8", "blocks")
	k.Repeat(n, func() {
		scale := k.loadAs("spreadf16", Mem(src, 0))
		for i := 0; i < q8Values; i += k.Lanes() {
			v := k.Do("float", k.loadAs("loadint8", Mem(src, 2+i)))
			k.StoreAt(Mem(dst, 4*i), k.Mul(v, scale))
		}
		k.Advance(src, q8Block)
		k.Advance(dst, 4*q8Values)
	})
	k.End()
}
