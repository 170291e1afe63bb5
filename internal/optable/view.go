package optable

import (
	"slices"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The views' results are copied by Scale, so that their strides meet an
// operation.
func seen(f func(x *ag.Var) *ag.Var) function {
	return one(func(x *ag.Var) *ag.Var { return ag.Scale(f(x), 1) })
}

// moved is a reference that reads its input at from(i).
func moved(shape []int, from func(i []int) []int) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		return build(shape, func(i []int) float64 { return xs[0].At(from(slices.Clone(i))...) })
	}
}

var views = []Op{
	newRow("Reshape", func(b *row) {
		b.add("merge and split", seen(func(x *ag.Var) *ag.Var { return ag.Reshape(x, 2, -1) }), moved([]int{2, 6}, func(i []int) []int { return []int{i[0]*2 + i[1]/3, i[1] % 3} }), b.normal(4, 3))
		b.add("to scalar", seen(func(x *ag.Var) *ag.Var { return ag.Reshape(x) }), nil, b.normal(1, 1))
		b.add("empty", seen(func(x *ag.Var) *ag.Var { return ag.Reshape(x, 4, 0) }), nil, b.normal(0, 3))
		b.add("of a transpose", seen(func(x *ag.Var) *ag.Var { return ag.Reshape(ag.Transpose(x, 0, 1), 12) }), moved([]int{12}, func(i []int) []int { return []int{i[0] % 4, i[0] / 4} }), b.normal(4, 3))
	}),
	newRow("Permute", func(b *row) {
		b.add("cycle", seen(func(x *ag.Var) *ag.Var { return ag.Permute(x, 2, 0, -2) }), moved([]int{4, 2, 3}, func(i []int) []int { return []int{i[1], i[2], i[0]} }), b.normal(2, 3, 4))
		b.add("scalar", seen(func(x *ag.Var) *ag.Var { return ag.Permute(x) }), nil, b.normal())
		b.add("empty", seen(func(x *ag.Var) *ag.Var { return ag.Permute(x, 1, 0) }), nil, b.normal(0, 3))
	}),
	newRow("Transpose", func(b *row) {
		b.add("matrix", seen(func(x *ag.Var) *ag.Var { return ag.Transpose(x, 0, 1) }), moved([]int{3, 2}, func(i []int) []int { return []int{i[1], i[0]} }), b.normal(2, 3))
		b.add("negative", seen(func(x *ag.Var) *ag.Var { return ag.Transpose(x, -1, 0) }), moved([]int{4, 3, 2}, func(i []int) []int { return []int{i[2], i[1], i[0]} }), b.normal(2, 3, 4))
		b.add("itself", seen(func(x *ag.Var) *ag.Var { return ag.Transpose(x, 1, 1) }), nil, b.normal(2, 3))
		b.big("big", seen(func(x *ag.Var) *ag.Var { return ag.Transpose(x, 0, 1) }), nil, b.normal(257, 130))
	}),
	newRow("Slice", func(b *row) {
		b.add("rows", seen(func(x *ag.Var) *ag.Var { return ag.Slice(x, 0, 1, 3) }), moved([]int{2, 3}, func(i []int) []int { return []int{i[0] + 1, i[1]} }), b.normal(4, 3))
		b.add("columns", seen(func(x *ag.Var) *ag.Var { return ag.Slice(x, -1, 2, 5) }), moved([]int{4, 3}, func(i []int) []int { return []int{i[0], i[1] + 2} }), b.normal(4, 5))
		b.add("nothing", seen(func(x *ag.Var) *ag.Var { return ag.Slice(x, 0, 4, 4) }), nil, b.normal(4, 3))
		b.add("overlapping", one(func(x *ag.Var) *ag.Var { return ag.Mul(ag.Slice(x, 0, 0, 3), ag.Slice(x, 0, 1, 4)) }), nil, b.normal(4, 3))
	}),
	newRow("Expand", func(b *row) {
		b.add("lead", seen(func(x *ag.Var) *ag.Var { return ag.Expand(x, 4, 3) }), moved([]int{4, 3}, func(i []int) []int { return i[1:] }), b.normal(3))
		b.add("ones", seen(func(x *ag.Var) *ag.Var { return ag.Expand(x, 2, 3, 4) }), moved([]int{2, 3, 4}, func(i []int) []int { return []int{i[1], 0} }), b.normal(3, 1))
		b.add("to nothing", seen(func(x *ag.Var) *ag.Var { return ag.Expand(x, 0, 3) }), nil, b.normal(1, 3))
		b.add("same", seen(func(x *ag.Var) *ag.Var { return ag.Expand(x, 3) }), nil, b.normal(3))
	}),
	newRow("Unsqueeze", func(b *row) {
		b.add("front", seen(func(x *ag.Var) *ag.Var { return ag.Unsqueeze(x, 0) }), moved([]int{1, 2, 3}, func(i []int) []int { return i[1:] }), b.normal(2, 3))
		b.add("end", seen(func(x *ag.Var) *ag.Var { return ag.Unsqueeze(x, -1) }), moved([]int{2, 3, 1}, func(i []int) []int { return i[:2] }), b.normal(2, 3))
	}),
	newRow("Squeeze", func(b *row) {
		b.add("middle", seen(func(x *ag.Var) *ag.Var { return ag.Squeeze(x, 1) }), moved([]int{2, 3}, func(i []int) []int { return []int{i[0], 0, i[1]} }), b.normal(2, 1, 3))
		b.add("to scalar", seen(func(x *ag.Var) *ag.Var { return ag.Squeeze(x, -1) }), nil, b.normal(1))
	}),
	newRow("Concat", func(b *row) {
		along := func(axis int) function {
			return func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.Concat(axis, xs...) }
		}
		b.add("rows", along(0), func(xs ...*tensor.Tensor) *tensor.Tensor {
			return build([]int{6, 3}, func(i []int) float64 {
				if i[0] < 2 {
					return xs[0].At(i...)
				}
				return xs[1].At(i[0]-2, i[1])
			})
		}, b.normal(2, 3), b.normal(4, 3))
		b.add("columns", along(-1), nil, b.normal(2, 3), b.normal(2, 0), b.normal(2, 1), b.normal(2, 5))
		b.add("alone", along(1), nil, b.normal(2, 3, 2))
		b.big("big", along(1), nil, b.normal(130, 101), b.normal(130, 57))
	}),
	newRow("Stack", func(b *row) {
		along := func(axis int) function {
			return func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.Stack(axis, xs...) }
		}
		b.add("front", along(0), func(xs ...*tensor.Tensor) *tensor.Tensor {
			return build([]int{3, 2, 3}, func(i []int) float64 { return xs[i[0]].At(i[1:]...) })
		}, b.normal(2, 3), b.normal(2, 3), b.normal(2, 3))
		b.add("end", along(-1), func(xs ...*tensor.Tensor) *tensor.Tensor {
			return build([]int{2, 3, 2}, func(i []int) float64 { return xs[i[2]].At(i[:2]...) })
		}, b.normal(2, 3), b.normal(2, 3))
		b.add("scalars", along(0), nil, b.normal(), b.normal())
		b.add("middle", along(1), nil, b.normal(2, 3), b.normal(2, 3))
	}),
	newRow("Split", func(b *row) {
		reversed := func(axis int, sizes ...int) function {
			return func(_ *ag.Scope, xs ...*ag.Var) *ag.Var {
				parts := ag.Split(xs[0], axis, sizes...)
				slices.Reverse(parts)
				return ag.Concat(axis, parts...)
			}
		}
		b.add("columns", reversed(1, 1, 3, 2), moved([]int{2, 6}, func(i []int) []int {
			return []int{i[0], []int{4, 5, 1, 2, 3, 0}[i[1]]}
		}), b.normal(2, 6))
		b.add("rows", reversed(-2, 2, 0, 2), nil, b.normal(4, 3))
		b.add("partly used", one(func(x *ag.Var) *ag.Var { return ag.Square(ag.Split(x, 0, 3, 1)[0]) }), nil, b.normal(4, 3))
	}),
}
