package optable

import (
	"fmt"
	"math"
	"slices"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var products = []Op{
	newRow("MatMul", func(b *row) {
		shapes := [][2][]int{
			{{3, 5}, {5, 2}}, {{1, 1}, {1, 1}}, {{1, 7}, {7, 4}}, {{9, 1}, {1, 9}},
			{{2, 3, 4}, {2, 4, 5}}, {{2, 3, 4}, {4, 5}}, {{3, 4}, {2, 4, 5}},
			{{2, 1, 3, 4}, {3, 4, 2}}, {{1, 3, 4}, {5, 4, 2}},
			{{3, 0}, {0, 2}}, {{2, 3, 0}, {2, 0, 4}}, {{0, 3}, {3, 2}}, {{2, 0, 3}, {3, 2}}, {{17, 19}, {19, 13}},
		}
		for _, s := range shapes {
			b.add(fmt.Sprintf("%v x %v", s[0], s[1]), two(ag.MatMul), matMul, b.normal(s[0]...), b.normal(s[1]...))
		}
		b.big("big", two(ag.MatMul), matMul, b.normal(67, 131), b.normal(131, 73))
		b.big("big batch", two(ag.MatMul), matMul, b.normal(9, 33, 20), b.normal(9, 20, 41))
	}),
	newRow("Linear", func(b *row) {
		withBias := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.Linear(xs[0], xs[1], xs[2]) }
		b.add("matrix", withBias, linear, b.normal(3, 5), b.normal(4, 5), b.normal(4))
		b.add("batch", withBias, linear, b.normal(2, 3, 5), b.normal(4, 5), b.normal(4))
		b.add("vector", withBias, linear, b.normal(5), b.normal(4, 5), b.normal(4))
		b.add("no rows", withBias, linear, b.normal(0, 5), b.normal(4, 5), b.normal(4))
		b.add("no bias", func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.Linear(xs[0], xs[1], nil) }, linear, b.normal(3, 5), b.normal(4, 5))
		b.big("big", withBias, linear, b.normal(70, 130), b.normal(67, 130), b.normal(67))
	}),
	newRow("LinearAct", func(b *row) {
		for _, a := range acts {
			act := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.LinearAct(xs[0], xs[1], xs[2], a.act) }
			want := func(xs ...*tensor.Tensor) *tensor.Tensor { return mapped(a.value)(linear(xs...)) }
			b.add(a.name, act, want, b.normal(2, 3, 5), b.normal(4, 5), b.normal(4))
			b.add(a.name+" vector", act, want, b.normal(5), b.normal(4, 5), b.normal(4))
			b.add(a.name+" no rows", act, want, b.normal(0, 5), b.normal(4, 5), b.normal(4))
			noBias := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.LinearAct(xs[0], xs[1], nil, a.act) }
			b.add(a.name+" no bias", noBias, want, b.normal(3, 5), b.normal(4, 5))
			b.big(a.name+" big", act, want, b.normal(70, 130), b.normal(67, 130), b.normal(67))
		}
	}),
	newRow("LinearAdd", func(b *row) {
		add := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.LinearAdd(xs[0], xs[1], xs[2], xs[3]) }
		want := func(xs ...*tensor.Tensor) *tensor.Tensor { return tensor.Add(linear(xs[:3]...), xs[3]) }
		b.add("batch", add, want, b.normal(2, 3, 5), b.normal(4, 5), b.normal(4), b.normal(2, 3, 4))
		b.add("vector", add, want, b.normal(5), b.normal(4, 5), b.normal(4), b.normal(4))
		b.add("no rows", add, want, b.normal(0, 5), b.normal(4, 5), b.normal(4), b.normal(0, 4))
		own := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.LinearAdd(xs[0], xs[1], nil, xs[0]) }
		b.add("to its operand", own, func(xs ...*tensor.Tensor) *tensor.Tensor { return tensor.Add(linear(xs...), xs[0]) }, b.normal(3, 4), b.normal(4, 4))
		b.big("big", add, want, b.normal(70, 130), b.normal(67, 130), b.normal(67), b.normal(70, 67))
	}),
	newRow("Attention", attentionSamples),
	newRow("Rope", func(b *row) {
		add := func(name string, pos []int32, theta float64, shape ...int) *Sample {
			return b.add(name, one(func(x *ag.Var) *ag.Var { return ag.Rope(x, pos, theta) }), rope(pos, theta), b.normal(shape...))
		}
		add("odd", []int32{0, 1, 2, 5, 3, 100}, 10000, 2, 3, 2, 6)
		add("far", []int32{131071, 20000}, 500000, 1, 2, 1, 8)
		add("empty", nil, 10000, 2, 0, 2, 4)
		pos := make([]int32, 90)
		for i := range pos {
			pos[i] = int32(i % 45)
		}
		add("big", pos, 10000, 2, 45, 8, 64).Big = true
	}),
}

// acts are the activations of LinearAct.
var acts = []struct {
	name  string
	act   ag.Activation
	value func(float64) float64
}{
	{"gelu", ag.ActGELU, gelu}, {"gelu tanh", ag.ActGELUTanh, geluTanh}, {"silu", ag.ActSiLU, silu},
	{"relu", ag.ActReLU, func(x float64) float64 { return max(x, 0) }},
}

func matMul(xs ...*tensor.Tensor) *tensor.Tensor {
	shape := tensor.MatMulShape(xs[0], xs[1])
	return build(shape, func(i []int) float64 {
		total := 0.0
		row, col := slices.Clone(i), slices.Clone(i)
		for p := range xs[0].Dim(-1) {
			row[len(i)-1], col[len(i)-2] = p, p
			total += at(xs[0], row) * at(xs[1], col)
		}
		return total
	})
}

func linear(xs ...*tensor.Tensor) *tensor.Tensor {
	shape := xs[0].Shape()
	last := len(shape) - 1
	shape[last] = xs[1].Dim(0)
	return build(shape, func(i []int) float64 {
		total := 0.0
		if len(xs) == 3 {
			total = xs[2].At(i[last])
		}
		j := slices.Clone(i)
		for p := range xs[1].Dim(1) {
			j[last] = p
			total += xs[0].At(j...) * xs[1].At(i[last], p)
		}
		return total
	})
}

func rope(pos []int32, theta float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		x := xs[0]
		half := x.Dim(3) / 2
		return build(x.Shape(), func(i []int) float64 {
			pair, sign := i[3]+half, -1.0
			if i[3] >= half {
				pair, sign = i[3]-half, 1
			}
			angle := float64(pos[i[0]*x.Dim(1)+i[1]]) * math.Pow(theta, -float64(i[3]%half)/float64(half))
			return x.At(i...)*math.Cos(angle) + sign*x.At(i[0], i[1], i[2], pair)*math.Sin(angle)
		})
	}
}
