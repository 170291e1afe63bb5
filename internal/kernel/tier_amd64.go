//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

// accelerated returns the assembly variants that this machine runs, the best
// first. Each starts from the one below it; a family of functions sets what it
// improves. GODEBUG=cpu.avx512f=off clears that flag alone, so all that a tier
// needs are asked for together.
func accelerated() []variant {
	var vs []variant
	x := &cpu.X86
	if !x.HasAVX2 || !x.HasFMA {
		return vs
	}
	v := portableVariant("avx2")
	gemmAVX2(&v)
	vectorAVX2(&v)
	attentionAVX2(&v)
	narrowAVX2(&v)
	normAVX2(&v)
	updateAVX2(&v)
	ropeAVX2(&v)
	dropoutAVX2(&v)
	vs = append(vs, v)
	if !x.HasAVX512F || !x.HasAVX512DQ || !x.HasAVX512BW || !x.HasAVX512VL {
		return vs
	}
	v.name = "avx512"
	gemmAVX512(&v)
	vectorAVX512(&v)
	attentionAVX512(&v)
	narrowAVX512(&v)
	normAVX512(&v)
	updateAVX512(&v)
	ropeAVX512(&v)
	dropoutAVX512(&v)
	return append([]variant{v}, vs...)
}
