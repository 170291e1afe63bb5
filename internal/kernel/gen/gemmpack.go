package main

// packCopy emits the packing of a B whose rows are contiguous.
func (t *gemmTarget) packCopy() {
	fn := t.fn("packCopy", `copies k > 0 rows of n > 0 elements, stride apart, into panels two
vectors wide, panel elements apart, filling the last one up with zeros; the
rows of a panel are row elements apart.`,
		"out *"+t.elem+", panel int, row int, src *"+t.elem+", stride int, n int, k int",
		[][2]string{{"out", "DI"}, {"panel", "R9"}, {"row", "BX"}, {"src", "SI"}, {"stride", "R8"}, {"n", "CX"}, {"k", "DX"}},
		"R9", "BX", "R8")
	m0, m1 := "K2", "K1"
	if !t.wide() {
		m0, m1 = t.v(14), t.v(15)
	}
	// Lanes of the two vectors of a last, narrower panel.
	width := 2 * t.lanes()
	fn.I("MOVQ", "CX", "R10")
	fn.I("ANDQ", width-1, "R10")
	fn.I("MOVQ", "R10", "R15")
	fn.I("MOVQ", t.lanes(), "R11")
	fn.I("CMPQ", "R10", "R11")
	fn.I("CMOVQGT", "R11", "R10")
	fn.I("MOVQ", "R10", "R12")
	t.lanesMask(fn, "R10", "R13", m0)
	if t.wide() {
		fn.I("KMOVW", "K1", "K2")
	}
	fn.I("MOVQ", "R15", "R10")
	fn.I("SUBQ", "R12", "R10")
	t.lanesMask(fn, "R10", "R13", m1)
	fn.I("SUBQ", "R15", "CX") // elements in full panels

	row := fn.Label("row")
	fn.I("MOVQ", "DI", "R10")
	fn.I("MOVQ", "SI", "R11")
	fn.I("MOVQ", "CX", "R12")
	fn.I("LEAQ", Idx("SI", "R8", 8, 0), "R13")
	fn.I("TESTQ", "R12", "R12")
	fn.I("JEQ", "tail")
	full := fn.Label("full")
	for v := 0; v < 2*t.vec; v += 64 {
		fn.I("PREFETCHT0", Mem("R13", v))
	}
	for v := range 2 {
		fn.I("VMOVUPS", Mem("R11", v*t.vec), t.v(v))
	}
	for v := range 2 {
		fn.I("VMOVUPS", t.v(v), Mem("R10", v*t.vec))
	}
	fn.I("ADDQ", "R9", "R10")
	fn.I("ADDQ", 2*t.vec, "R11")
	fn.I("ADDQ", 2*t.vec, "R13")
	fn.I("SUBQ", width, "R12")
	fn.I("JNE", full)
	fn.Label("tail")
	fn.I("TESTQ", "R15", "R15")
	fn.I("JEQ", "next")
	t.load(fn, Mem("R11", 0), t.v(0), m0)
	t.load(fn, Mem("R11", t.vec), t.v(1), m1)
	for v := range 2 {
		fn.I("VMOVUPS", t.v(v), Mem("R10", v*t.vec))
	}
	fn.Label("next")
	fn.I("ADDQ", "R8", "SI")
	fn.I("ADDQ", "BX", "DI")
	fn.I("DECQ", "DX")
	fn.I("JNE", row)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

// packTurn emits the packing of a B whose columns are contiguous: squares are
// transposed in registers.
func (t *gemmTarget) packTurn() {
	n := t.lanes()
	fn := t.fn("packTurn", `sets out[p*width+i] to src[i*stride+p] for i < have and p < k, both
above zero, have at most the lanes of a vector; what is beyond have is arbitrary.`,
		"out *"+t.elem+", width int, src *"+t.elem+", stride int, have int, k int",
		[][2]string{{"out", "DI"}, {"width", "R9"}, {"src", "SI"}, {"stride", "R8"}, {"have", "BX"}, {"k", "DX"}},
		"R9", "R8")
	fn.I("XORQ", "R12", "R12")
	mask := "K1"
	if !t.wide() {
		mask = t.v(15)
	}
	block := fn.Label("block")
	fn.I("MOVQ", n, "CX") // columns of the square
	fn.I("CMPQ", "DX", "CX")
	fn.I("CMOVQLT", "DX", "CX")
	fn.I("MOVQ", "CX", "R13")
	t.lanesMask(fn, "R13", "AX", mask)
	// Rows that are not there repeat the last one.
	fn.I("MOVQ", "SI", "R10")
	fn.I("MOVQ", "R8", "R11")
	for i := range n {
		t.load(fn, Mem("R10", 0), t.v(i), mask)
		if i+1 < n {
			fn.I("CMPQ", "BX", i+1)
			fn.I("CMOVQEQ", "R12", "R11")
			fn.I("ADDQ", "R11", "R10")
		}
	}
	for _, r := range t.turn(fn) {
		fn.I("VMOVUPS", r, Mem("DI", 0))
		fn.I("ADDQ", "R9", "DI")
		fn.I("DECQ", "CX")
		fn.I("JEQ", "stored")
	}
	fn.Label("stored")
	fn.I("ADDQ", t.vec, "SI")
	fn.I("SUBQ", n, "DX")
	fn.I("JGT", block)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

// turn transposes the square in registers 0 to lanes-1 and returns where its
// columns are.
func (t *gemmTarget) turn(fn *Func) []string {
	n := t.lanes()
	a, b := vregs(t.reg, 0, n), vregs(t.reg, n, n)
	side := 16 / t.size // elements of 16 bytes
	groups := n / side
	// After this a[side*g+c] has, in its l-th 16 bytes, column side*l+c of
	// rows side*g and on.
	for g := range groups {
		r, q := a[side*g:], b[side*g:]
		if side == 2 {
			fn.I("VUNPCKLPD", r[1], r[0], q[0])
			fn.I("VUNPCKHPD", r[1], r[0], q[1])
			continue
		}
		fn.I("VUNPCKLPS", r[1], r[0], q[0])
		fn.I("VUNPCKHPS", r[1], r[0], q[1])
		fn.I("VUNPCKLPS", r[3], r[2], q[2])
		fn.I("VUNPCKHPS", r[3], r[2], q[3])
		fn.I("VUNPCKLPD", q[2], q[0], r[0])
		fn.I("VUNPCKHPD", q[2], q[0], r[1])
		fn.I("VUNPCKLPD", q[3], q[1], r[2])
		fn.I("VUNPCKHPD", q[3], q[1], r[3])
	}
	if side == 2 {
		a, b = b, a
	}
	out := make([]string, n)
	for c := range side {
		if groups == 2 {
			x, y := a[c], a[side+c]
			fn.I("VPERM2F128", 0x20, y, x, b[c])
			fn.I("VPERM2F128", 0x31, y, x, b[side+c])
			out[c], out[side+c] = b[c], b[side+c]
			continue
		}
		in := []string{a[c], a[side+c], a[2*side+c], a[3*side+c]}
		to := []string{b[c], b[side+c], b[2*side+c], b[3*side+c]}
		shuffle := "VSHUFF32X4"
		fn.I(shuffle, 0x88, in[1], in[0], to[0])
		fn.I(shuffle, 0xdd, in[1], in[0], to[1])
		fn.I(shuffle, 0x88, in[3], in[2], to[2])
		fn.I(shuffle, 0xdd, in[3], in[2], to[3])
		fn.I(shuffle, 0x88, to[2], to[0], in[0])
		fn.I(shuffle, 0x88, to[3], to[1], in[1])
		fn.I(shuffle, 0xdd, to[2], to[0], in[2])
		fn.I(shuffle, 0xdd, to[3], to[1], in[3])
		for l := range groups {
			out[side*l+c] = in[l]
		}
	}
	return out
}
