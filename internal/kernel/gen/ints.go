package main

// intISA is what an ISA brings to addresses and counts, which are in its
// general registers. from, by, a and b are registers or numbers, and where
// InMemory says so a parameter's place.
type intISA struct {
	Count, Index string // registers of a loop: the elements left and those done
	Scratch      string // a register that no kernel is given
	InMemory     bool   // a parameter is an operand where it lies
	// mem is the operand of ptr plus the index plus a number of bytes.
	mem     func(ptr string, size, offset int) string
	move    func(k *Kernel, to string, from any)
	load32  func(k *Kernel, to, ptr string)
	add     func(k *Kernel, to string, by any)
	sub     func(k *Kernel, to string, a, b any) // to may be either
	scale   func(k *Kernel, to string, shift int)
	address func(k *Kernel, to, ptr, i string, size int)
	// step takes n off the count and jumps if what is left meets the condition:
	// LT, GE, EQ or NE, to zero; restore gives n back and jumps, if there is a
	// label, where that makes zero; compare jumps by how a is to b.
	step    func(k *Kernel, count string, n int, condition, label string)
	restore func(k *Kernel, count string, n int, label string)
	compare func(k *Kernel, a string, b any, condition, label string)
	jump    func(k *Kernel, label string)
	tail    func(k *Kernel) *Value // the mask of the elements left
	ret     func(k *Kernel)
}

// GPR hands out a register of the architecture.
func (k *Kernel) GPR() string {
	if len(k.gprs) == 0 {
		panic(k.name + ": no registers left")
	}
	r := k.gprs[0]
	k.gprs = k.gprs[1:]
	return r
}

// Param loads a parameter, a pointer or an int, and returns its register.
func (k *Kernel) Param(name string) string {
	r := k.GPR()
	k.Move(r, k.Arg(name))
	return r
}

// Params is Param for several.
func (k *Kernel) Params(names ...string) (regs []string) {
	for _, n := range names {
		regs = append(regs, k.Param(n))
	}
	return regs
}

// Operand returns a parameter for the operations below without a register of
// its own, if the architecture has few: it stays where it lies.
func (k *Kernel) Operand(name string) string {
	if k.isa.ints.InMemory {
		return k.Arg(name)
	}
	return k.Param(name)
}

// Scratch names a register for a value that the next vector operation may lose.
func (k *Kernel) Scratch() string { return k.isa.ints.Scratch }

// Operations on registers. Move sets to = from, LoadInt32 to the int32 at ptr,
// Advance adds, Distance sets to = a-b, Scale shifts left by a number of bits
// and Address sets to = ptr + i·size.
func (k *Kernel) Move(to string, from any)            { k.isa.ints.move(k, to, from) }
func (k *Kernel) LoadInt32(to, ptr string)            { k.isa.ints.load32(k, to, ptr) }
func (k *Kernel) Advance(to string, by any)           { k.isa.ints.add(k, to, by) }
func (k *Kernel) Distance(to string, a, b any)        { k.isa.ints.sub(k, to, a, b) }
func (k *Kernel) Scale(to string, shift int)          { k.isa.ints.scale(k, to, shift) }
func (k *Kernel) Address(to, ptr, i string, size int) { k.isa.ints.address(k, to, ptr, i, size) }

// shift is the logarithm of the element's size.
func (e Elem) shift() int { return e.Size/4 + 1 }

// Strides loads distances between rows and turns them from elements to bytes.
func (k *Kernel) Strides(names ...string) (regs []string) {
	for _, n := range names {
		r := k.Param(n)
		k.Scale(r, k.elem.shift())
		regs = append(regs, r)
	}
	return regs
}

// Rows walk along rows of memory a distance apart, side by side. With few
// registers and rich operands that is one pointer, else one for each.
type Rows struct {
	k      *Kernel
	rows   int // in use
	stride string
	triple string
	ptrs   []string
}

// Rows prepares for up to n rows, at most four; stride, in bytes, counts for
// more than one.
func (k *Kernel) Rows(n int, stride string) *Rows {
	r := &Rows{k: k, rows: n, stride: stride}
	for range n {
		r.ptrs = append(r.ptrs, k.GPR())
		if k.isa.ints.InMemory {
			break
		}
	}
	if len(r.ptrs) < 4 && n == 4 {
		r.triple = k.GPR()
		k.Address(r.triple, stride, stride, 2)
	}
	return r
}

// Row walks from ptr along a single row.
func (k *Kernel) Row(ptr string) *Rows { return &Rows{k: k, rows: 1, ptrs: []string{ptr}} }

// Start goes to the beginning of n rows, of which ptr is the first.
func (r *Rows) Start(ptr string, n int) {
	r.rows = n
	r.k.Move(r.ptrs[0], ptr)
	for i := 1; i < min(n, len(r.ptrs)); i++ {
		r.k.Address(r.ptrs[i], r.ptrs[i-1], r.stride, 1)
	}
}

// StartRow goes to the beginning of row i alone, which is row 0 then.
func (r *Rows) StartRow(ptr string, i int) {
	r.rows = 1
	switch {
	case i == 0:
		r.k.Move(r.ptrs[0], ptr)
	case i < 3:
		r.k.Address(r.ptrs[0], ptr, r.stride, i)
	case r.triple != "":
		r.k.Address(r.ptrs[0], ptr, r.triple, 1)
	default:
		r.k.Address(r.ptrs[0], ptr, r.stride, 2)
		r.k.Address(r.ptrs[0], r.ptrs[0], r.stride, 1)
	}
}

// At is the operand of what comes some bytes after the place in row i.
func (r *Rows) At(i, offset int) string {
	switch {
	case i < len(r.ptrs):
		return Mem(r.ptrs[i], offset)
	case i == 3:
		return Idx(r.ptrs[0], r.triple, 1, offset)
	}
	return Idx(r.ptrs[0], r.stride, i, offset)
}

// Advance moves all on.
func (r *Rows) Advance(bytes int) {
	for i := range min(r.rows, len(r.ptrs)) {
		r.k.Advance(r.ptrs[i], bytes)
	}
}
