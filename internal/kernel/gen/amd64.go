package main

import (
	"fmt"
	"strconv"
)

// AVX2 and AVX512 are the tiers of amd64. AVX-512 here is F, DQ, BW and VL.
var (
	AVX2 = &ISA{
		Name: "avx2", Suffix: "AVX2", Arch: "amd64", Bytes: 32, Vecs: 16, GPRs: amd64GPRs, MemOperands: true,
		reg: func(n int) string { return "Y" + strconv.Itoa(n) }, prefer: amd64Prefer, ints: amd64Ints,
	}
	AVX512 = &ISA{
		Name: "avx512", Suffix: "AVX512", Arch: "amd64", Bytes: 64, Vecs: 32, GPRs: amd64GPRs, MemOperands: true,
		Masks: []string{"K2", "K3", "K4", "K5", "K6", "K7"},
		reg:   func(n int) string { return "Z" + strconv.Itoa(n) }, prefer: amd64Prefer, ints: amd64Ints,
	}
)

// VNNI is AVX-512 with half of its width where there are dot products of bytes.
var VNNI *ISA

// AX, CX and R13 have other uses.
var amd64GPRs = []string{"DI", "SI", "DX", "BX", "R8", "R9", "R10", "R11", "R12", "R14", "R15"}

func init() {
	AVX2.emit, AVX512.emit = amd64Emit, amd64Emit // refers to them
	AVX2.ints.tail, AVX512.ints.tail = avx2Tail, avx512Tail
	VNNI = AVX2.like("avx512", "VNNI")
}

var amd64Ints = intISA{
	Count: "CX", Index: "R13", Scratch: "AX", InMemory: true,
	mem: func(ptr string, size, offset int) string { return Idx(ptr, "R13", size, offset) },
	move: func(k *Kernel, to string, from any) {
		if from == 0 {
			k.I("XORQ", to, to)
		} else {
			k.I("MOVQ", from, to)
		}
	},
	load32: func(k *Kernel, to, ptr string) { k.I("MOVLQSX", Mem(ptr, 0), to) },
	add:    func(k *Kernel, to string, by any) { k.I("ADDQ", by, to) },
	sub: func(k *Kernel, to string, a, b any) {
		switch to {
		case b:
			k.I("NEGQ", to)
			k.I("ADDQ", a, to)
		case a:
			k.I("SUBQ", b, to)
		default:
			k.I("MOVQ", a, to)
			k.I("SUBQ", b, to)
		}
	},
	scale:   func(k *Kernel, to string, shift int) { k.I("SHLQ", shift, to) },
	address: func(k *Kernel, to, ptr, i string, size int) { k.I("LEAQ", Idx(ptr, i, size, 0), to) },
	step: func(k *Kernel, count string, n int, condition, label string) {
		if n == 1 {
			k.I("DECQ", count)
		} else {
			k.I("SUBQ", n, count)
		}
		k.I("J"+condition, label)
	},
	restore: func(k *Kernel, count string, n int, label string) {
		k.I("ADDQ", n, count)
		if label != "" {
			k.I("JZ", label)
		}
	},
	compare: func(k *Kernel, a string, b any, condition, label string) {
		k.I("CMPQ", a, b)
		k.I("J"+condition, label)
	},
	jump: func(k *Kernel, label string) { k.I("JMP", label) },
	ret: func(k *Kernel) {
		k.I("VZEROUPPER")
		k.I("RET")
	},
}

func avx512Tail(k *Kernel) *Value {
	v := &Value{mask: true}
	k.I("MOVL", -1, "AX")
	k.I("BZHIL", "CX", "AX", "AX")
	k.I("KMOVW", "AX", v)
	return v
}

// avx2Tail loads from within a row of ones and zeros.
func avx2Tail(k *Kernel) *Value {
	v := &Value{}
	k.I("LEAQ", k.file.lanes()+"<>+32(SB)", "AX")
	k.I("SHLQ", k.elem.shift(), "CX")
	k.I("SUBQ", "CX", "AX")
	k.I("VMOVDQU", "(AX)", v)
	return v
}

// amd64Prefer lets a multiply-add write over the addend, or over a factor. It
// must have a register of its own where two operands are constants: one of
// them is loaded there first.
func amd64Prefer(in *item) (order []int, ok bool) {
	switch in.op {
	case "fma", "fnma":
		a, b, c := in.src[0], in.src[1], in.src[2]
		if c.constant && (a.constant || b.constant) {
			return nil, false
		}
		return []int{2, 0, 1}, true
	}
	for i := range in.src {
		order = append(order, i)
	}
	return order, true
}

var amd64Floats = map[string]string{
	"add": "VADD", "sub": "VSUB", "mul": "VMUL", "div": "VDIV", "max": "VMAX", "min": "VMIN",
	"and": "VAND", "or": "VOR", "xor": "VXOR", "andnot": "VANDN",
}

var amd64Integers = map[string]string{"addint": "VPADD", "subint": "VPSUB", "shl": "VPSLL", "shr": "VPSRL"}

func amd64Emit(k *Kernel, in *item) {
	p, q, ss := "PS", "D", "SS"
	if k.elem == F64 {
		p, q, ss = "PD", "Q", "SD"
	}
	w := k.Func.I
	wide := k.isa.Bytes == 64
	d := ""
	if in.dst != nil {
		d = in.dst.reg
	}
	src := func(i int) string { return in.src[i].reg }
	switch in.op {
	case "add", "sub", "mul", "div", "max", "min", "and", "or", "xor", "andnot":
		w(amd64Floats[in.op]+p, src(1), src(0), d)
	case "addint", "subint":
		w(amd64Integers[in.op]+q, src(1), src(0), d)
	case "shl", "shr":
		w(amd64Integers[in.op]+q, in.imm, src(0), d)
	case "sqrt":
		w("VSQRT"+p, src(0), d)
	case "round":
		w(map[bool]string{false: "VROUND", true: "VRNDSCALE"}[wide]+p, 8, src(0), d)
	case "scalef": // AVX-512 alone: a·2^⌊b⌋, with subnormal results and overflow
		w("VSCALEF"+p, src(1), src(0), d)
	case "getexp", "getmant": // AVX-512 alone
		if in.op == "getexp" {
			w("VGETEXP"+p, src(0), d)
		} else {
			w("VGETMANT"+p, in.imm, src(0), d)
		}
	case "fma", "fnma":
		amd64FMA(k, map[string]string{"fma": "VFMADD", "fnma": "VFNMADD"}[in.op], p, in)
	case "mov":
		if src(0) != d {
			w("VMOVUP"+p[1:], src(0), d)
		}
	case "const":
		w("VMOVUP"+p[1:], in.mem, d)
	case "broadcast":
		w("VBROADCAST"+ss, in.mem, d)
	case "splat":
		w("VBROADCAST"+ss, "X"+src(0)[1:], d)
	case "first":
		w("VMOV"+ss, "X"+src(0)[1:], in.mem)
	case "load":
		w("VMOVUP"+p[1:], in.mem, d)
	case "store":
		w("VMOVUP"+p[1:], src(0), in.mem)
	case "loadtail":
		if wide {
			w("VMOVUP"+p[1:]+".Z", in.mem, src(0), d)
		} else {
			w("VMASKMOV"+p, in.mem, src(0), d)
		}
	case "storetail":
		if wide {
			w("VMOVUP"+p[1:], src(0), src(1), in.mem)
		} else {
			w("VMASKMOV"+p, src(0), src(1), in.mem)
		}
	case "cmp":
		w("VCMP"+p, in.imm, src(1), src(0), d)
	case "above": // of signed integers
		w("VPCMPGT"+q, src(1), src(0), d)
	case "atleast": // of unsigned integers, AVX-512 alone
		w("VPCMPU"+q, 5, src(1), src(0), d)
	case "joinmasks":
		if wide {
			w("KUNPCKBW", src(0), src(1), d)
		} else { // a half of every mask
			w("VSHUFPS", 0x88, src(1), src(0), d)
			w("VPERMQ", 0xd8, d, d)
		}
	case "only":
		if wide {
			w("VMOVUP"+p[1:]+".Z", src(1), src(0), d)
		} else {
			w("VAND"+p, src(0), src(1), d)
		}
	case "mul64": // AVX-512 alone
		w("VPMULLQ", src(1), src(0), d)
	case "mullow": // 64-bit products of the lower halves
		w("VPMULUDQ", src(1), src(0), d)
	case "select":
		if wide {
			w("VBLENDM"+p, src(1), src(2), src(0), d)
		} else {
			w("VBLENDV"+p, src(0), src(1), src(2), d)
		}
	case "reduce":
		op := amd64Floats[in.mem] + p
		if in.mem == "maxint" {
			op = "VPMAXSD"
		}
		amd64Reduce(k, op, d[1:], src(0)[1:], src(1)[1:])
	default:
		if !amd64Narrow(k, in) {
			panic("no operation " + in.op)
		}
	}
}

// amd64FMA chooses the form by where the result goes: 231 adds to it, 213 and
// 132 multiply it.
func amd64FMA(k *Kernel, op, p string, in *item) {
	a, b, c, d := in.src[0].reg, in.src[1].reg, in.src[2].reg, in.dst.reg
	memory := func(s string) bool { return s[len(s)-1] == ')' }
	if memory(a) {
		a, b = b, a
	}
	w := k.Func.I
	switch {
	case d == c:
		w(op+"231"+p, b, a, d)
	case d == a && !memory(b):
		w(op+"213"+p, c, b, d)
	case d == a:
		w(op+"132"+p, b, c, d)
	case d == b:
		w(op+"213"+p, c, a, d)
	case memory(c) && memory(b):
		w("VMOVUP"+p[1:], b, d)
		w(op+"213"+p, c, a, d)
	default:
		w("VMOVUP"+p[1:], c, d)
		w(op+"231"+p, b, a, d)
	}
}

// amd64Reduce combines halves until one element is left.
func amd64Reduce(k *Kernel, op, d, v, scratch string) {
	w := k.Func.I
	if k.isa.Bytes == 64 {
		w("VEXTRACTF64X4", 1, "Z"+v, "Y"+scratch)
		w(op, "Y"+scratch, "Y"+v, "Y"+d)
		w("VEXTRACTF32X4", 1, "Y"+d, "X"+scratch)
		w(op, "X"+scratch, "X"+d, "X"+d)
	} else {
		w("VEXTRACTF128", 1, "Y"+v, "X"+scratch)
		w(op, "X"+scratch, "X"+v, "X"+d)
	}
	swaps := []int{1}
	permute := "VPERMILPD"
	if k.elem == F32 {
		swaps, permute = []int{0x4e, 0xb1}, "VPERMILPS"
	}
	for _, s := range swaps {
		w(permute, s, "X"+d, "X"+scratch)
		w(op, "X"+scratch, "X"+d, "X"+d)
	}
}

// lanes adds the row of ones and zeros from which tails' masks are loaded.
func (f *File) lanes() string {
	if !f.hasLanes {
		f.hasLanes = true
		words := make([]uint32, 16)
		for i := range 8 {
			words[i] = 1<<32 - 1
		}
		f.Words("lanes", words...)
	}
	return "lanes"
}

// vector adds a vector of elements of these bits, width bytes wide, to the
// file's table of constants and returns its offset.
func (f *File) vector(elem Elem, width int, bits func(i int) uint64) int {
	words := make([]uint64, width/8)
	for i := range words {
		words[i] = bits(i)
		if elem == F32 {
			words[i] = bits(2*i) | bits(2*i+1)<<32
		}
	}
	key := fmt.Sprint(elem.Size, words)
	if at, ok := f.vectors[key]; ok {
		return at
	}
	if f.vectors == nil {
		f.vectors = map[string]int{}
	}
	at := len(f.vectors) * width
	f.vectors[key] = at
	f.width = width
	for i, w := range words {
		fmt.Fprintf(&f.data, "DATA vectors<>+%d(SB)/8, $%#016x\n", at+8*i, w)
	}
	return at
}
