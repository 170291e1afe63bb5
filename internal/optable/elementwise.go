package optable

import (
	"math"
	"math/rand/v2"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

type draw = func(r *rand.PCG, shape ...int) *tensor.Tensor

var elementwise = []Op{
	binary("Add", ag.Add, func(a, b float64) float64 { return a + b }, normal, normal),
	binary("Sub", ag.Sub, func(a, b float64) float64 { return a - b }, normal, normal),
	binary("Mul", ag.Mul, func(a, b float64) float64 { return a * b }, normal, normal),
	binary("Div", ag.Div, func(a, b float64) float64 { return a / b }, normal, positive),
	binary("Maximum", ag.Maximum, math.Max, apart, between),
	binary("Minimum", ag.Minimum, math.Min, apart, between),
	unary("Scale", func(x *ag.Var) *ag.Var { return ag.Scale(x, -1.7) }, func(x float64) float64 { return -1.7 * x }, normal, -1e3, 1e3),
	unary("AddScalar", func(x *ag.Var) *ag.Var { return ag.AddScalar(x, 0.3) }, func(x float64) float64 { return x + 0.3 }, normal, -1e3, 1e3),
	unary("Neg", ag.Neg, func(x float64) float64 { return -x }, normal, -1e3, 1e3),
	unary("Exp", ag.Exp, math.Exp, normal, -200, -80, -20, 5, 8),
	unary("Log", ag.Log, math.Log, positive, 0.1, 3, 1e4, 1e8),
	unary("Sqrt", ag.Sqrt, math.Sqrt, positive, 0.1, 3, 1e4, 1e6),
	unary("Square", ag.Square, func(x float64) float64 { return x * x }, normal, -30, 1e-3, 30),
	unary("Abs", ag.Abs, math.Abs, apart, -1e3, 1e3),
	unary("Tanh", ag.Tanh, math.Tanh, normal, -40, -9, -3, 3, 9, 40),
	unary("Sigmoid", ag.Sigmoid, sigmoid, normal, -200, -90, -30, 30, 90),
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// between draws numbers that lie between those of apart.
func between(r *rand.PCG, shape ...int) *tensor.Tensor {
	t := apart(r, shape...)
	for i, d := 0, tensor.Data[float64](t); i < len(d); i++ {
		d[i] += 0.03
	}
	return t
}

// unary is a row for an elementwise function of one operand; large are
// arguments at which it could overflow or lose digits.
func unary(name string, f func(x *ag.Var) *ag.Var, want func(float64) float64, draw draw, large ...float64) Op {
	return newRow(name, func(b *row) {
		b.add("odd", one(f), mapped(want), draw(b.r, 3, 5, 7))
		b.add("scalar", one(f), mapped(want), draw(b.r))
		b.add("single", one(f), mapped(want), draw(b.r, 1, 1))
		b.add("empty", one(f), mapped(want), draw(b.r, 0, 3))
		b.add("long", one(f), mapped(want), draw(b.r, 517))
		b.add("large", one(f), mapped(want), tensor.Of(large))
		b.big("big", one(f), mapped(want), draw(b.r, 3, 9001))
	})
}

// binary is a row for an elementwise function of two operands that broadcast.
func binary(name string, f func(x, y *ag.Var) *ag.Var, want func(a, b float64) float64, da, db draw) Op {
	shapes := []struct {
		name string
		a, b []int
	}{
		{"same", []int{3, 5}, []int{3, 5}},
		{"scalars", nil, nil},
		{"single", []int{1}, []int{1, 1}},
		{"row", []int{3, 5}, []int{5}},
		{"row first", []int{7}, []int{2, 3, 7}},
		{"outer", []int{3, 1}, []int{1, 5}},
		{"scalar", []int{2, 3}, nil},
		{"scalar first", []int{1}, []int{4, 3}},
		{"middle", []int{2, 1, 3}, []int{4, 1}},
		{"empty", []int{0, 4}, []int{4}},
		{"empty by broadcast", []int{3, 1}, []int{3, 0}},
		{"long", []int{311}, []int{311}},
	}
	return newRow(name, func(b *row) {
		for _, s := range shapes {
			b.add(s.name, two(f), zipped(want), da(b.r, s.a...), db(b.r, s.b...))
		}
		b.big("big", two(f), zipped(want), da(b.r, 33001), db(b.r, 33001))
		b.big("big row", two(f), zipped(want), da(b.r, 131, 257), db(b.r, 257))
	})
}
