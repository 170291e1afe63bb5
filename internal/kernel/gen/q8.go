package main

import (
	"fmt"
	"math"
)

const (
	q8Values = 32
	q8Block  = 2 + q8Values // bytes: the scale as float16 comes first
	q8XBlock = 4 + q8Values // and in a quantised row of x as float32
)

// q8Dots emits dots of Q8 with quantised rows of x, for k in blocks.
func q8Dots(f *File, isa *ISA) {
	for xs := 1; xs <= 2; xs++ {
		name := fmt.Sprintf("dotsQ8%sx%d", isa.Suffix, xs)
		doc := fmt.Sprintf("%s sets out[i*ldo+j] to the product of row i < %d of x, quantised and ldx\nwords apart, and row j < n of w, ldw bytes apart; k counts blocks.", name, xs)
		dots(f, isa, name, doc, xs, func(d *narrowDots, rows int) [][]*Value {
			sums := make([][]*Value, rows)
			for r := range sums {
				sums[r] = d.zeros(xs)
			}
			d.walk(1, 1, q8Block, q8XBlock, func(int) {
				for r := range rows {
					w := d.q8Weights(r, 0)
					for i := range xs {
						d.Set(sums[r][i], d.addBlock(w, i, 0, sums[r][i]))
					}
				}
			})
			return sums
		}, func(d *narrowDots) *Value {
			sums := d.zeros(dotsSums)
			d.walk(1, dotsSums, q8Block, q8XBlock, func(i int) {
				d.Set(sums[i], d.addBlock(d.q8Weights(0, i), 0, i, sums[i]))
			})
			return d.Tree(d.Add, sums...)
		})
	}
}

// q8Weights are a block: its scale in all lanes, and its bytes. x86 multiplies
// signed bytes with unsigned ones: magnitudes, the other factor getting the sign.
type q8Weights struct {
	scale     *Value
	bytes     []*Value
	magnitude *Value
}

// loadBytes loads the values of a block.
func (k *Kernel) loadBytes(at func(offset int) string, from int) (vs []*Value) {
	for b := 0; b < q8Values; b += k.isa.Bytes {
		vs = append(vs, k.LoadAt(at(from+b)))
	}
	return vs
}

// q8Weights loads block i of row r of w.
func (d *narrowDots) q8Weights(r, i int) (w q8Weights) {
	at := func(offset int) string { return d.w.At(r, i*q8Block+offset) }
	w.bytes = d.loadBytes(at, 2)
	w.scale = d.loadAs("spreadf16", at(0))
	if d.isa.Arch == "amd64" {
		w.magnitude = d.Do("absbytes", w.bytes[0])
	}
	return w
}

// addBlock returns sum plus the product of w and block i of row r of x.
func (d *narrowDots) addBlock(w q8Weights, r, i int, sum *Value) *Value {
	at := func(offset int) string { return d.x.At(r, i*q8XBlock+offset) }
	x := d.loadBytes(at, 4)
	var dot *Value
	switch d.isa {
	case AVX2:
		pairs := d.Do("mulbytes", w.magnitude, d.Do("signbytes", x[0], w.bytes[0]))
		dot = d.Do("addshorts", pairs, d.ConstBits(1<<16|1))
	case VNNI:
		signed := d.Do("signbytes", x[0], w.bytes[0])
		dot = d.Do("dotbytes", d.Zero(), w.magnitude, signed)
	case NEON:
		first, second := d.apart("mulbytes", w.bytes[0], x[0]), d.apart("mulbytes", w.bytes[1], x[1])
		dot = d.Do("joinshorts", d.Do("addshorts", first), second)
	case DotProd:
		dot = d.Do("dotbytes", d.Zero(), w.bytes[0], x[0])
		dot = d.Do("dotbytes", dot, w.bytes[1], x[1])
	}
	factor := d.Mul(w.scale, d.loadAs("broadcast", at(0)))
	return d.FMA(d.Do("float", dot), factor, sum)
}

// q8Quantise emits the rounding of a row of x to 8 bits.
func q8Quantise(f *File, isa *ISA) {
	k := f.Named(isa, F32, "quantiseQ8"+isa.Suffix, "quantiseQ8"+isa.Suffix+" is quantiseQ8 for n > 0 blocks.",
		"n int, dst *float32, src *float32", "")
	p := k.Params("n", "dst", "src")
	n, dst, src := p[0], p[1], p[2]
	k.Repeat(n, func() {
		var x, magnitudes []*Value
		for b := 0; b < 4*q8Values; b += isa.Bytes {
			v := k.LoadAt(Mem(src, b))
			x, magnitudes = append(x, v), append(magnitudes, k.Abs(v))
		}
		// As integers, so that NaN is the largest and infinity the next.
		larger := func(a, b *Value) *Value { return k.Do("maxint", a, b) }
		top := k.reduce("maxint", k.Tree(larger, magnitudes...))
		k.StoreFirst(dst, 0, k.Mul(top, k.Const(1.0/127)))
		inverse := k.Splat(k.Div(k.Const(127), top))
		inverse = k.Only(k.Cmp(Less, inverse, k.Const(math.Inf(1))), inverse)
		var q []*Value
		for i, v := range x {
			x[i] = k.Do("round32", k.Do("maxnum", k.Mul(v, inverse), k.Const(-128))) // for NaN too
		}
		for i := 0; i < len(x); i += 4 {
			low, high := k.Do("packints", x[i], x[i+1]), k.Do("packints", x[i+2], x[i+3])
			q = append(q, k.Do("packshorts", low, high))
		}
		if isa == AVX2 { // packs within halves
			order := k.ConstLanes(func(i int) uint64 { return uint64(i%2*4 + i/2) })
			order.forced = true
			q[0] = k.Do("permute", q[0], order)
		}
		for i, v := range q {
			k.StoreAt(Mem(dst, 4+i*isa.Bytes), v)
		}
		k.Advance(src, 4*q8Values)
		k.Advance(dst, q8XBlock)
	})
	k.End()
}
