package main

import "fmt"

// Products of few rows with weights that are stored narrow. A function serves
// a number of rows of x at once and walks the rows of w four at a time, with
// an accumulator for each pair, so that a weight is widened once and used for
// all rows of x. For one row of x, which is all that decoding has, reading w is
// what counts: short rows are then taken one after the other, as in dotsShort.

func narrow() []*File {
	avx2, avx512 := NewFile("narrow", "avx2", "amd64"), NewFile("narrow", "avx512", "amd64")
	for xs := 1; xs <= 2; xs++ {
		halfDots(avx2, "BF16", 'Y', xs)
		halfDots(avx2, "F16", 'Y', xs)
		q8Dots(avx2, false, xs)
		q8Dots(avx512, true, xs)
	}
	for xs := 1; xs <= 4; xs++ {
		halfDots(avx512, "BF16", 'Z', xs)
		halfDots(avx512, "F16", 'Z', xs)
	}
	q8Quantise(avx2)
	widenFuncs(avx2, 'Y')
	widenFuncs(avx512, 'Z')
	return []*File{avx2, avx512}
}

const (
	quad     = 4 // rows of w at a time
	q8Block  = 34
	q8XBlock = 36
)

// Where things are: R15 is the first row of w of the group and SI the place in
// it, R8 and R12 one and three times the distance between rows; DI, AX, R9 and
// R13 the same for x; R10 and R11 are out and the distance between its rows; CX
// counts rows of w, DX is k and BX what is left of it.

// rowOf returns the operand of row i at the cursor, whose rows are stride
// apart, and triple is three times that.
func rowOf(i int, cursor, stride, triple string, offset int) string {
	switch i {
	case 0:
		return Mem(cursor, offset)
	case 3:
		return Idx(cursor, triple, 1, offset)
	}
	return Idx(cursor, stride, i, offset)
}

func wRow(i, offset int) string { return rowOf(i, "SI", "R8", "R12", offset) }
func xRow(i, offset int) string { return rowOf(i, "AX", "R9", "R13", offset) }

func vec(kind byte, i int) string { return fmt.Sprintf("%c%d", kind, i) }

// dots emits a function around two bodies. together leaves in accumulator
// r*xs+i the product of rows r < rows of w and i < xs of x over the whole of k.
// single leaves in accumulator r that of the rows at the cursors, and leaves
// those below r alone: it takes short rows of w if there is one row of x.
func dots(f *File, name, doc string, xs int, together, single func(fn *Func, n int)) {
	fn := f.Func(name, doc, "n int, k int, w *byte, ldw int, x *float32, ldx int, out *float32, ldo int", "")
	for _, p := range [][2]string{{"n", "CX"}, {"k", "DX"}, {"w", "R15"}, {"ldw", "R8"}, {"x", "DI"}, {"ldx", "R9"}, {"out", "R10"}, {"ldo", "R11"}} {
		fn.I("MOVQ", fn.Arg(p[0]), p[1])
	}
	fn.I("SHLQ", 2, "R9")
	fn.I("SHLQ", 2, "R11")
	fn.I("LEAQ", Idx("R8", "R8", 2, 0), "R12")
	fn.I("LEAQ", Idx("R9", "R9", 2, 0), "R13")
	short := fn.NewLabel("short")
	if xs == 1 {
		fn.I("CMPQ", "R8", shortRow)
		fn.I("JLT", short)
	}
	dotsGroups(fn, xs, together)
	if xs > 1 {
		return
	}
	fn.Label(short)
	dotsGroups(fn, xs, func(fn *Func, rows int) {
		for r := range rows {
			if r > 0 {
				fn.I("LEAQ", rowOf(r, "R15", "R8", "R12", 0), "SI")
				fn.I("MOVQ", "DI", "AX")
				fn.I("MOVQ", "DX", "BX")
			}
			single(fn, r)
		}
	})
}

// dotsGroups emits the loop over the rows of w, in groups that body multiplies,
// and stores its sums.
func dotsGroups(fn *Func, xs int, body func(fn *Func, rows int)) {
	for _, rows := range []int{quad, 1} {
		loop, next := fn.NewLabel("rows"), fn.NewLabel("next")
		fn.Label(loop)
		fn.I("CMPQ", "CX", rows)
		fn.I("JLT", next)
		fn.I("MOVQ", "R15", "SI")
		fn.I("MOVQ", "DI", "AX")
		fn.I("MOVQ", "DX", "BX")
		body(fn, rows)
		// R10 walks along a row of out, and BX down its column.
		fn.I("MOVQ", "R10", "BX")
		for i := range xs {
			if rows == quad {
				fn.I("VHADDPS", vec('X', xs+i), vec('X', i), vec('X', i))
				fn.I("VHADDPS", vec('X', 3*xs+i), vec('X', 2*xs+i), vec('X', 2*xs+i))
				fn.I("VHADDPS", vec('X', 2*xs+i), vec('X', i), vec('X', i))
				fn.I("VMOVUPS", vec('X', i), "(BX)")
			} else {
				fn.I("VHADDPS", vec('X', i), vec('X', i), vec('X', i))
				fn.I("VHADDPS", vec('X', i), vec('X', i), vec('X', i))
				fn.I("VMOVSS", vec('X', i), "(BX)")
			}
			if i+1 < xs {
				fn.I("ADDQ", "R11", "BX")
			}
		}
		fn.I("ADDQ", 4*rows, "R10")
		fn.I("SUBQ", rows, "CX")
		if rows == quad {
			fn.I("LEAQ", Idx("R15", "R8", 4, 0), "R15")
		} else {
			fn.I("ADDQ", "R8", "R15")
		}
		fn.I("JMP", loop)
		fn.Label(next)
	}
	fn.I("VZEROUPPER")
	fn.I("RET")
}

// fold leaves the sum of an accumulator's quarters in its first four lanes.
func fold(fn *Func, kind byte, acc int) {
	extract, free := "VEXTRACTF128", "X15"
	if kind == 'Z' {
		fn.I("VEXTRACTF64X4", 1, vec('Z', acc), "Y16")
		fn.I("VADDPS", "Y16", vec('Y', acc), vec('Y', acc))
		extract, free = "VEXTRACTF32X4", "X16" // 15 may hold a sum
	}
	fn.I(extract, 1, vec('Y', acc), free)
	fn.I("VADDPS", free, vec('X', acc), vec('X', acc))
}

// Sums that a single row has under way, for the latency of an FMA, and the
// first of their registers.
const (
	rowSums  = dotsSums
	firstSum = quad
)

// singleRow emits the product of the rows at the cursors, in accumulator r.
// step adds what comes i steps after the cursors to an accumulator; a step is
// count of BX, wStep bytes of w and xStep bytes of x.
func singleRow(fn *Func, kind byte, r, count, wStep, xStep int, step func(i, acc int)) {
	for i := range rowSums {
		fn.I("VXORPS", vec('Y', firstSum+i), vec('Y', firstSum+i), vec('Y', firstSum+i))
	}
	ones, one, done := fn.NewLabel("ones"), fn.NewLabel("one"), fn.NewLabel("done")
	fn.I("SUBQ", rowSums*count, "BX")
	fn.I("JLT", ones)
	loop := fn.Label("")
	for i := range rowSums {
		step(i, firstSum+i)
	}
	fn.I("ADDQ", rowSums*wStep, "SI")
	fn.I("ADDQ", rowSums*xStep, "AX")
	fn.I("SUBQ", rowSums*count, "BX")
	fn.I("JGE", loop)
	fn.Label(ones)
	fn.I("ADDQ", rowSums*count, "BX")
	fn.I("JEQ", done)
	fn.Label(one)
	step(0, firstSum)
	fn.I("ADDQ", wStep, "SI")
	fn.I("ADDQ", xStep, "AX")
	fn.I("SUBQ", count, "BX")
	fn.I("JNE", one)
	fn.Label(done)
	for i := 0; i < rowSums; i += 2 {
		fn.I("VADDPS", vec(kind, firstSum+i+1), vec(kind, firstSum+i), vec(kind, firstSum+i))
	}
	fn.I("VADDPS", vec(kind, firstSum+2), vec(kind, firstSum), vec(kind, r))
}

// halfDots emits dots of bfloat16 or float16 for k a multiple of the lanes.
func halfDots(f *File, typ string, kind byte, xs int) {
	lanes, tier := lanesOf(kind)
	name := fmt.Sprintf("dots%s%sx%d", typ, tier, xs)
	doc := fmt.Sprintf("%s sets out[i*ldo+j] to the product of row i < %d of x and row j < n of w,\nldw bytes apart; k is a multiple of %d.", name, xs, lanes)
	single := func(fn *Func, r int) {
		singleRow(fn, kind, r, lanes, 2*lanes, 4*lanes, func(i, acc int) {
			v := vec(kind, firstSum+rowSums+i)
			halfToFloat(fn, typ, Mem("SI", 2*lanes*i), v)
			fn.I("VFMADD231PS", Mem("AX", 4*lanes*i), v, vec(kind, acc))
		})
		fold(fn, kind, r)
	}
	dots(f, name, doc, xs, func(fn *Func, rows int) {
		accs := rows * xs
		// A single row of x has a second set of accumulators, or each would
		// wait for itself.
		sets := 1
		if xs == 1 {
			sets = 2
		}
		w, x := 8, 12
		if kind == 'Z' {
			w, x = 16, 20
		}
		for i := range accs * sets {
			fn.I("VXORPS", vec('Y', i), vec('Y', i), vec('Y', i))
		}
		step := func(set int) {
			for i := range xs {
				fn.I("VMOVUPS", xRow(i, 4*lanes*set), vec(kind, x+i))
			}
			for r := range rows {
				to := vec(kind, w+r)
				halfToFloat(fn, typ, wRow(r, 2*lanes*set), to)
				for i := range xs {
					fn.I("VFMADD231PS", vec(kind, x+i), to, vec(kind, set*accs+r*xs+i))
				}
			}
		}
		if sets == 2 {
			loop, last := fn.NewLabel("twice"), fn.NewLabel("once")
			fn.I("SUBQ", 2*lanes, "BX")
			fn.I("JLT", last)
			fn.Label(loop)
			step(0)
			step(1)
			fn.I("ADDQ", 4*lanes, "SI")
			fn.I("ADDQ", 8*lanes, "AX")
			fn.I("SUBQ", 2*lanes, "BX")
			fn.I("JGE", loop)
			fn.Label(last)
			done := fn.NewLabel("done")
			fn.I("ADDQ", 2*lanes, "BX")
			fn.I("JEQ", done)
			step(0)
			fn.Label(done)
			for i := range accs {
				fn.I("VADDPS", vec(kind, accs+i), vec(kind, i), vec(kind, i))
			}
		} else {
			loop := fn.Label("")
			step(0)
			fn.I("ADDQ", 2*lanes, "SI")
			fn.I("ADDQ", 4*lanes, "AX")
			fn.I("SUBQ", lanes, "BX")
			fn.I("JNE", loop)
		}
		for i := range accs {
			fold(fn, kind, i)
		}
	}, single)
}

// q8Dots emits dots of Q8 with quantised rows of x, for k in blocks.
func q8Dots(f *File, vnni bool, xs int) {
	tier := "AVX2"
	if vnni {
		tier = "VNNI"
	}
	name := fmt.Sprintf("dotsQ8%sx%d", tier, xs)
	doc := fmt.Sprintf("%s sets out[i*ldo+j] to the product of row i < %d of x, quantised and ldx\nwords apart, and row j < n of w, ldw bytes apart; k counts blocks.", name, xs)
	const w, abs, scale, x, dot, ones = "Y8", "Y9", "Y10", "Y11", "Y12", "Y14"
	prepare := func(fn *Func) {
		if !vnni { // sixteen times 1
			fn.I("VPCMPEQW", ones, ones, ones)
			fn.I("VPSRLW", 15, ones, ones)
		}
	}
	weights := func(fn *Func, values, scales string) {
		fn.I("VMOVDQU", values, w)
		fn.I("VPBROADCASTW", scales, "X10")
		fn.I("VCVTPH2PS", "X10", scale)
		fn.I("VPABSB", w, abs)
	}
	add := func(fn *Func, values, scales string, acc int) {
		// |w|·(x with w's sign): one factor must be unsigned.
		fn.I("VMOVDQU", values, x)
		fn.I("VPSIGNB", w, x, x)
		if vnni {
			fn.I("VPXOR", dot, dot, dot)
			fn.I("VPDPBUSD", x, abs, dot)
		} else {
			fn.I("VPMADDUBSW", x, abs, dot)
			fn.I("VPMADDWD", ones, dot, dot)
		}
		fn.I("VCVTDQ2PS", dot, dot)
		fn.I("VBROADCASTSS", scales, "Y13")
		fn.I("VMULPS", "Y13", scale, "Y13")
		fn.I("VFMADD231PS", "Y13", dot, vec('Y', acc))
	}
	dots(f, name, doc, xs, func(fn *Func, rows int) {
		prepare(fn)
		for i := range rows * xs {
			fn.I("VXORPS", vec('Y', i), vec('Y', i), vec('Y', i))
		}
		loop := fn.Label("")
		for r := range rows {
			weights(fn, wRow(r, 2), wRow(r, 0))
			for i := range xs {
				add(fn, xRow(i, 4), xRow(i, 0), r*xs+i)
			}
		}
		fn.I("ADDQ", q8Block, "SI")
		fn.I("ADDQ", q8XBlock, "AX")
		fn.I("DECQ", "BX")
		fn.I("JNE", loop)
		for i := range rows * xs {
			fold(fn, 'Y', i)
		}
	}, func(fn *Func, r int) {
		if r == 0 {
			prepare(fn)
		}
		singleRow(fn, 'Y', r, 1, q8Block, q8XBlock, func(i, acc int) {
			weights(fn, Mem("SI", q8Block*i+2), Mem("SI", q8Block*i))
			add(fn, Mem("AX", q8XBlock*i+4), Mem("AX", q8XBlock*i), acc)
		})
		fold(fn, 'Y', r)
	})
}

// q8Quantise emits the rounding of a row of x to 8 bits.
func q8Quantise(f *File) {
	fn := f.Func("quantiseQ8AVX2", "quantiseQ8AVX2 is quantiseQ8 for n > 0 blocks.", "n int, dst *float32, src *float32", "")
	f.Words("q8constants", 0x7fffffff, 0x42fe0000 /* 127 */, 0x3c010204 /* 1/127 */, 0x7f800000 /* +Inf */)
	order := f.Words("q8order", 0, 4, 1, 5, 2, 6, 3, 7)
	at := func(i int) string { return fmt.Sprintf("q8constants<>+%d(SB)", 4*i) }
	fn.I("MOVQ", fn.Arg("n"), "CX")
	fn.I("MOVQ", fn.Arg("dst"), "DI")
	fn.I("MOVQ", fn.Arg("src"), "SI")
	fn.I("VPBROADCASTD", at(0), "Y15")
	fn.I("VBROADCASTSS", at(3), "Y14")
	fn.I("VMOVDQU", order, "Y13")
	fn.I("VMOVSS", at(1), "X12")
	fn.I("VMOVSS", at(2), "X11")
	loop := fn.Label("")
	for i := range 4 {
		fn.I("VMOVUPS", Mem("SI", 32*i), vec('Y', i))
		fn.I("VPAND", "Y15", vec('Y', i), vec('Y', 4+i))
	}
	fn.Comment("the largest magnitude, as bits")
	fn.I("VPMAXSD", "Y5", "Y4", "Y4")
	fn.I("VPMAXSD", "Y7", "Y6", "Y6")
	fn.I("VPMAXSD", "Y6", "Y4", "Y4")
	fn.I("VEXTRACTI128", 1, "Y4", "X5")
	fn.I("VPMAXSD", "X5", "X4", "X4")
	fn.I("VPSHUFD", 0x4e, "X4", "X5")
	fn.I("VPMAXSD", "X5", "X4", "X4")
	fn.I("VPSHUFD", 0xb1, "X4", "X5")
	fn.I("VPMAXSD", "X5", "X4", "X4")
	fn.I("VMULSS", "X11", "X4", "X5")
	fn.I("VMOVSS", "X5", "(DI)")
	fn.I("VDIVSS", "X4", "X12", "X4")
	fn.I("VBROADCASTSS", "X4", "Y4")
	fn.Comment("an inverse that is not finite counts as 0")
	fn.I("VCMPPS", 1, "Y14", "Y4", "Y5")
	fn.I("VANDPS", "Y5", "Y4", "Y4")
	for i := range 4 {
		fn.I("VMULPS", "Y4", vec('Y', i), vec('Y', i))
		fn.I("VCVTPS2DQ", vec('Y', i), vec('Y', i))
	}
	fn.I("VPACKSSDW", "Y1", "Y0", "Y0")
	fn.I("VPACKSSDW", "Y3", "Y2", "Y2")
	fn.I("VPACKSSWB", "Y2", "Y0", "Y0")
	fn.I("VPERMD", "Y0", "Y13", "Y0")
	fn.I("VMOVDQU", "Y0", "4(DI)")
	fn.I("ADDQ", 128, "SI")
	fn.I("ADDQ", q8XBlock, "DI")
	fn.I("DECQ", "CX")
	fn.I("JNE", loop)
	fn.I("VZEROUPPER")
	fn.I("RET")
}
