package main

import (
	"fmt"
	"slices"
	"strings"
)

// render gives every value a register and writes the function.
func (k *Kernel) render() {
	values := k.lives()
	peak := k.allocate(values)
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

// hoist loads as many constants as there are registers left, those that must
// be in one first, and names the others' memory.
func (k *Kernel) hoist(used int) {
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
	for _, v := range constants {
		mem := fmt.Sprintf("vectors<>+%d(SB)", v.offset)
		if used == k.isa.Vecs {
			if v.forced {
				panic(k.name + ": out of registers for constants")
			}
			v.reg = mem
			continue
		}
		v.reg = k.isa.reg(used)
		used++
		k.isa.emit(k, &item{op: "const", dst: v, mem: mem})
	}
}

// write writes an item.
func (k *Kernel) write(in *item) {
	switch {
	case in.op != "":
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
