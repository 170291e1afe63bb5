package main

// Operations on elements narrower than a float32, and on parts of vectors.

// LoadAt and StoreAt move a vector; mem is an operand of the architecture.
func (k *Kernel) LoadAt(mem string) *Value { return k.loadAs("loadat", mem) }

func (k *Kernel) StoreAt(mem string, v *Value) {
	k.add(item{op: "storeat", mem: mem, src: []*Value{v}})
}

// StoreQuarter writes the first 16 bytes of v.
func (k *Kernel) StoreQuarter(mem string, v *Value) {
	k.add(item{op: "storequarter", mem: mem, src: []*Value{v}})
}

// loadAs loads by an operation of the ISA: loadbf16 and loadf16 widen elements
// to float32, loadint8 to integers, spreadf16 and broadcast have one in all lanes.
func (k *Kernel) loadAs(op, mem string) *Value {
	return k.add(item{op: op, dst: &Value{}, mem: mem})
}

// At is LoadAt for a single use, and memory as an operand if there is that.
func (k *Kernel) At(mem string) *Value {
	if k.isa.MemOperands {
		return &Value{constant: true, reg: mem}
	}
	return k.LoadAt(mem)
}

// Zero returns a variable that is zero, and zeros n of them.
func (k *Kernel) Zero() *Value { return k.Do("zero") }

func (k *Kernel) zeros(n int) []*Value {
	vs := make([]*Value, n)
	for i := range vs {
		vs[i] = k.Zero()
	}
	return vs
}

// Operations for [Kernel.Do] on bytes, and on their sums. mulbytes multiplies
// bytes and adds neighbours to 16 bits (x86: unsigned bytes by signed ones),
// addshorts adds neighbours of that to 32 bits, and dotbytes does both and adds
// to its first source. float and round32 convert from and to 32-bit integers,
// maxint is the larger of those, maxnum b where a is NaN. packints and then
// packshorts narrow two vectors to half the size, AVX2 within each half.
// high, addlow and pairs add up: the upper half, half a vector, and neighbours
// of two vectors of four elements.

// amd64Narrow emits the operations of this file.
func amd64Narrow(k *Kernel, in *item) bool {
	w := k.Func.I
	d, src := "", func(i int) string { return in.src[i].reg }
	if in.dst != nil {
		d = in.dst.reg
	}
	x := func(reg string) string { return "X" + reg[1:] }
	half := func(reg string) string { // of in.imm bytes
		return map[int]string{32: "Y", 16: "X"}[in.imm] + reg[1:]
	}
	ops := map[string]string{
		"absbytes": "VPABSB", "signbytes": "VPSIGNB", "mulbytes": "VPMADDUBSW", "addshorts": "VPMADDWD",
		"float": "VCVTDQ2PS", "round32": "VCVTPS2DQ", "maxint": "VPMAXSD", "maxnum": "VMAXPS",
		"packints": "VPACKSSDW", "packshorts": "VPACKSSWB",
	}
	switch in.op {
	case "absbytes", "float", "round32":
		w(ops[in.op], src(0), d)
	case "signbytes", "mulbytes", "addshorts", "maxint", "maxnum", "packints", "packshorts":
		w(ops[in.op], src(1), src(0), d)
	case "dotbytes":
		k.inPlace(in)
		w("VPDPBUSD", src(2), src(1), d)
	case "permute":
		w("VPERMD", src(0), src(1), d)
	case "zero":
		w("VXORPS", d, d, d)
	case "loadat":
		w("VMOVUPS", in.mem, d)
	case "storeat":
		w("VMOVUPS", src(0), in.mem)
	case "storequarter":
		w("VMOVUPS", x(src(0)), in.mem)
	case "loadbf16":
		w("VPMOVZXWD", in.mem, d)
		w("VPSLLD", 16, d, d)
	case "loadf16":
		w("VCVTPH2PS", in.mem, d)
	case "spreadf16":
		h := x(d)
		if k.isa.Bytes == 64 {
			h = "Y" + d[1:]
		}
		w("VPBROADCASTW", in.mem, h)
		w("VCVTPH2PS", h, d)
	case "loadint8":
		w("VPMOVSXBD", in.mem, d)
	case "high":
		switch {
		case in.imm == 32:
			w("VEXTRACTF64X4", 1, src(0), half(d))
		case k.isa.Vecs == 32:
			w("VEXTRACTF32X4", 1, "Y"+src(0)[1:], half(d))
		default:
			w("VEXTRACTF128", 1, "Y"+src(0)[1:], half(d))
		}
	case "addlow":
		w("VADDPS", half(src(1)), half(src(0)), half(d))
	case "pairs":
		w("VHADDPS", x(src(1)), x(src(0)), x(d))
	default:
		return false
	}
	return true
}

// inPlace makes sure that the result takes over the first source's register.
func (k *Kernel) inPlace(in *item) {
	if in.dst.reg != in.src[0].reg {
		panic(k.name + ": " + in.op + " needs the register of what it adds to")
	}
}

// arm64Narrow emits the operations of this file.
func arm64Narrow(k *Kernel, in *item) bool {
	w := k.Func.I
	d, src := "", func(i int) string { return in.src[i].reg }
	if in.dst != nil {
		d = in.dst.reg
	}
	switch in.op {
	case "float", "round32", "addshorts":
		k.word(in.op, d, src(0), "")
	case "maxint", "maxnum", "packints", "packshorts":
		k.word(in.op, d, src(0), src(1))
	case "mulbytes":
		k.word("smull", d, src(0), src(1))
		k.word("smull2", "V31", src(0), src(1))
		k.word("addpairs", d, d, "V31")
	case "dotbytes":
		k.inPlace(in)
		k.word(in.op, d, src(1), src(2))
	case "joinshorts":
		k.inPlace(in)
		k.word(in.op, d, src(1), "")
	case "pairs":
		k.word("addp", d, src(0), src(1))
	case "zero":
		k.word("xor", d, d, d)
	case "loadat":
		w("FMOVQ", in.mem, "F"+d[1:])
	case "storeat", "storequarter":
		w("FMOVQ", "F"+src(0)[1:], in.mem)
	case "loadbf16", "loadf16":
		w("FMOVD", in.mem, "F"+d[1:])
		k.word(in.op, d, d, "")
	case "loadint8":
		w("FMOVS", in.mem, "F"+d[1:])
		k.word("bytetoshort", d, d, "")
		k.word("shorttoint", d, d, "")
	case "spreadf16":
		w("MOVHU", in.mem, k.Scratch())
		w("VDUP", k.Scratch(), d+".H8")
		k.word("loadf16", d, d, "")
	default:
		return false
	}
	return true
}
