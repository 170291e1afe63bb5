package main

import (
	"fmt"
	"math"
)

// An Elem is an element type.
type Elem struct {
	Name string // as in Go
	Size int    // bytes
}

var (
	F32 = Elem{"float32", 4}
	F64 = Elem{"float64", 8}
)

// Bits is the element type's size in bits, for names.
func (e Elem) Bits() int { return 8 * e.Size }

// encode returns the bits of x as an element.
func (e Elem) encode(x float64) uint64 {
	if e.Size == 4 {
		return uint64(math.Float32bits(float32(x)))
	}
	return math.Float64bits(x)
}

// An ISA turns the operations of a [Kernel] into instructions.
type ISA struct {
	Name   string // the tier's: avx2, avx512
	Suffix string // of its functions' names
	Arch   string
	Bytes  int      // of a vector
	Vecs   int      // vector registers
	Masks  []string // registers for comparisons' results; none if vectors hold them
	GPRs   []string // registers to hand out for pointers and counts
	// MemOperands says that a constant may stay in memory as an operand.
	MemOperands bool
	// reg names a vector register.
	reg func(n int) string
	// prefer orders the sources whose register the result may best take over
	// when it is free; ok is false if it must not take over any.
	prefer func(in *item) (order []int, ok bool)
	emit   func(k *Kernel, in *item)
	ints   intISA
}

// like returns the ISA as that of another tier.
func (isa *ISA) like(name, suffix string) *ISA {
	other := *isa
	other.Name, other.Suffix = name, suffix
	return &other
}

// A Value is a vector, or a comparison's result, of a kernel: a temporary, a
// variable or a constant. Registers are given when the kernel is complete.
type Value struct {
	constant bool
	forced   bool   // a constant that must be in a register
	mask     bool   // in a mask register
	offset   int    // of a constant in the file's table
	uses     []int  // items
	from, to int    // life, as items
	reg      string // or the operand of memory
}

// A Kernel is a function written once in operations on vectors, for one
// [ISA] and element type. Operations return new values; a value that is set
// again ([Kernel.Set]) is a variable. Registers need no care: a value lives
// from the first mention to the last one, or to the end of a loop that it
// enters from outside. Constants stay in registers as far as there are some.
type Kernel struct {
	*Func
	isa    *ISA
	elem   Elem
	items  []item
	loops  [][2]int
	tail   *Value // in the tail of a loop: the mask of elements that are there
	gprs   []string
	consts map[int]*Value // by offset
}

// An item is an operation, or a line of text.
type item struct {
	op    string
	elem  Elem
	dst   *Value
	src   []*Value
	imm   int
	mem   string
	words []any // of a line of text, with values among them
	fixed bool  // values of the item must have different registers
}

// Kernel starts a function for an ISA and element type; its name gets the
// bits of the type and the ISA's suffix.
func (f *File) Kernel(isa *ISA, elem Elem, name, doc, params, result string) *Kernel {
	full := fmt.Sprintf("%s%d%s", name, elem.Bits(), isa.Suffix)
	return f.Named(isa, elem, full, full+" "+doc, params, result)
}

// Named is Kernel with the whole name and doc comment.
func (f *File) Named(isa *ISA, elem Elem, name, doc, params, result string) *Kernel {
	return &Kernel{
		Func: f.Func(name, doc, params, result), isa: isa, elem: elem,
		gprs: isa.GPRs, consts: map[int]*Value{},
	}
}

// Lanes is the number of elements in a vector.
func (k *Kernel) Lanes() int { return k.isa.Bytes / k.elem.Size }

// Is reports whether the kernel is for the tier.
func (k *Kernel) Is(isa *ISA) bool { return k.isa == isa }

func (k *Kernel) add(in item) *Value {
	for _, v := range in.src {
		if v.constant && !k.isa.MemOperands {
			v.forced = true
		}
	}
	in.elem = k.elem
	k.items = append(k.items, in)
	return in.dst
}

// As makes the operations of body those of another element type.
func (k *Kernel) As(elem Elem, body func()) {
	old := k.elem
	k.elem = elem
	body()
	k.elem = old
}

// Do emits the named operation of the ISA; see its emit.
func (k *Kernel) Do(op string, src ...*Value) *Value {
	return k.add(item{op: op, dst: &Value{}, src: src})
}

// apart is Do with a result that shares no register with a source.
func (k *Kernel) apart(op string, src ...*Value) *Value {
	return k.add(item{op: op, dst: &Value{}, src: src, fixed: true})
}

func (k *Kernel) doImm(op string, imm int, src ...*Value) *Value {
	return k.add(item{op: op, dst: &Value{}, src: src, imm: imm})
}

// firstInRegister is for operations whose first source cannot be in memory.
func (k *Kernel) firstInRegister(op string, src ...*Value) *Value {
	if src[0].constant {
		src[0].forced = true
	}
	return k.Do(op, src...)
}

// I emits an instruction of the architecture; operands may be values. It
// shadows Func's, which writes at once.
func (k *Kernel) I(op string, operands ...any) {
	k.items = append(k.items, item{words: append([]any{op}, operands...), fixed: true})
}

// Label places a label and returns it; an empty name makes a fresh one.
func (k *Kernel) Label(name string) string {
	if name == "" {
		name = k.NewLabel("l")
	}
	k.items = append(k.items, item{words: []any{name + ":"}})
	return name
}

// New returns a variable without a value yet.
func (k *Kernel) New() *Value { return &Value{} }

// Set gives the variable the value v.
func (k *Kernel) Set(variable, v *Value) {
	if last := &k.items[len(k.items)-1]; last.op != "" && last.dst == v && !v.constant {
		last.dst = variable
		return
	}
	k.add(item{op: "mov", dst: variable, src: []*Value{v}})
}

// Var returns a new variable with the value v.
func (k *Kernel) Var(v *Value) *Value {
	variable := k.New()
	k.add(item{op: "mov", dst: variable, src: []*Value{v}})
	return variable
}

// Vars returns n new variables with the value v.
func (k *Kernel) Vars(n int, v *Value) []*Value {
	vars := make([]*Value, n)
	for i := range vars {
		vars[i] = k.Var(v)
	}
	return vars
}

// Const returns a vector of x in every element.
func (k *Kernel) Const(x float64) *Value { return k.ConstBits(k.elem.encode(x)) }

// ConstBits returns a vector with these bits in every element.
func (k *Kernel) ConstBits(bits uint64) *Value {
	return k.ConstLanes(func(int) uint64 { return bits })
}

// ConstLanes returns a vector with the bits f(i) in element i.
func (k *Kernel) ConstLanes(f func(i int) uint64) *Value {
	offset := k.file.vector(k.elem, k.isa.Bytes, f)
	v := k.consts[offset]
	if v == nil {
		v = &Value{constant: true, offset: offset}
		k.consts[offset] = v
	}
	return v
}

// Pick returns the constant for the element type.
func (k *Kernel) Pick(f32, f64 float64) *Value {
	if k.elem == F32 {
		return k.Const(f32)
	}
	return k.Const(f64)
}

// Broadcast returns a vector of a parameter.
func (k *Kernel) Broadcast(param string) *Value {
	return k.add(item{op: "broadcast", dst: &Value{}, mem: k.Arg(param)})
}

// BroadcastAt returns a vector of the element at ptr plus offset elements.
func (k *Kernel) BroadcastAt(ptr string, offset int) *Value {
	return k.add(item{op: "broadcast", dst: &Value{}, mem: Mem(ptr, offset*k.elem.Size)})
}

// Arithmetic. Max and Min keep a NaN of b; whether they keep one of a is the
// ISA's choice. FMA is a*b+c and FNMA is c-a*b, rounded once. Round is to the
// nearest integer, ties to even.
func (k *Kernel) Add(a, b *Value) *Value {
	a, b = memLast(a, b)
	return k.Do("add", a, b)
}

func (k *Kernel) Mul(a, b *Value) *Value {
	a, b = memLast(a, b)
	return k.Do("mul", a, b)
}

func (k *Kernel) Sub(a, b *Value) *Value     { return k.firstInRegister("sub", a, b) }
func (k *Kernel) Div(a, b *Value) *Value     { return k.firstInRegister("div", a, b) }
func (k *Kernel) Max(a, b *Value) *Value     { return k.firstInRegister("max", a, b) }
func (k *Kernel) Min(a, b *Value) *Value     { return k.firstInRegister("min", a, b) }
func (k *Kernel) Sqrt(a *Value) *Value       { return k.Do("sqrt", a) }
func (k *Kernel) Round(a *Value) *Value      { return k.Do("round", a) }
func (k *Kernel) FMA(a, b, c *Value) *Value  { return k.Do("fma", a, b, c) }
func (k *Kernel) FNMA(a, b, c *Value) *Value { return k.Do("fnma", a, b, c) }
func (k *Kernel) Square(a *Value) *Value     { return k.Do("mul", a, a) }

// Bits. AndNot is b without the bits of a.
func (k *Kernel) And(a, b *Value) *Value {
	a, b = memLast(a, b)
	return k.Do("and", a, b)
}

func (k *Kernel) Or(a, b *Value) *Value {
	a, b = memLast(a, b)
	return k.Do("or", a, b)
}

func (k *Kernel) Xor(a, b *Value) *Value {
	a, b = memLast(a, b)
	return k.Do("xor", a, b)
}

func (k *Kernel) AndNot(a, b *Value) *Value { return k.firstInRegister("andnot", a, b) }

// SignBit is the constant of the sign bit alone.
func (k *Kernel) SignBit() *Value { return k.ConstBits(1 << (k.elem.Bits() - 1)) }

// Neg returns -a, Abs |a| and CopySign a with the sign of b.
func (k *Kernel) Neg(a *Value) *Value { return k.Xor(a, k.SignBit()) }
func (k *Kernel) Abs(a *Value) *Value { return k.And(a, k.ConstBits(1<<(k.elem.Bits()-1)-1)) }
func (k *Kernel) CopySign(a, b *Value) *Value {
	return k.Or(k.Abs(a), k.And(b, k.SignBit()))
}

// AddInt and SubInt take elements as integers of their size; Shl and Shr
// shift by n bits, zeros in.
func (k *Kernel) AddInt(a, b *Value) *Value {
	a, b = memLast(a, b)
	return k.Do("addint", a, b)
}

func (k *Kernel) SubInt(a, b *Value) *Value  { return k.firstInRegister("subint", a, b) }
func (k *Kernel) Shl(a *Value, n int) *Value { return k.doImm("shl", n, a) }
func (k *Kernel) Shr(a *Value, n int) *Value { return k.doImm("shr", n, a) }

// The relations of [Kernel.Cmp], as x86 numbers them; with NaN only NotEqual
// and Unordered hold.
const (
	Equal     = 0
	Less      = 17
	LessEqual = 18
	Unordered = 3
	NotEqual  = 4
	Greater   = 30
)

// Cmp compares a with b, for Select and Only. Compare is another comparison
// of the ISA.
func (k *Kernel) Cmp(relation int, a, b *Value) *Value { return k.Compare("cmp", relation, a, b) }

func (k *Kernel) Compare(op string, relation int, a, b *Value) *Value {
	if a.constant {
		a.forced = true
	}
	return k.add(item{op: op, dst: &Value{mask: len(k.isa.Masks) > 0}, src: []*Value{a, b}, imm: relation})
}

// JoinMasks returns what holds for elements of half the size, from what holds
// for those of two vectors, low first.
func (k *Kernel) JoinMasks(low, high *Value) *Value {
	return k.add(item{op: "joinmasks", dst: &Value{mask: low.mask}, src: []*Value{low, high}})
}

// Only returns v where the comparison holds and 0 elsewhere.
func (k *Kernel) Only(mask, v *Value) *Value { return k.Do("only", mask, v) }

// Select returns a where the comparison holds and b elsewhere.
func (k *Kernel) Select(mask, a, b *Value) *Value {
	if b.constant {
		b.forced = true
	}
	return k.Do("select", mask, a, b)
}

// Sum and Max of the elements, in the first element; Splat spreads that to all.
func (k *Kernel) ReduceSum(v *Value) *Value { return k.reduce("add", v) }
func (k *Kernel) ReduceMax(v *Value) *Value { return k.reduce("max", v) }
func (k *Kernel) Splat(v *Value) *Value     { return k.Do("splat", v) }

func (k *Kernel) reduce(op string, v *Value) *Value {
	scratch := &Value{}
	return k.add(item{op: "reduce", mem: op, dst: &Value{}, src: []*Value{v, scratch}, fixed: true})
}

// Tree combines the values pairwise until one is left.
func (k *Kernel) Tree(f func(a, b *Value) *Value, vs ...*Value) *Value {
	for len(vs) > 1 {
		var next []*Value
		for i := 0; i+1 < len(vs); i += 2 {
			next = append(next, f(vs[i], vs[i+1]))
		}
		if len(vs)%2 == 1 {
			next = append(next, vs[len(vs)-1])
		}
		vs = next
	}
	return vs[0]
}

// StoreFirst writes the first element of v to ptr plus offset elements.
func (k *Kernel) StoreFirst(ptr string, offset int, v *Value) {
	k.add(item{op: "first", mem: Mem(ptr, offset*k.elem.Size), src: []*Value{v}})
}

// Result makes the first element of v the function's result.
func (k *Kernel) Result(v *Value) {
	k.add(item{op: "first", mem: k.Arg("ret"), src: []*Value{v}})
}

func memLast(a, b *Value) (*Value, *Value) {
	if a.constant {
		return b, a
	}
	return a, b
}
