package main

import "fmt"

const (
	shortRow = 4096 // bytes: rows of less are multiplied by dotsShort
	dotsSums = 4    // sums that it has under way, for the latency of an FMA
)

// dotsRows is how many rows of w are multiplied at once with m rows of x, so
// that sums, the shorter side and one vector of the longer fit the registers.
func (t *gemmTarget) dotsRows(m int) int {
	if t.wide() {
		return []int{0, 8, 8, 8, 6, 5, 4, 3, 3}[m]
	}
	return []int{0, 8, 4, 3, 2, 2, 2, 1, 1}[m]
}

// dots emits the product of few rows with the rows of a matrix.
func (t *gemmTarget) dots() {
	fn := t.fn("dots", `sets out[i*os+j*oj], for i < m and j < n, to the sum over p < k of
x[i*xs+p]*w[j*ws+p], or adds the sum to it; m is 1 to 8, n and k are above zero.`,
		fmt.Sprintf("m int, n int, k int, x *%[1]s, xs int, w *%[1]s, ws int, out *%[1]s, os int, oj int, add bool", t.elem),
		[][2]string{{"m", "SI"}})
	labels := make([]string, 9)
	for r := range labels {
		labels[r] = fn.NewLabel("rows")
	}
	short := fn.NewLabel("short")
	fn.I("CMPQ", "SI", 1)
	fn.I("JNE", "3(PC)")
	fn.I("CMPQ", fn.Arg("k"), shortRow/t.size)
	fn.I("JLT", short)
	t.choose(fn, labels, 1, 8)
	fn.Label(short)
	t.dotsShort(fn)
	for m := 1; m <= 8; m++ {
		fn.Label(labels[m])
		t.dotsOf(fn, m)
	}
}

// dotsShort multiplies one row of x with one short row of w after the other:
// memory is read as a single stream, which the processor fetches ahead. Several
// streams at a time are faster yet, but only where each is long.
func (t *gemmTarget) dotsShort(fn *Func) {
	const x, w, out, n, pos, bits = "AX", "BX", "CX", "DX", "SI", "DI"
	const ws, oj, whole, blocks, rest = "R8", "R9", "R10", "R11", "R12" // strides and lengths in bytes
	for _, p := range [][2]string{{"x", x}, {"w", w}, {"out", out}, {"n", n}, {"ws", ws}, {"oj", oj}, {"k", whole}} {
		fn.I("MOVQ", fn.Arg(p[0]), p[1])
	}
	fn.I("SHLQ", t.shift(), ws)
	fn.I("SHLQ", t.shift(), oj)
	fn.I("MOVQ", whole, rest)
	fn.I("ANDQ", t.lanes()-1, rest)
	fn.I("MOVQ", rest, pos)
	t.lanesMask(fn, pos, bits, t.tailMask())
	fn.I("ANDQ", -t.lanes(), whole)
	fn.I("SHLQ", t.shift(), whole)
	fn.I("MOVQ", whole, blocks)
	fn.I("ANDQ", -dotsSums*t.vec, blocks)

	step := func(i int, mask string) {
		v, m := t.v(dotsSums+i), Idx(w, pos, 1, i*t.vec)
		t.load(fn, Idx(x, pos, 1, i*t.vec), v, mask)
		if mask != "" {
			t.load(fn, m, t.v(dotsSums+1), mask)
			m = t.v(dotsSums + 1)
		}
		fn.I("VFMADD231"+t.suffix, m, v, t.v(i))
	}
	single, tail, sums := fn.NewLabel("single"), fn.NewLabel("tail"), fn.NewLabel("sums")
	row := fn.Label("")
	for i := range dotsSums {
		t.zero(fn, t.v(i))
	}
	fn.I("XORQ", pos, pos)
	fn.I("CMPQ", pos, blocks)
	fn.I("JGE", single)
	fn.I("PCALIGN", 32)
	loop := fn.Label("")
	for i := range dotsSums {
		step(i, "")
	}
	fn.I("ADDQ", dotsSums*t.vec, pos)
	fn.I("CMPQ", pos, blocks)
	fn.I("JLT", loop)
	fn.Label(single)
	fn.I("CMPQ", pos, whole)
	fn.I("JGE", tail)
	step(0, "")
	fn.I("ADDQ", t.vec, pos)
	fn.I("JMP", single)
	fn.Label(tail)
	fn.I("TESTQ", rest, rest)
	fn.I("JEQ", sums)
	step(0, t.tailMask())
	fn.Label(sums)
	for i := 1; i < dotsSums; i *= 2 {
		for j := 0; j < dotsSums; j += 2 * i {
			fn.I("VADD"+t.suffix, t.v(j+i), t.v(j), t.v(j))
		}
	}
	t.dotsSum(fn, t.v(0), dotsSums)
	sum := fmt.Sprintf("X%d", dotsSums)
	fn.I("CMPB", fn.Arg("add"), 0)
	fn.I("JEQ", "2(PC)")
	fn.I("VADD"+t.scalar, Mem(out, 0), sum, sum)
	fn.I("VMOV"+t.scalar, sum, Mem(out, 0))
	fn.I("ADDQ", oj, out)
	fn.I("ADDQ", ws, w)
	fn.I("DECQ", n)
	fn.I("JNE", row)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

func (t *gemmTarget) dotsOf(fn *Func, m int) {
	rows := t.dotsRows(m)
	free := []string{"AX", "BX", "CX", "DX", "SI", "DI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"}
	take := func(n int) []string { s := free[:n]; free = free[n:]; return s }
	x, w, pos, end, bits := take(m), take(rows), take(1)[0], take(1)[0], take(1)[0]
	acc := func(i, r int) string { return t.v(i*rows + r) }
	tmp := t.regs - 3 // to sum up in; the mask is the last register of AVX2

	fn.I("MOVQ", fn.Arg("xs"), pos)
	fn.I("SHLQ", t.shift(), pos)
	fn.I("MOVQ", fn.Arg("x"), x[0])
	for i := 1; i < m; i++ {
		fn.I("LEAQ", Idx(x[i-1], pos, 1, 0), x[i])
	}
	group := fn.Label("")
	// Rows of w that are not there repeat the last one.
	fn.I("MOVQ", fn.Arg("ws"), pos)
	fn.I("SHLQ", t.shift(), pos)
	fn.I("MOVQ", fn.Arg("w"), w[0])
	if rows > 1 {
		fn.I("XORQ", end, end)
	}
	for r := 1; r < rows; r++ {
		fn.I("CMPQ", fn.Arg("n"), r)
		fn.I("CMOVQEQ", end, pos)
		fn.I("LEAQ", Idx(w[r-1], pos, 1, 0), w[r])
	}
	for i := range m * rows {
		t.zero(fn, t.v(i))
	}
	fn.I("MOVQ", fn.Arg("k"), end)
	fn.I("ANDQ", -t.lanes(), end)
	fn.I("SHLQ", t.shift(), end)
	fn.I("XORQ", pos, pos)
	tail, sums, next := fn.NewLabel("tail"), fn.NewLabel("sums"), fn.NewLabel("next")
	fn.I("TESTQ", end, end)
	fn.I("JEQ", tail)
	fn.I("PCALIGN", 32)
	loop := fn.Label("")
	t.dotsStep(fn, m, rows, x, w, pos, "")
	fn.I("ADDQ", t.vec, pos)
	fn.I("CMPQ", pos, end)
	fn.I("JLT", loop)
	fn.Label(tail)
	fn.I("MOVQ", fn.Arg("k"), end)
	fn.I("ANDQ", t.lanes()-1, end)
	fn.I("JEQ", sums)
	t.lanesMask(fn, end, bits, t.tailMask())
	t.dotsStep(fn, m, rows, x, w, pos, t.tailMask())
	fn.Label(sums)
	// w's registers are free now: they are set anew for each group.
	out := w[0]
	fn.I("MOVQ", fn.Arg("out"), out)
	fn.I("MOVQ", fn.Arg("os"), pos)
	fn.I("SHLQ", t.shift(), pos)
	for r := range rows {
		fn.I("MOVQ", out, end)
		for i := range m {
			t.dotsSum(fn, acc(i, r), tmp)
			fn.I("CMPB", fn.Arg("add"), 0)
			fn.I("JEQ", "2(PC)")
			fn.I("VADD"+t.scalar, Mem(end, 0), fmt.Sprintf("X%d", tmp), fmt.Sprintf("X%d", tmp))
			fn.I("VMOV"+t.scalar, fmt.Sprintf("X%d", tmp), Mem(end, 0))
			if i+1 < m {
				fn.I("ADDQ", pos, end)
			}
		}
		fn.I("DECQ", fn.Arg("n"))
		fn.I("JEQ", next)
		fn.I("MOVQ", fn.Arg("oj"), end)
		fn.I("SHLQ", t.shift(), end)
		fn.I("ADDQ", end, out)
	}
	fn.I("MOVQ", out, fn.Arg("out"))
	fn.I("MOVQ", fn.Arg("ws"), pos)
	fn.I("IMULQ", fmt.Sprintf("$%d", rows*t.size), pos)
	fn.I("ADDQ", pos, fn.Arg("w"))
	fn.I("JMP", group)
	fn.Label(next)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

// dotsStep adds the products of one vector of each row.
func (t *gemmTarget) dotsStep(fn *Func, m, rows int, x, w []string, pos, mask string) {
	kept, passing := x, w
	if m > rows {
		kept, passing = w, x
	}
	next := m * rows // registers that are not sums
	for i, r := range kept {
		t.load(fn, Idx(r, pos, 1, 0), t.v(next+i), mask)
	}
	next += len(kept)
	spare := min(2, t.regs-1-next) // the mask is the last register of AVX2
	if t.wide() {
		spare = min(2, t.regs-next)
	}
	for j, r := range passing {
		v := t.v(next + j%spare)
		t.load(fn, Idx(r, pos, 1, 0), v, mask)
		for i := range kept {
			acc := t.v(i*rows + j)
			if m > rows {
				acc = t.v(j*rows + i)
			}
			fn.I("VFMADD231"+t.suffix, v, t.v(next-len(kept)+i), acc)
		}
	}
}

// dotsSum leaves the sum of a register's lanes in the first of tmp; the
// register after tmp is lost too.
func (t *gemmTarget) dotsSum(fn *Func, acc string, tmp int) {
	x, y, z := fmt.Sprintf("X%d", tmp), fmt.Sprintf("Y%d", tmp), fmt.Sprintf("X%d", tmp+1)
	if t.wide() {
		fn.I("VEXTRACTF64X4", 1, acc, y)
		fn.I("VADD"+t.suffix, "Y"+acc[1:], y, y)
		fn.I("VEXTRACTF32X4", 1, y, z)
		fn.I("VADD"+t.suffix, z, x, x)
	} else {
		fn.I("VEXTRACTF128", 1, acc, x)
		fn.I("VADD"+t.suffix, "X"+acc[1:], x, x)
	}
	fn.I("VPERMILPD", 1, x, z)
	if t.size == 8 {
		fn.I("VADDSD", z, x, x)
		return
	}
	fn.I("VADDPS", z, x, x)
	fn.I("VMOVSHDUP", x, z)
	fn.I("VADDSS", z, x, x)
}
