package main

import (
	"fmt"
	"strings"
)

// dropoutFiles are the masks of dropout, made from SplitMix64 as they are
// used. The integer arithmetic is the instruction sets' own, so these are not
// kernels of [ISA].
func dropoutFiles() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512} {
		f := NewFile("dropout", isa.Name, isa.Arch)
		for _, elem := range []Elem{F32, F64} {
			fn := f.Func(elem.fn(isa, "dropout"), elem.fn(isa, "dropout")+" is [table]'s dropout for n > 0 elements, a multiple of 16.",
				typed(elem, "dst *T, x *T, n int, base int, limit int, keep T"), "")
			if isa == AVX512 {
				dropoutAVX512(fn, elem)
			} else {
				dropoutAVX2(fn, elem)
			}
			f.Set(elem.field("dropout"), "dropoutOf("+fn.name+")")
		}
		files = append(files, f)
	}
	return files
}

// The factors of SplitMix64.
const (
	splitMix1 uint64 = 0x9e3779b97f4a7c15
	splitMix2 uint64 = 0xbf58476d1ce4e5b9
	splitMix3 uint64 = 0x94d049bb133111eb
)

// quads adds a table of 64-bit words, once to a file, and returns its start.
func (f *File) quads(name string, words ...uint64) string {
	var halves []uint32
	for _, w := range words {
		halves = append(halves, uint32(w), uint32(w>>32))
	}
	return f.Words(name, halves...)
}

// counters are the first factor's multiples for the lanes of a register.
func counters(lanes int) (words []uint64) {
	for i := range lanes {
		words = append(words, uint64(i)*splitMix1)
	}
	return words
}

// broadcastQuad spreads a 64-bit constant.
func broadcastQuad(fn *Func, c uint64, reg string) {
	fn.I("MOVQ", fmt.Sprintf("$%#x", c), "AX")
	fn.I("VMOVQ", "AX", "X"+reg[1:])
	fn.I("VPBROADCASTQ", "X"+reg[1:], reg)
}

// dropoutStart loads the arguments: the counters of the first lanes in reg0, of
// the next ones in reg1, and the limit and the scale spread.
func dropoutStart(fn *Func, elem Elem, lanes int, reg0, reg1, limit, keep string) {
	table := fn.file.quads("counters"+elem.Name, counters(2*lanes)...)
	second := strings.Replace(table, "(SB)", fmt.Sprintf("+%d(SB)", 8*lanes), 1)
	add, ss := "VPADDQ", map[Elem]string{F32: "SS", F64: "SD"}[elem]
	fn.I("MOVQ", fn.Arg("dst"), "DI")
	fn.I("MOVQ", fn.Arg("x"), "SI")
	fn.I("MOVQ", fn.Arg("n"), "CX")
	fn.I("VPBROADCASTQ", fn.Arg("base"), reg0)
	fn.I(add, second, reg0, reg1)
	fn.I(add, table, reg0, reg0)
	fn.I("VPBROADCASTQ", fn.Arg("limit"), limit)
	fn.I("VBROADCAST"+ss, fn.Arg("keep"), keep)
}

func dropoutAVX512(fn *Func, elem Elem) {
	dropoutStart(fn, elem, 8, "Z0", "Z1", "Z10", "Z12")
	broadcastQuad(fn, splitMix2, "Z8")
	broadcastQuad(fn, splitMix3, "Z9")
	step := splitMix1
	broadcastQuad(fn, 16*step, "Z11")
	loop := fn.Label("")
	for i, z := range []string{"Z2", "Z3"} {
		from := []string{"Z0", "Z1"}[i]
		for _, s := range []struct {
			shift  int
			factor string
		}{{30, "Z8"}, {27, "Z9"}, {31, ""}} {
			fn.I("VPSRLQ", s.shift, from, "Z4")
			fn.I("VPXORQ", from, "Z4", z)
			if s.factor != "" {
				fn.I("VPMULLQ", s.factor, z, z)
			}
			from = z
		}
		fn.I("VPCMPUQ", 5, "Z10", z, []string{"K1", "K2"}[i]) // not below the limit
	}
	if elem == F32 {
		fn.I("KUNPCKBW", "K1", "K2", "K1")
		fn.I("VMULPS.Z", "(SI)", "Z12", "K1", "Z4")
		fn.I("VMOVUPS", "Z4", "(DI)")
	} else {
		fn.I("VMULPD.Z", "(SI)", "Z12", "K1", "Z4")
		fn.I("VMULPD.Z", "64(SI)", "Z12", "K2", "Z5")
		fn.I("VMOVUPD", "Z4", "(DI)")
		fn.I("VMOVUPD", "Z5", "64(DI)")
	}
	fn.I("VPADDQ", "Z11", "Z0", "Z0")
	fn.I("VPADDQ", "Z11", "Z1", "Z1")
	fn.I("ADDQ", 16*elem.Size, "SI")
	fn.I("ADDQ", 16*elem.Size, "DI")
	fn.I("SUBQ", 16, "CX")
	fn.I("JNZ", loop)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

// dropoutAVX2 puts 64-bit products together from 32-bit ones.
func dropoutAVX2(fn *Func, elem Elem) {
	dropoutStart(fn, elem, 4, "Y0", "Y1", "Y10", "Y12")
	fn.I("VPSRLQ", 11, "Y10", "Y10")
	fn.I("VPCMPEQQ", "Y4", "Y4", "Y4")
	fn.I("VPADDQ", "Y4", "Y10", "Y10") // one less than the limit of 53 bits
	broadcastQuad(fn, splitMix2, "Y8")
	broadcastQuad(fn, splitMix3, "Y9")
	fn.I("VPSRLQ", 32, "Y8", "Y13")
	fn.I("VPSRLQ", 32, "Y9", "Y14")
	step := splitMix1
	broadcastQuad(fn, 8*step, "Y11")
	loop := fn.Label("")
	for i, z := range []string{"Y2", "Y3"} {
		from := []string{"Y0", "Y1"}[i]
		for _, s := range []struct {
			shift     int
			low, high string
		}{{30, "Y8", "Y13"}, {27, "Y9", "Y14"}, {31, "", ""}} {
			fn.I("VPSRLQ", s.shift, from, "Y4")
			fn.I("VPXOR", from, "Y4", z)
			if s.low != "" {
				fn.I("VPSRLQ", 32, z, "Y4")
				fn.I("VPMULUDQ", s.low, "Y4", "Y4")
				fn.I("VPMULUDQ", s.high, z, "Y5")
				fn.I("VPADDQ", "Y4", "Y5", "Y5")
				fn.I("VPSLLQ", 32, "Y5", "Y5")
				fn.I("VPMULUDQ", s.low, z, z)
				fn.I("VPADDQ", "Y5", z, z)
			}
			from = z
		}
		fn.I("VPSRLQ", 11, z, z)
		fn.I("VPCMPGTQ", "Y10", z, z)
	}
	if elem == F32 {
		fn.I("VSHUFPS", 0x88, "Y3", "Y2", "Y2") // a half of every mask
		fn.I("VPERMQ", 0xd8, "Y2", "Y2")
		fn.I("VMULPS", "(SI)", "Y12", "Y4")
		fn.I("VANDPS", "Y2", "Y4", "Y4")
		fn.I("VMOVUPS", "Y4", "(DI)")
	} else {
		fn.I("VMULPD", "(SI)", "Y12", "Y4")
		fn.I("VMULPD", "32(SI)", "Y12", "Y5")
		fn.I("VANDPD", "Y2", "Y4", "Y4")
		fn.I("VANDPD", "Y3", "Y5", "Y5")
		fn.I("VMOVUPD", "Y4", "(DI)")
		fn.I("VMOVUPD", "Y5", "32(DI)")
	}
	fn.I("VPADDQ", "Y11", "Y0", "Y0")
	fn.I("VPADDQ", "Y11", "Y1", "Y1")
	fn.I("ADDQ", 8*elem.Size, "SI")
	fn.I("ADDQ", 8*elem.Size, "DI")
	fn.I("SUBQ", 8, "CX")
	fn.I("JNZ", loop)
	fn.I("VZEROUPPER")
	fn.I("RET")
}
