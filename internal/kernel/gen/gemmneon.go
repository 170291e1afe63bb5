package main

import (
	"fmt"
	"strings"
)

// The tile of NEON: 8 rows by 3 vectors, from packed panels.
const (
	neonRows = 8
	neonVecs = 3
)

func gemmNEON() []*File {
	f := NewFile("gemm", "neon", "arm64")
	for _, elem := range []Elem{F32, F64} {
		neonTile(f, elem)
	}
	for xs := 1; xs <= 4; xs++ {
		floatDots(f, NEON, "F32", xs)
	}
	return []*File{f}
}

// neonTile keeps the sums in V0 to V23, row by row, the elements of A that
// follow and, behind them, of B.
func neonTile(f *File, elem Elem) {
	lanes := NEON.Bytes / elem.Size
	cols := neonVecs * lanes
	name := fmt.Sprintf("tileNEONF%d", elem.Bits())
	fn := f.Func(name, fmt.Sprintf(`%s computes %d rows by %d columns of C from panels of A and B: with
acc(i,j) the sum over p < k, k > 0, of a[%d*p+i]*b[%d*p+j], c[i*ldc+j] is set to
acc, or acc is added to it.`, name, neonRows, cols, neonRows, cols),
		fmt.Sprintf("k int, a *%[1]s, b *%[1]s, c *%[1]s, ldc int, add bool", elem.Name), "")
	for i, p := range []string{"k", "a", "b", "c", "ldc"} {
		fn.I("MOVD", fn.Arg(p), fmt.Sprintf("R%d", i))
	}
	fn.I("MOVBU", fn.Arg("add"), "R5")
	fn.I("LSL", elem.Size/4+1, "R4", "R4")
	arrangement := map[int]string{4: "S4", 8: "D2"}[elem.Size]
	list := func(from, n int) string {
		var regs []string
		for v := range n {
			regs = append(regs, fmt.Sprintf("V%d.%s", from+v, arrangement))
		}
		return "[" + strings.Join(regs, ", ") + "]"
	}
	sums := neonRows * neonVecs
	for v := range sums {
		r := fmt.Sprintf("V%d.B16", v)
		fn.I("VEOR", r, r, r)
	}
	aVecs := neonRows / lanes
	a, b := sums, sums+aVecs
	loop := fn.Label("")
	fn.I("VLD1.P", fmt.Sprintf("%d(R1)", NEON.Bytes*aVecs), list(a, aVecs))
	fn.I("VLD1.P", fmt.Sprintf("%d(R2)", NEON.Bytes*neonVecs), list(b, neonVecs))
	for i := range neonRows {
		for j := range neonVecs {
			fn.fmlaLane(elem, i*neonVecs+j, b+j, a+i/lanes, i%lanes)
		}
	}
	fn.I("SUBS", 1, "R0", "R0")
	fn.I("BNE", loop)
	add := fn.NewLabel("add")
	fn.I("CBNZ", "R5", add)
	for i := range neonRows {
		fn.I("VST1", list(i*neonVecs, neonVecs), "(R3)")
		fn.I("ADD", "R4", "R3", "R3")
	}
	fn.I("RET")
	fn.Label(add)
	for i := range neonRows {
		fn.I("VLD1", "(R3)", list(b, neonVecs))
		for j := range neonVecs {
			fn.vector(elem, "add", b+j, b+j, i*neonVecs+j)
		}
		fn.I("VST1", list(b, neonVecs), "(R3)")
		fn.I("ADD", "R4", "R3", "R3")
	}
	fn.I("RET")
}

// fmlaLane emits d += n * element lane of m, which Go's assembler lacks.
func (fn *Func) fmlaLane(elem Elem, d, n, m, lane int) {
	code := 0x4f801000 | lane&1<<21 | lane>>1<<11
	if elem == F64 {
		code = 0x4fc01000 | lane<<11
	}
	fn.word(uint32(code|m<<16|n<<5|d), fmt.Sprintf("fmla V%d, V%d, V%d[%d]", d, n, m, lane))
}

// vector emits d = op(n, m) for an operation of arm64Floats.
func (fn *Func) vector(elem Elem, op string, d, n, m int) {
	code := arm64Floats[op] | uint32(m<<16|n<<5|d)
	if elem == F64 {
		code += double
	}
	fn.word(code, fmt.Sprintf("%s V%d, V%d, V%d", op, d, n, m))
}
