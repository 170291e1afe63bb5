package main

import "fmt"

// Products of few rows with weights that are stored narrow. A function serves
// a number of rows of x at once and walks the rows of w four at a time, with
// sums for each pair, so that a weight is widened once and used for all rows
// of x. For one row of x, which is all that decoding has, reading w is what
// counts: short rows are then taken one after the other, as in dotsShort.

func narrow() (files []*File) {
	for _, isa := range []*ISA{AVX2, AVX512, NEON} {
		f := NewFile("narrow", isa.Name, isa.Arch)
		rows := 4
		if isa == AVX2 {
			rows = 2 // registers are few
		}
		for xs := 1; xs <= rows; xs++ {
			floatDots(f, isa, "BF16", xs)
			floatDots(f, isa, "F16", xs)
		}
		if isa == AVX512 {
			q8Dots(f, VNNI)
		} else {
			q8Dots(f, isa)
			q8Quantise(f, isa)
		}
		widenFuncs(f, isa)
		files = append(files, f)
	}
	f := NewFile("narrow", DotProd.Name, DotProd.Arch)
	q8Dots(f, DotProd)
	return append(files, f)
}

const quad = 4 // rows of w at a time

// A narrowDots is such a function under way.
type narrowDots struct {
	*Kernel
	w, x  *Rows
	count string // what is left of k
}

// dots emits a function around two bodies. together returns the products of a
// group's rows of w with those of x, at [row of w][row of x], each as a vector
// whose elements are still to be added up. single returns that of the first
// row of w and x: it takes short rows of w if there is one row of x.
func dots(f *File, isa *ISA, name, doc string, xs int, together func(d *narrowDots, rows int) [][]*Value, single func(d *narrowDots) *Value) {
	k := f.Named(isa, F32, name, doc, "n int, k int, w *byte, ldw int, x *float32, ldx int, out *float32, ldo int", "")
	p := k.Params("w", "ldw", "out")
	w, ldw, out := p[0], p[1], p[2]
	n, terms, x := k.Operand("n"), k.Operand("k"), k.Operand("x")
	ld := []string{"", ""}
	if xs > 1 {
		ld = k.Strides("ldx", "ldo")
	}
	d := &narrowDots{k, k.Rows(quad, ldw), k.Rows(xs, ld[0]), k.GPR()}

	groups := func(body func(rows int) [][]*Value) {
		for _, rows := range []int{quad, 1} {
			next := k.NewLabel("next")
			k.loop(func(again string) {
				k.isa.ints.compare(k, n, rows, "LT", next)
				sums := body(rows)
				to := d.count // walks down the column of out
				k.Move(to, out)
				for i := range xs {
					if i > 0 {
						k.Advance(to, ld[1])
					}
					column := make([]*Value, rows)
					for r := range column {
						column[r] = sums[r][i]
					}
					k.storeSums(to, column)
				}
				k.Advance(out, 4*rows)
				k.Distance(n, n, rows)
				k.Address(w, w, ldw, rows)
				k.isa.ints.jump(k, again)
			})
			k.Label(next)
		}
		k.isa.ints.ret(k)
	}

	short := k.NewLabel("short")
	if xs == 1 {
		k.isa.ints.compare(k, ldw, shortRow, "LT", short)
	}
	groups(func(rows int) [][]*Value {
		d.w.Start(w, rows)
		d.start(x, terms)
		return together(d, rows)
	})
	if xs == 1 {
		k.Label(short)
		groups(func(rows int) (sums [][]*Value) {
			for r := range rows {
				d.w.StartRow(w, r)
				d.start(x, terms)
				sums = append(sums, []*Value{single(d)})
			}
			return sums
		})
	}
	k.render()
}

// start puts x and the count at their beginning.
func (d *narrowDots) start(x, terms string) {
	d.x.Start(x, d.x.rows)
	d.Move(d.count, terms)
}

// storeSums writes the sum of the elements of each vector, one or four.
func (k *Kernel) storeSums(to string, vs []*Value) {
	for i, v := range vs {
		for bytes := k.isa.Bytes / 2; bytes >= 16; bytes /= 2 {
			v = k.doImm("addlow", bytes, v, k.doImm("high", bytes, v))
		}
		vs[i] = v
	}
	pairs := func(a, b *Value) *Value { return k.Do("pairs", a, b) }
	if len(vs) == quad {
		k.StoreQuarter(Mem(to, 0), k.Tree(pairs, vs...))
		return
	}
	sum := pairs(vs[0], vs[0])
	k.StoreFirst(to, 0, pairs(sum, sum))
}

// walk runs step over the count, unroll times unit at a time and then unit,
// with the rows of w and x moved on by so many bytes for each.
func (d *narrowDots) walk(unit, unroll, wBytes, xBytes int, step func(i int)) {
	ints := &d.isa.ints
	done := d.NewLabel("done")
	if unroll > 1 {
		ones := d.NewLabel("ones")
		ints.step(d.Kernel, d.count, unroll*unit, "LT", ones)
		d.loop(func(again string) {
			for i := range unroll {
				step(i)
			}
			d.w.Advance(unroll * wBytes)
			d.x.Advance(unroll * xBytes)
			ints.step(d.Kernel, d.count, unroll*unit, "GE", again)
		})
		d.Label(ones)
		ints.restore(d.Kernel, d.count, unroll*unit, done)
	}
	d.loop(func(again string) {
		step(0)
		d.w.Advance(wBytes)
		d.x.Advance(xBytes)
		ints.step(d.Kernel, d.count, unit, "NE", again)
	})
	if unroll > 1 {
		d.Label(done)
	}
}

// floatDots emits dots of bfloat16, float16 or float32 for k a multiple of the
// lanes.
func floatDots(f *File, isa *ISA, typ string, xs int) {
	lanes := isa.Bytes / 4
	name := fmt.Sprintf("dots%s%sx%d", typ, isa.Suffix, xs)
	doc := fmt.Sprintf("%s sets out[i*ldo+j] to the product of row i < %d of x and row j < n of w,\nldw bytes apart; k is a multiple of %d.", name, xs, lanes)
	widen := map[string]string{"BF16": "loadbf16", "F16": "loadf16", "F32": "loadat"}[typ]
	wBytes, xBytes := 2*lanes, 4*lanes
	if typ == "F32" {
		wBytes = xBytes
	}
	dots(f, isa, name, doc, xs, func(d *narrowDots, rows int) [][]*Value {
		// A single row of x has a second set of sums, or each would wait for itself.
		sets := 1
		if xs == 1 {
			sets = 2
		}
		sums := make([][]*Value, rows*xs)
		for i := range sums {
			sums[i] = d.zeros(sets)
		}
		d.walk(lanes, sets, wBytes, xBytes, func(set int) {
			x := make([]*Value, xs)
			for i := range x {
				x[i] = d.LoadAt(d.x.At(i, xBytes*set))
			}
			for r := range rows {
				w := d.loadAs(widen, d.w.At(r, wBytes*set))
				for i := range xs {
					sum := sums[r*xs+i][set]
					d.Set(sum, d.FMA(w, x[i], sum))
				}
			}
		})
		products := make([][]*Value, rows)
		for i, s := range sums {
			products[i/xs] = append(products[i/xs], d.Tree(d.Add, s...))
		}
		return products
	}, func(d *narrowDots) *Value {
		sums := d.zeros(dotsSums)
		d.walk(lanes, dotsSums, wBytes, xBytes, func(i int) {
			w := d.loadAs(widen, d.w.At(0, wBytes*i))
			d.Set(sums[i], d.FMA(w, d.At(d.x.At(0, xBytes*i)), sums[i]))
		})
		return d.Tree(d.Add, sums...)
	})
}
