package main

import "fmt"

// gemmTarget is a tier and element type that products are generated for.
type gemmTarget struct {
	file    *File
	name    string // ends the names of functions: AVX2F32
	elem    string // float32 or float64
	size    int    // bytes of an element
	vec     int    // bytes of a vector
	reg     string // Y or Z
	suffix  string // of packed instructions
	scalar  string // of scalar ones
	regs    int
	heights []tileShape
}

// fetchAhead is how many cycles before its use C is fetched, at 64 bytes of
// multiply-adds a cycle. Fetched at the start of a tile instead, all its rows
// at once, C keeps A and B waiting, and may be gone again at the end.
const fetchAhead = 400

// tileShape is a width of the micro-kernel in vectors and the most rows it has.
type tileShape struct{ vecs, rows int }

func gemmFamily() []*File {
	var files []*File
	for _, tier := range []string{"avx2", "avx512"} {
		f := NewFile("gemm", tier, "amd64")
		for _, elem := range []string{"float32", "float64"} {
			t := &gemmTarget{file: f, elem: elem, size: 4, suffix: "PS", scalar: "SS", vec: 32, reg: "Y", regs: 16, name: "AVX2F32"}
			t.heights = []tileShape{{4, 2}, {2, 6}, {1, 6}}
			if tier == "avx512" {
				t.vec, t.reg, t.regs, t.name = 64, "Z", 32, "AVX512F32"
				t.heights = []tileShape{{8, 3}, {4, 6}, {2, 14}, {1, 14}}
			}
			if elem == "float64" {
				t.size, t.suffix, t.scalar = 8, "PD", "SD"
				t.name = t.name[:len(t.name)-2] + "64"
			}
			if tier == "avx2" && elem == "float32" {
				// Ones and then zeros, to load a mask from.
				f.Words("gemmMasks", ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), 0, 0, 0, 0, 0, 0, 0, 0)
			}
			for _, s := range t.heights {
				t.tile(s.vecs, s.rows)
			}
			if t.wide() {
				t.tileAhead(14)
			}
			t.dots()
			t.packCopy()
			t.packTurn()
		}
		files = append(files, f)
	}
	return files
}

// v names vector register i.
func (t *gemmTarget) v(i int) string { return fmt.Sprintf("%s%d", t.reg, i) }

func vregs(reg string, from, n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("%s%d", reg, from+i)
	}
	return s
}

func (t *gemmTarget) lanes() int { return t.vec / t.size }
func (t *gemmTarget) wide() bool { return t.vec == 64 }
func (t *gemmTarget) shift() int { return map[int]int{4: 2, 8: 3}[t.size] }

// fn starts a function and loads its integer parameters; those scaled are
// turned from elements into bytes.
func (t *gemmTarget) fn(name, doc, params string, load [][2]string, scaled ...string) *Func {
	fn := t.file.Func(name+t.name, name+t.name+" "+doc, params, "")
	for _, l := range load {
		fn.I("MOVQ", fn.Arg(l[0]), l[1])
	}
	for _, r := range scaled {
		fn.I("SHLQ", t.shift(), r)
	}
	return fn
}

// lanesMask makes the mask of the first lanes, as many as register n says; in
// AVX2 it is put in vector register to, in AVX-512 in K1. n and tmp are lost.
func (t *gemmTarget) lanesMask(fn *Func, n, tmp, to string) {
	if t.wide() {
		fn.I("MOVQ", -1, tmp)
		fn.I("BZHIQ", n, tmp, tmp)
		fn.I("KMOVW", tmp, "K1")
		return
	}
	fn.I("SHLQ", t.shift(), n)
	fn.I("LEAQ", "gemmMasks<>+32(SB)", tmp)
	fn.I("SUBQ", n, tmp)
	fn.I("VMOVUPS", Mem(tmp, 0), to)
}

// load and store move the lanes of the mask, all if mask is empty.
func (t *gemmTarget) load(fn *Func, mem, to, mask string) {
	switch {
	case mask == "":
		fn.I("VMOVUPS", mem, to)
	case t.wide():
		fn.I("VMOVU"+t.suffix+".Z", mem, mask, to)
	default:
		fn.I("VMASKMOV"+t.suffix, mem, mask, to)
	}
}

func (t *gemmTarget) store(fn *Func, from, mem, mask string) {
	switch {
	case mask == "":
		fn.I("VMOVUPS", from, mem)
	case t.wide():
		fn.I("VMOVU"+t.suffix, from, mask, mem)
	default:
		fn.I("VMASKMOV"+t.suffix, from, mask, mem)
	}
}

func (t *gemmTarget) zero(fn *Func, r string) {
	if t.wide() {
		fn.I("VPXORD", r, r, r)
	} else {
		fn.I("VXORPS", r, r, r)
	}
}

// tile emits the micro-kernel of a width, with an entry for every height.
func (t *gemmTarget) tile(vecs, maxRows int) {
	fn := t.tileFunc(fmt.Sprintf("tile%d", vecs), fmt.Sprintf(`computes 1 to %d rows by %d vectors, of the last one tail
lanes: with acc(i,j) the sum over p < k, k > 0, of a[i*ar+p*ac]*b[p*br+j],
c[i*ldc+j] is set to acc, or acc is added to it.`, maxRows, vecs), "tail int, add bool", maxRows)
	masks := []string{""}
	if vecs <= 2 {
		masks = append(masks, t.tailMask())
	}
	for _, mask := range masks {
		masked := fn.NewLabel("masked")
		if vecs <= 2 && mask == "" {
			fn.I("CMPQ", fn.Arg("tail"), t.lanes())
			fn.I("JNE", masked)
		}
		if mask != "" {
			fn.I("MOVQ", fn.Arg("tail"), "R14")
			t.lanesMask(fn, "R14", "R15", mask)
		}
		t.tileHeights(fn, vecs, maxRows, mask, false)
		if vecs <= 2 && mask == "" {
			fn.Label(masked)
		}
	}
}

// tileAhead emits the tile of two whole vectors that fetches what comes next.
// In AVX2 a term takes too few cycles to do this beside the sums.
func (t *gemmTarget) tileAhead(maxRows int) {
	fn := t.tileFunc("tileAhead", `is tile2 for whole vectors. While p < k-until, it fetches
next[p*step] and what follows it, as wide as the tile, into the cache.`, fmt.Sprintf("add bool, next *%s, step int, until int", t.elem), maxRows)
	t.tileHeights(fn, 2, maxRows, "", true)
}

// tileFunc begins a micro-kernel.
func (t *gemmTarget) tileFunc(name, doc, params string, maxRows int) *Func {
	fn := t.fn(name, doc,
		fmt.Sprintf("rows int, k int, a *%[1]s, ar int, ac int, b *%[1]s, br int, c *%[1]s, ldc int, %[2]s", t.elem, params),
		[][2]string{{"rows", "SI"}, {"k", "DX"}, {"a", "AX"}, {"ar", "R8"}, {"ac", "R13"}, {"b", "CX"}, {"br", "R10"}, {"c", "DI"}, {"ldc", "R11"}},
		"R8", "R13", "R10", "R11")
	fn.I("LEAQ", Idx("R8", "R8", 2, 0), "R9")
	if maxRows > 5 { // row 5
		fn.I("LEAQ", Idx("AX", "R8", 4, 0), "BX")
		fn.I("ADDQ", "R8", "BX")
	}
	if maxRows > 10 { // row 10
		fn.I("LEAQ", Idx("BX", "R8", 4, 0), "R12")
		fn.I("ADDQ", "R8", "R12")
	}
	return fn
}

// tailMask names the register that holds the mask of the last vector.
func (t *gemmTarget) tailMask() string {
	if t.wide() {
		return "K1"
	}
	return "Y15"
}

func (t *gemmTarget) tileHeights(fn *Func, vecs, maxRows int, mask string, ahead bool) {
	labels := make([]string, maxRows+1)
	for r := range labels {
		labels[r] = fn.NewLabel("rows")
	}
	store := fn.NewLabel("store")
	t.choose(fn, labels, 1, maxRows)
	for r := maxRows; r >= 1; r-- {
		fn.Label(labels[r])
		t.tileLoop(fn, vecs, r, mask, store, ahead)
	}
	// Rows are written in order, and the last one ends.
	fn.Label(store)
	done := fn.NewLabel("done")
	plain := fn.NewLabel("plain")
	for _, add := range []bool{true, false} {
		if add {
			fn.I("CMPB", fn.Arg("add"), 0)
			fn.I("JEQ", plain)
		} else {
			fn.Label(plain)
		}
		for r := range maxRows {
			for v := range vecs {
				m, acc, mem := "", t.v(r*vecs+v), Mem("DI", v*t.vec)
				if v == vecs-1 {
					m = mask
				}
				switch {
				case !add:
				case m == "" || t.wide():
					if m != "" {
						fn.I("VADD"+t.suffix, mem, acc, m, acc)
					} else {
						fn.I("VADD"+t.suffix, mem, acc, acc)
					}
				default:
					t.load(fn, mem, t.v(14), m)
					fn.I("VADD"+t.suffix, t.v(14), acc, acc)
				}
				t.store(fn, acc, mem, m)
			}
			if r < maxRows-1 {
				fn.I("DECQ", "SI")
				fn.I("JEQ", done)
				fn.I("ADDQ", "R11", "DI")
			}
		}
		if add {
			fn.I("JMP", done)
		}
	}
	fn.Label(done)
	fn.I("VZEROUPPER")
	fn.I("RET")
}

// choose jumps to labels[SI], known to be in [lo, hi].
func (t *gemmTarget) choose(fn *Func, labels []string, lo, hi int) {
	if lo == hi {
		fn.I("JMP", labels[lo])
		return
	}
	mid := (lo + hi + 1) / 2
	upper := fn.NewLabel("from")
	fn.I("CMPQ", "SI", mid)
	fn.I("JGE", upper)
	t.choose(fn, labels, lo, mid-1)
	fn.Label(upper)
	t.choose(fn, labels, mid, hi)
}

// tileLoop sums a tile of a given height in registers 0 to rows*vecs-1 and goes
// on at store. C and the rows of B that are used in place are fetched ahead.
func (t *gemmTarget) tileLoop(fn *Func, vecs, rows int, mask, store string, ahead bool) {
	row := func(r int) string {
		base := []string{"AX", "BX", "R12"}[r/5]
		switch r % 5 {
		case 0:
			return Mem(base, 0)
		case 3:
			return Idx(base, "R9", 1, 0)
		}
		return Idx(base, "R8", r%5, 0)
	}
	// Rows of C are fetched one at a time, soon enough before the end.
	far := fetchAhead*64/(rows*vecs*t.vec) + 1
	fetch, result, stop := fn.NewLabel("fetch"), fn.NewLabel("result"), fn.NewLabel("stop")
	if ahead {
		fn.I("MOVQ", fn.Arg("next"), "R14")
		fn.I("MOVQ", fn.Arg("step"), "R15")
		fn.I("SHLQ", t.shift(), "R15")
	} else {
		fn.I("MOVQ", "DI", "R14")
	}
	for i := range rows * vecs {
		t.zero(fn, t.v(i))
	}
	if ahead {
		fn.I("CMPQ", "DX", far+rows)
		fn.I("JLT", result)
	}
	fn.I("PCALIGN", 64)
	loop := fn.Label("")
	step := "R11"
	if ahead {
		step = "R15"
		fn.I("CMPQ", "DX", far+rows)
		fn.I("JEQ", result)
		fn.I("CMPQ", "DX", fn.Arg("until"))
		fn.I("JEQ", stop)
		fn.Label(fetch)
	} else {
		fn.I("LEAQ", Mem("DX", -far), "R15")
		fn.I("CMPQ", "R15", rows)
		fn.I("JCC", fetch)
	}
	for v := 0; v < vecs*t.vec; v += 64 {
		fn.I("PREFETCHT0", Mem("R14", v))
	}
	fn.I("ADDQ", step, "R14")
	if !ahead {
		fn.Label(fetch)
	}
	acc := func(r, v int) string { return t.v(r*vecs + v) }
	next := rows * vecs // registers that are not sums
	maskOf := func(v int) string {
		if v == vecs-1 {
			return mask
		}
		return ""
	}
	if t.wide() || vecs > 2 {
		for v := 0; v < vecs*t.vec; v += 64 {
			fn.I("PREFETCHT0", Mem("CX", vecs*t.vec+v))
		}
	}
	if vecs <= 2 { // B in registers, elements of A pass
		limit := t.regs
		if mask != "" && !t.wide() {
			limit--
		}
		spare := min(2, limit-next-vecs)
		for v := range vecs {
			t.load(fn, Mem("CX", v*t.vec), t.v(next+v), maskOf(v))
		}
		for r := range rows {
			x := t.v(next + vecs + r%spare)
			fn.I("VBROADCAST"+t.scalar, row(r), x)
			for v := range vecs {
				fn.I("VFMADD231"+t.suffix, t.v(next+v), x, acc(r, v))
			}
		}
	} else { // elements of A in registers, B passes
		for r := range rows {
			fn.I("VBROADCAST"+t.scalar, row(r), t.v(next+r))
		}
		for v := range vecs {
			b := t.v(next + rows + v%2)
			t.load(fn, Mem("CX", v*t.vec), b, maskOf(v))
			for r := range rows {
				fn.I("VFMADD231"+t.suffix, b, t.v(next+r), acc(r, v))
			}
		}
	}
	fn.I("ADDQ", "R13", "AX")
	if rows > 5 {
		fn.I("ADDQ", "R13", "BX")
	}
	if rows > 10 {
		fn.I("ADDQ", "R13", "R12")
	}
	fn.I("ADDQ", "R10", "CX")
	fn.I("DECQ", "DX")
	fn.I("JNE", loop)
	fn.I("JMP", store)
	if ahead {
		fn.Label(result)
		fn.I("MOVQ", "DI", "R14")
		fn.I("MOVQ", "R11", "R15")
		fn.I("MOVQ", far, fn.Arg("until"))
		fn.I("JMP", fetch)
		fn.Label(stop)
		fn.I("XORQ", "R15", "R15")
		fn.I("JMP", fetch)
	}
}
