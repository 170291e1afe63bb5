package optable

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var reductions = []Op{
	overAxes("Sum", ag.Sum, sum, true),
	overAxes("Mean", ag.Mean, mean, false),
	alongAxis("Max", ag.Max, func(a int) reference { return folded(a, slices.Max[[]float64]) }, apart),
	alongAxis("Min", ag.Min, func(a int) reference { return folded(a, slices.Min[[]float64]) }, apart),
	alongAxis("LogSumExp", ag.LogSumExp, func(a int) reference { return folded(a, logSumExp) }, normal),
	alongAxis("Variance", ag.Variance, func(a int) reference { return folded(a, variance) }, normal),
	alongAxis("CumSum", ag.CumSum, func(a int) reference { return lines(a, cumSum) }, normal),
	alongAxis("Softmax", ag.Softmax, func(a int) reference { return lines(a, softmax) }, normal),
	alongAxis("LogSoftmax", ag.LogSoftmax, func(a int) reference { return lines(a, logSoftmax) }, normal),
	newRow("Sort", func(b *row) {
		for _, descending := range []bool{false, true} {
			f := one(func(x *ag.Var) *ag.Var { y, _ := ag.Sort(x, descending); return y })
			want := lines(-1, func(line []float64) []float64 { return sorted(line, descending) })
			name := fmt.Sprintf(" descending %v", descending)
			b.add("odd"+name, f, want, apart(b.r, 3, 7))
			b.add("vector"+name, f, want, apart(b.r, 33))
			b.add("empty"+name, f, want, b.normal(0, 3))
			b.big("big"+name, f, want, apart(b.r, 60, 401))
		}
	}),
	newRow("TopK", func(b *row) {
		for _, k := range []int{0, 1, 3, 7} {
			f := one(func(x *ag.Var) *ag.Var { y, _ := ag.TopK(x, k); return y })
			want := func(xs ...*tensor.Tensor) *tensor.Tensor {
				all := lines(-1, func(line []float64) []float64 { return sorted(line, true) })(xs...)
				return all.Slice(-1, 0, k).Clone()
			}
			b.add(fmt.Sprintf("%d of 7", k), f, want, apart(b.r, 2, 3, 7))
			b.big(fmt.Sprintf("%d of 500", k), f, want, apart(b.r, 60, 500))
		}
	}),
}

func overAxes(name string, f func(x *ag.Var, axes ...int) *ag.Var, fold func([]float64) float64, ofNothing bool) Op {
	return newRow(name, func(b *row) {
		add := func(axes []int, shape ...int) *Sample {
			return b.add(fmt.Sprintf("%v over %v", shape, axes), one(func(x *ag.Var) *ag.Var { return f(x, axes...) }), foldedOver(axes, fold), b.normal(shape...))
		}
		add(nil, 3, 5, 2)
		add(nil)
		add([]int{0}, 3, 5)
		add([]int{1}, 3, 5)
		add([]int{-1}, 7)
		add([]int{0, 2}, 3, 5, 2)
		add([]int{-1, 1}, 3, 5, 2)
		add([]int{1, 3}, 2, 3, 2, 3)
		add([]int{0, 1}, 1, 1)
		add([]int{2}, 3, 0, 2)
		add(nil, 517)
		if ofNothing {
			add([]int{0}, 0, 3)
			add(nil, 2, 0)
		}
		add(nil, 33001).Big = true
		add([]int{0}, 401, 130).Big = true
		add([]int{1}, 401, 130).Big = true
	})
}

func alongAxis(name string, f func(x *ag.Var, axis int) *ag.Var, want func(axis int) reference, draw func(r *rand.PCG, shape ...int) *tensor.Tensor) Op {
	return newRow(name, func(b *row) {
		add := func(axis int, x *tensor.Tensor) *Sample {
			return b.add(fmt.Sprintf("%v along %d", x.Shape(), axis), one(func(x *ag.Var) *ag.Var { return f(x, axis) }), want(axis), x)
		}
		add(0, draw(b.r, 5))
		add(0, draw(b.r, 3, 5))
		add(-1, draw(b.r, 3, 5))
		add(1, draw(b.r, 2, 7, 3))
		add(-2, draw(b.r, 2, 2, 3, 2))
		add(1, draw(b.r, 4, 1))
		add(1, draw(b.r, 0, 3))
		add(0, draw(b.r, 3, 0))
		add(0, draw(b.r, 301))
		big := add(1, draw(b.r, 130, 301))
		big.Big = true
		big = add(0, draw(b.r, 130, 301))
		big.Big = true
		if name == "LogSumExp" || name == "Softmax" || name == "LogSoftmax" {
			add(1, tensor.Of([]float64{-500, 500, 499, 1000, 1001, 998.5}, 2, 3)).Name = "large"
		}
	})
}

func logSumExp(x []float64) float64 {
	m, total := slices.Max(x), 0.0
	for _, v := range x {
		total += math.Exp(v - m)
	}
	return m + math.Log(total)
}

func variance(x []float64) float64 {
	m, total := mean(x), 0.0
	for _, v := range x {
		total += (v - m) * (v - m)
	}
	return total / float64(len(x))
}

func cumSum(x []float64) []float64 {
	y := slices.Clone(x)
	for i := 1; i < len(y); i++ {
		y[i] += y[i-1]
	}
	return y
}

func softmax(x []float64) []float64 {
	y := logSoftmax(x)
	for i, v := range y {
		y[i] = math.Exp(v)
	}
	return y
}

func logSoftmax(x []float64) []float64 {
	y, l := slices.Clone(x), logSumExp(x)
	for i := range y {
		y[i] -= l
	}
	return y
}

func sorted(x []float64, descending bool) []float64 {
	y := slices.Sorted(slices.Values(x))
	if descending {
		slices.Reverse(y)
	}
	return y
}
