package main

// Each runs body over n (a register) elements: unroll vectors at a time, then
// one, then what is left under a mask. body gets the number of the vector in
// its round, from 0, for [Kernel.Load] and to choose among accumulators.
func (k *Kernel) Each(n string, unroll int, body func(u int)) {
	l := &k.isa.ints
	k.Move(l.Index, 0)
	k.Move(l.Count, n)
	if unroll > 1 {
		k.round(unroll, body)
	}
	k.round(1, body)
	done := k.NewLabel("done")
	l.restore(k, l.Count, k.Lanes(), done)
	k.tail = l.tail(k)
	body(0)
	k.tail = nil
	k.Label(done)
}

func (k *Kernel) round(unroll int, body func(u int)) {
	l := &k.isa.ints
	step := unroll * k.Lanes()
	loop, end := k.NewLabel("loop"), k.NewLabel("end")
	l.step(k, l.Count, step, "LT", end)
	start := len(k.items)
	k.Label(loop)
	for u := range unroll {
		body(u)
	}
	k.Advance(l.Index, step)
	l.step(k, l.Count, step, "GE", loop)
	k.loops = append(k.loops, [2]int{start, len(k.items)})
	k.Label(end)
	if unroll > 1 {
		l.restore(k, l.Count, step, "")
	}
}

// Repeat runs body count times, at least once; count, a register or from
// [Kernel.Operand], is zero then.
func (k *Kernel) Repeat(count string, body func()) {
	k.loop(func(label string) {
		body()
		k.isa.ints.step(k, count, 1, "NE", label)
	})
}

// loop marks what emit emits as a loop, which it closes with a jump to the
// label, so that values from before it live until its end.
func (k *Kernel) loop(emit func(label string)) {
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
	return k.add(item{op: op, dst: dst, src: src, mem: k.isa.ints.mem(ptr, k.elem.Size, u*k.isa.Bytes)})
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
	k.isa.ints.ret(k)
	k.render()
}
