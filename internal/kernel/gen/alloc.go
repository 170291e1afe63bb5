package main

import (
	"fmt"
	"slices"
	"strings"
)

// render gives every value a register and writes the function.
func (k *Kernel) render() {
	peak := k.allocate(k.lives())
	for over := k.overflow(peak); len(over) > 0; over = k.overflow(peak) {
		k.demote(over)
		peak = k.allocate(k.lives())
	}
	k.hoist(peak)
	for i := range k.items {
		k.write(&k.items[i])
	}
}

// lives finds where each value is first and last mentioned.
func (k *Kernel) lives() []*Value {
	var values []*Value
	seen := map[*Value]bool{}
	for i := range k.items {
		for _, v := range k.items[i].values() {
			v.uses = nil
		}
	}
	for i := range k.items {
		for _, v := range k.items[i].values() {
			if !seen[v] {
				seen[v] = true
				values = append(values, v)
			}
			v.uses = append(v.uses, i)
		}
	}
	for _, v := range values {
		v.from, v.to = v.uses[0], v.uses[len(v.uses)-1]
		for _, l := range k.loops { // inner ones come first
			inside := slices.ContainsFunc(v.uses, func(u int) bool { return l[0] <= u && u <= l[1] })
			if inside && v.from < l[0] {
				v.to = max(v.to, l[1])
			}
		}
	}
	return values
}

func (in *item) values() []*Value {
	var vs []*Value
	vs = append(vs, in.src...)
	if in.dst != nil {
		vs = append(vs, in.dst)
	}
	for _, w := range in.words {
		if v, ok := w.(*Value); ok {
			vs = append(vs, v)
		}
	}
	return vs
}

// allocate gives registers to all but constants, in the order of the items,
// and returns how many vector registers that takes.
func (k *Kernel) allocate(values []*Value) int {
	starts, ends := map[int][]*Value{}, map[int][]*Value{}
	for _, v := range values {
		if !v.constant {
			starts[v.from] = append(starts[v.from], v)
			ends[v.to] = append(ends[v.to], v)
		}
	}
	busy := map[string]bool{}
	peak := 0
	take := func(v *Value, wish string) {
		if wish != "" && !busy[wish] {
			v.reg = wish
		} else if v.mask {
			v.reg = k.free(k.isa.Masks, busy)
		} else {
			var names []string
			for n := range k.isa.Vecs {
				names = append(names, k.isa.reg(n))
			}
			v.reg = k.free(names, busy)
			peak = max(peak, slices.Index(names, v.reg)+1)
		}
		busy[v.reg] = true
	}
	for i := range k.items {
		in := &k.items[i]
		order, ok := k.isa.prefer(in)
		share := ok && !in.fixed && in.dst != nil && in.dst.from == i
		release := func() {
			for _, v := range ends[i] {
				if v.from < i || v != in.dst {
					delete(busy, v.reg)
				}
			}
		}
		if share {
			release()
		}
		for _, v := range starts[i] {
			wish := ""
			if share && v == in.dst {
				for _, s := range order {
					if src := in.src[s]; !src.constant && src.to == i && src.mask == v.mask && !busy[src.reg] {
						wish = src.reg
						break
					}
				}
			}
			take(v, wish)
		}
		if !share {
			release()
		}
		if in.dst != nil && in.dst.from == i && in.dst.to == i {
			delete(busy, in.dst.reg)
		}
	}
	return peak
}

func (k *Kernel) free(names []string, busy map[string]bool) string {
	for _, n := range names {
		if !busy[n] {
			return n
		}
	}
	panic(k.name + ": out of vector registers")
}

// constants returns those in use, first those that must be in a register,
// then those in most use.
func (k *Kernel) constants() []*Value {
	var constants []*Value
	for _, v := range k.consts {
		if len(v.uses) > 0 {
			constants = append(constants, v)
		}
	}
	slices.SortFunc(constants, func(a, b *Value) int {
		if a.forced != b.forced {
			if a.forced {
				return -1
			}
			return 1
		}
		if d := len(b.uses) - len(a.uses); d != 0 {
			return d
		}
		return a.offset - b.offset
	})
	return constants
}

// overflow returns the constants that must be in a register but find none.
func (k *Kernel) overflow(used int) []*Value {
	var forced []*Value
	for _, v := range k.constants() {
		if v.forced {
			forced = append(forced, v)
		}
	}
	return forced[min(len(forced), k.isa.Vecs-used):]
}

// demote loads the constants anew wherever they are used.
func (k *Kernel) demote(constants []*Value) {
	var items []item
	at := make([]int, len(k.items)) // where items went
	for i, in := range k.items {
		for s, v := range in.src {
			if slices.Contains(constants, v) {
				in.src[s] = &Value{}
				items = append(items, item{op: "const", elem: in.elem, dst: in.src[s], mem: v.mem()})
			}
		}
		at[i] = len(items)
		items = append(items, in)
	}
	for i, l := range k.loops {
		k.loops[i] = [2]int{at[l[0]], at[l[1]-1] + 1}
	}
	k.items = items
	for _, v := range constants {
		v.uses = nil
	}
}

// mem is the operand of a constant's place in the file's table.
func (v *Value) mem() string { return fmt.Sprintf("vectors<>+%d(SB)", v.offset) }

// hoist loads as many constants as there are registers left, and names the
// others' memory.
func (k *Kernel) hoist(used int) {
	for _, v := range k.constants() {
		if used == k.isa.Vecs {
			v.reg = v.mem()
			continue
		}
		v.reg = k.isa.reg(used)
		used++
		k.isa.emit(k, &item{op: "const", dst: v, mem: v.mem()})
	}
}

// write writes an item.
func (k *Kernel) write(in *item) {
	switch {
	case in.op != "":
		k.elem = in.elem
		k.isa.emit(k, in)
	case len(in.words) == 1 && strings.HasSuffix(fmt.Sprint(in.words[0]), ":"):
		fmt.Fprintf(&k.body, "\n%s\n", in.words[0])
	case len(in.words) > 0:
		operands := slices.Clone(in.words[1:])
		for i, w := range operands {
			if v, ok := w.(*Value); ok {
				operands[i] = v.reg
			}
		}
		k.Func.I(in.words[0].(string), operands...)
	}
}
