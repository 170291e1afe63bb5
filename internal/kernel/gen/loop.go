package main

// loopISA is what an ISA brings to loops.
type loopISA struct {
	Count, Index string // registers of the elements left and of those done
	// mem is the operand of ptr plus the index plus a number of bytes.
	mem func(ptr string, size, offset int) string
	// begin clears the index and sets the count to n; next takes step elements
	// off the count and jumps if fewer were left; again advances the index and
	// jumps if next would not; rest gives step back and jumps, if there is a
	// label, where none is left.
	begin func(k *Kernel, n string)
	next  func(k *Kernel, step int, label string)
	again func(k *Kernel, step int, label string)
	rest  func(k *Kernel, step int, label string)
	tail  func(k *Kernel) *Value // sets the mask of the elements left
	ret   func(k *Kernel)
	load  func(k *Kernel, param, reg string)
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
	k.isa.loop.load(k, name, r)
	return r
}

// Params is Param for several.
func (k *Kernel) Params(names ...string) (regs []string) {
	for _, n := range names {
		regs = append(regs, k.Param(n))
	}
	return regs
}

// Each runs body over n (a register) elements: unroll vectors at a time, then
// one, then what is left under a mask. body gets the number of the vector in
// its round, from 0, for [Kernel.Load] and to choose among accumulators.
func (k *Kernel) Each(n string, unroll int, body func(u int)) {
	l := &k.isa.loop
	l.begin(k, n)
	if unroll > 1 {
		k.round(unroll, body)
	}
	k.round(1, body)
	done := k.NewLabel("done")
	l.rest(k, k.Lanes(), done)
	k.tail = l.tail(k)
	body(0)
	k.tail = nil
	k.Label(done)
}

func (k *Kernel) round(unroll int, body func(u int)) {
	l := &k.isa.loop
	step := unroll * k.Lanes()
	loop, end := k.NewLabel("loop"), k.NewLabel("end")
	l.next(k, step, end)
	start := len(k.items)
	k.Label(loop)
	for u := range unroll {
		body(u)
	}
	l.again(k, step, loop)
	k.loops = append(k.loops, [2]int{start, len(k.items)})
	k.Label(end)
	if unroll > 1 {
		l.rest(k, step, "")
	}
}

// Loop marks what emit emits as a loop, which it closes with a jump of its
// own to the label, so that values from before it live until its end.
func (k *Kernel) Loop(emit func(label string)) {
	start := len(k.items)
	label := k.Label("")
	emit(label)
	k.items = append(k.items, item{})
	k.loops = append(k.loops, [2]int{start, len(k.items) - 1})
}

// Load reads vector u of a round of [Kernel.Each]; elements that are not
// there are 0.
func (k *Kernel) Load(ptr string, u int) *Value {
	return k.memory("load", &Value{}, ptr, u)
}

// Store writes vector u of a round of [Kernel.Each].
func (k *Kernel) Store(ptr string, u int, v *Value) {
	k.memory("store", nil, ptr, u, v)
}

func (k *Kernel) memory(op string, dst *Value, ptr string, u int, src ...*Value) *Value {
	if k.tail != nil {
		op += "tail"
		src = append(src, k.tail)
	}
	for _, v := range src {
		if v.constant {
			v.forced = true
		}
	}
	return k.add(item{op: op, dst: dst, src: src, mem: k.isa.loop.mem(ptr, k.elem.Size, u*k.isa.Bytes)})
}

// Keep returns v with other in the place of elements that are not there;
// outside of the tail of a loop it is v itself.
func (k *Kernel) Keep(v, other *Value) *Value {
	if k.tail == nil {
		return v
	}
	return k.Select(k.tail, v, other)
}

// End completes the function with its return.
func (k *Kernel) End() {
	k.isa.loop.ret(k)
	k.render()
}
