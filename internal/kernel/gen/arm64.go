package main

import (
	"fmt"
	"strconv"
	"strings"
)

// NEON is the tier of arm64: 128-bit vectors without masks for part of one, so
// tails are loaded and stored an element at a time. Go's assembler lacks most
// of the vector floating-point instructions; they are emitted as words.
//
// V31 is scratch, and R17 for addresses.
var NEON = &ISA{
	Name: "neon", Suffix: "NEON", Arch: "arm64", Bytes: 16, Vecs: 31,
	GPRs: []string{"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "R19", "R22", "R23", "R24", "R25"},
	reg:  func(n int) string { return "V" + strconv.Itoa(n) }, prefer: arm64Prefer,
	ints: arm64Ints,
}

var arm64Ints = intISA{
	Count: "R20", Index: "R21", Scratch: "R16",
	mem: func(ptr string, _, offset int) string { return ptr + "+" + strconv.Itoa(offset) },
	move: func(k *Kernel, to string, from any) {
		if from == 0 {
			from = "ZR"
		}
		k.I("MOVD", from, to)
	},
	load32: func(k *Kernel, to, ptr string) { k.I("MOVW", Mem(ptr, 0), to) },
	add:    func(k *Kernel, to string, by any) { k.I("ADD", by, to, to) },
	sub:    func(k *Kernel, to string, a, b any) { k.I("SUB", b, a, to) },
	scale:  func(k *Kernel, to string, shift int) { k.I("LSL", shift, to, to) },
	address: func(k *Kernel, to, ptr, i string, size int) {
		if size > 1 {
			i += fmt.Sprintf("<<%d", size/4+1)
		}
		k.I("ADD", i, ptr, to)
	},
	step: func(k *Kernel, count string, n int, condition, label string) {
		k.I("SUBS", n, count, count)
		k.I("B"+condition, label)
	},
	restore: func(k *Kernel, count string, n int, label string) {
		k.I("ADD", n, count, count)
		if label != "" {
			k.I("CBZ", count, label)
		}
	},
	compare: func(k *Kernel, a string, b any, condition, label string) {
		k.I("CMP", b, a)
		k.I("B"+condition, label)
	},
	jump: func(k *Kernel, label string) { k.I("B", label) },
	ret:  func(k *Kernel) { k.I("RET") },
}

// DotProd is NEON where there are dot products of bytes.
var DotProd *ISA

func init() {
	NEON.emit, NEON.ints.tail = arm64Emit, neonTail // refer to it
	DotProd = NEON.like("dotprod", "DotProd")
}

// neonTail loads the mask from within a row of ones and zeros.
func neonTail(k *Kernel) *Value { return k.Do("mask") }

// arm64Prefer lets a multiply-add write over its addend.
func arm64Prefer(in *item) (order []int, ok bool) {
	if in.op == "fma" || in.op == "fnma" {
		return []int{2}, true
	}
	for i := range in.src {
		order = append(order, i)
	}
	return order, true
}

// Encodings for float32 vectors; double turns them into float64 ones.
const double = 1 << 22

var arm64Floats = map[string]uint32{
	"add": 0x4e20d400, "sub": 0x4ea0d400, "mul": 0x6e20dc00, "div": 0x6e20fc00, "max": 0x4e20f400, "min": 0x4ea0f400,
	"addp": 0x6e20d400, "maxp": 0x6e20f400, "fma": 0x4e20cc00, "fnma": 0x4ea0cc00,
	"cmeq": 0x4e20e400, "cmge": 0x6e20e400, "cmgt": 0x6ea0e400,
	"sqrt": 0x6ea1f800, "round": 0x4e218800, "addint": 0x4ea08400, "subint": 0x6ea08400, "atleast": 0x6ea03c00,
}

// Encodings that are the same for both: of bits, and of integers of 64 bits by
// their halves.
var arm64Bits = map[string]uint32{
	"and": 0x4e201c00, "or": 0x4ea01c00, "xor": 0x6e201c00, "bic": 0x4e601c00, "bsl": 0x6e601c00, "not": 0x6e205800,
	"uzp1": 0x4e801800, "rev64": 0x4ea00800, "mulint": 0x4ea09c00, "uaddlp": 0x6ea02800,
	"shl32": 0x4f605400, "xtn": 0x0ea12800, "umlal0": 0x2f802000,
	"smull": 0x0e20c000, "smull2": 0x4e20c000, "addpairs": 0x4e60bc00, "addshorts": 0x4e602800, "joinshorts": 0x4e606800,
	"dotbytes": 0x4e809400, "float": 0x4e21d800, "round32": 0x4e21a800, "maxnum": 0x4e20c400,
	"maxint": 0x4ea06400, "maxintp": 0x4ea0a400, "packints": 0x4e401800, "packshorts": 0x4e001800,
	"bytetoshort": 0x0f08a400, "shorttoint": 0x0f10a400, "loadbf16": 0x2e613800, "loadf16": 0x0e217800,
}

// number is the number of a vector register.
func number(reg string) uint32 {
	n, err := strconv.Atoi(strings.TrimPrefix(reg, "V"))
	if err != nil {
		panic("not a vector register: " + reg)
	}
	return uint32(n)
}

// word emits d = op(n, m) as a word; m may be empty.
func (k *Kernel) word(op, d, n, m string) {
	code, bits := arm64Bits[op]
	if !bits {
		code = arm64Floats[op]
		if k.elem == F64 {
			code += double
		}
	}
	if code == 0 {
		panic("no encoding of " + op)
	}
	note := fmt.Sprintf("%s %s, %s", op, d, n)
	code |= number(n)<<5 | number(d)
	if m != "" {
		code |= number(m) << 16
		note += ", " + m
	}
	k.Func.word(code, note)
}

// word emits an instruction that the assembler lacks.
func (fn *Func) word(code uint32, note string) {
	fmt.Fprintf(&fn.body, "\tWORD $%#08x // %s\n", code, note)
}

func arm64Emit(k *Kernel, in *item) {
	w := k.Func.I
	fmov, lane := "FMOVS", "S"
	if k.elem == F64 {
		fmov, lane = "FMOVD", "D"
	}
	d := ""
	if in.dst != nil {
		d = in.dst.reg
	}
	src := func(i int) string { return in.src[i].reg }
	float := func(reg string) string { return "F" + reg[1:] }
	move := func(from, to string) {
		if from != to {
			k.word("or", to, from, from)
		}
	}
	switch in.op {
	case "add", "sub", "mul", "div", "max", "min", "and", "or", "xor", "addint", "subint":
		k.word(in.op, d, src(0), src(1))
	case "andnot":
		k.word("bic", d, src(1), src(0))
	case "sqrt", "round":
		k.word(in.op, d, src(0), "")
	case "shl", "shr":
		code, bits := uint32(0x4f005400), k.elem.Bits()+in.imm
		if in.op == "shr" {
			code, bits = 0x6f000400, 2*k.elem.Bits()-in.imm
		}
		k.Func.word(code|uint32(bits)<<16|number(src(0))<<5|number(d), fmt.Sprintf("%s %s, %s, %d", in.op, d, src(0), in.imm))
	case "fma", "fnma":
		if d == src(2) || d != src(0) && d != src(1) {
			move(src(2), d)
			k.word(in.op, d, src(0), src(1))
		} else {
			move(src(2), "V31")
			k.word(in.op, "V31", src(0), src(1))
			move("V31", d)
		}
	case "mov":
		move(src(0), d)
	case "const":
		w("MOVD", "$"+in.mem, "R17")
		w("FMOVQ", "(R17)", float(d))
	case "broadcast":
		w(fmov, in.mem, "F31")
		w("VDUP", "V31."+lane+"[0]", d+k.arrangement())
	case "splat":
		w("VDUP", src(0)+"."+lane+"[0]", d+k.arrangement())
	case "first":
		w(fmov, float(src(0)), in.mem)
	case "load", "store":
		at := k.indexed(in.mem)
		if in.op == "load" {
			w("FMOVQ", at, float(d))
		} else {
			w("FMOVQ", float(src(0)), at)
		}
	case "loadtail", "storetail":
		k.indexed(in.mem)
		if in.op == "loadtail" {
			k.word("xor", d, d, d)
		}
		k.each(func(i int) {
			if in.op == "loadtail" {
				w("VLD1.P", fmt.Sprintf("%d(R17)", k.elem.Size), fmt.Sprintf("%s.%s[%d]", d, lane, i))
			} else {
				w("VST1.P", fmt.Sprintf("%s.%s[%d]", src(0), lane, i), fmt.Sprintf("%d(R17)", k.elem.Size))
			}
		})
	case "mask":
		w("MOVD", "$"+k.file.lanes()+"<>+32(SB)", "R17")
		w("SUB", fmt.Sprintf("R20<<%d", k.elem.shift()), "R17", "R17")
		w("FMOVQ", "(R17)", float(d))
	case "cmp":
		k.compare(in.imm, d, src(0), src(1))
	case "atleast":
		k.word("atleast", d, src(0), src(1))
	case "joinmasks":
		k.word("uzp1", d, src(0), src(1))
	case "only":
		k.word("and", d, src(0), src(1))
	case "mul64": // by a constant: the crossed halves, then the lower ones
		k.word("rev64", d, src(0), "")
		k.word("mulint", d, d, src(1))
		k.word("uaddlp", d, d, "")
		k.word("shl32", d, d, "")
		k.word("xtn", "V31", src(0), "")
		k.word("umlal0", d, "V31", src(1))
	case "select":
		move(src(0), "V31")
		k.word("bsl", "V31", src(1), src(2))
		move("V31", d)
	case "reduce":
		k.word(in.mem+"p", d, src(0), src(0))
		if k.elem == F32 {
			k.word(in.mem+"p", d, d, d)
		}
	default:
		if !arm64Narrow(k, in) {
			panic("no operation " + in.op)
		}
	}
}

func (k *Kernel) arrangement() string {
	if k.elem == F64 {
		return ".D2"
	}
	return ".S4"
}

// indexed sets R17 to the address of the element at the index in ptr+offset
// and returns the operand.
func (k *Kernel) indexed(mem string) string {
	ptr, offset, _ := strings.Cut(mem, "+")
	k.Func.I("ADD", fmt.Sprintf("R21<<%d", k.elem.shift()), ptr, "R17")
	if offset == "0" {
		return "(R17)"
	}
	return offset + "(R17)"
}

// each runs f for the elements of a tail, of which there is one at least.
func (k *Kernel) each(f func(i int)) {
	done := k.NewLabel("part")
	for i := range k.Lanes() - 1 {
		if i > 0 {
			k.Func.I("CMP", i, "R20")
			k.Func.I("BLE", done)
		}
		f(i)
	}
	k.Func.Label(done)
}

func (k *Kernel) compare(relation int, d, a, b string) {
	switch relation {
	case Equal:
		k.word("cmeq", d, a, b)
	case NotEqual:
		k.word("cmeq", d, a, b)
		k.word("not", d, d, "")
	case Less:
		k.word("cmgt", d, b, a)
	case LessEqual:
		k.word("cmge", d, b, a)
	case Greater:
		k.word("cmgt", d, a, b)
	case Unordered:
		k.word("cmge", "V31", a, b)
		k.word("cmgt", d, b, a)
		k.word("or", d, d, "V31")
		k.word("not", d, d, "")
	default:
		panic(fmt.Sprint("no relation ", relation))
	}
}
