package optable

import (
	"slices"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var indexing = []Op{
	newRow("Embedding", func(b *row) {
		add := func(name string, count, dim int, shape ...int) *Sample {
			idx := indices(b.r, max(count, 1), shape...)
			return b.add(name, one(func(w *ag.Var) *ag.Var { return ag.Embedding(w, idx) }), func(xs ...*tensor.Tensor) *tensor.Tensor {
				return build(append(slices.Clone(shape), dim), func(i []int) float64 {
					return xs[0].At(int(idx.At(i[:len(i)-1]...)), i[len(i)-1])
				})
			}, b.normal(count, dim))
		}
		add("repeated", 4, 5, 2, 7)
		add("one index", 4, 3)
		add("no index", 4, 3, 0)
		add("empty table", 0, 3, 2, 0)
		add("single column", 5, 1, 9)
		add("big", 50, 67, 12, 41).Big = true
	}),
	newRow("IndexSelect", func(b *row) {
		add := func(name string, axis, n int, shape ...int) *Sample {
			x := b.normal(shape...)
			a := x.Axis("index select", axis)
			idx := indices(b.r, shape[a], n)
			return b.add(name, one(func(x *ag.Var) *ag.Var { return ag.IndexSelect(x, axis, idx) }), func(xs ...*tensor.Tensor) *tensor.Tensor {
				to := slices.Clone(shape)
				to[a] = n
				return build(to, func(i []int) float64 {
					j := slices.Clone(i)
					j[a] = int(idx.At(i[a]))
					return xs[0].At(j...)
				})
			}, x)
		}
		add("rows", 0, 7, 4, 3)
		add("columns", -1, 2, 4, 3)
		add("middle", 1, 6, 2, 3, 4)
		add("nothing", 0, 0, 4, 3)
		add("big", 0, 300, 60, 130).Big = true
	}),
	newRow("Gather", func(b *row) {
		add := func(name string, axis, n int, shape ...int) *Sample {
			to := slices.Clone(shape)
			to[axis] = n
			idx := indices(b.r, shape[axis], to...)
			return b.add(name, one(func(x *ag.Var) *ag.Var { return ag.Gather(x, axis, idx) }), func(xs ...*tensor.Tensor) *tensor.Tensor {
				return build(to, func(i []int) float64 { return xs[0].At(redirected(i, axis, idx)...) })
			}, b.normal(shape...))
		}
		add("rows", 0, 7, 4, 3)
		add("columns", 1, 2, 4, 3)
		add("middle", 1, 6, 2, 3, 4)
		add("nothing", 1, 0, 4, 3)
		add("big", 1, 300, 70, 130).Big = true
	}),
	newRow("ScatterAdd", func(b *row) {
		add := func(name string, axis, n int, shape ...int) *Sample {
			from := slices.Clone(shape)
			from[axis] = n
			idx := indices(b.r, shape[axis], from...)
			return b.add(name, two(func(x, src *ag.Var) *ag.Var { return ag.ScatterAdd(x, axis, idx, src) }), func(xs ...*tensor.Tensor) *tensor.Tensor {
				y := map[[4]int]float64{}
				key := func(i []int) (k [4]int) { copy(k[:], i); return k }
				build(from, func(i []int) float64 {
					y[key(redirected(i, axis, idx))] += xs[1].At(i...)
					return 0
				})
				return build(shape, func(i []int) float64 { return xs[0].At(i...) + y[key(i)] })
			}, b.normal(shape...), b.normal(from...))
		}
		add("rows", 0, 7, 4, 3)
		add("columns", 1, 2, 4, 3)
		add("middle", 1, 6, 2, 3, 4)
		add("nothing", 1, 0, 4, 3)
		add("big", 0, 300, 70, 130).Big = true
	}),
	newRow("Where", func(b *row) {
		add := func(name string, cond *tensor.Tensor, x, y *tensor.Tensor) *Sample {
			return b.add(name, two(func(x, y *ag.Var) *ag.Var { return ag.Where(cond, x, y) }), func(xs ...*tensor.Tensor) *tensor.Tensor {
				sums := zipped(func(a, b float64) float64 { return a + b })
				shape := sums(sums(xs...), cond.Cast(tensor.Float64)).Shape()
				return build(shape, func(i []int) float64 {
					if at(cond, i) != 0 {
						return at(xs[0], i)
					}
					return at(xs[1], i)
				})
			}, x, y)
		}
		add("same", flags(b.r, 3, 5), b.normal(3, 5), b.normal(3, 5))
		add("broadcast", flags(b.r, 5), b.normal(3, 1), b.normal())
		add("wide condition", flags(b.r, 2, 3, 5), b.normal(3, 1), b.normal(5))
		add("empty", flags(b.r, 0), b.normal(2, 0), b.normal(1))
		add("big", flags(b.r, 130), b.normal(257, 130), b.normal(257, 1)).Big = true
	}),
	newRow("MaskedFill", func(b *row) {
		add := func(name string, mask, x *tensor.Tensor) *Sample {
			return b.add(name, one(func(x *ag.Var) *ag.Var { return ag.MaskedFill(x, mask, -7) }), func(xs ...*tensor.Tensor) *tensor.Tensor {
				return build(xs[0].Shape(), func(i []int) float64 {
					if at(mask, i) != 0 {
						return -7
					}
					return xs[0].At(i...)
				})
			}, x)
		}
		add("same", flags(b.r, 3, 5), b.normal(3, 5))
		add("row", flags(b.r, 5), b.normal(3, 5))
		add("scalar", flags(b.r), b.normal(3))
		add("empty", flags(b.r, 0), b.normal(2, 0))
		add("big", flags(b.r, 130), b.normal(257, 130)).Big = true
	}),
}

// redirected returns i with position axis replaced by idx there.
func redirected(i []int, axis int, idx *tensor.Tensor) []int {
	j := slices.Clone(i)
	j[axis] = int(idx.At(i...))
	return j
}
