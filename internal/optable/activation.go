package optable

import (
	"math"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var activations = []Op{
	unary("ReLU", ag.ReLU, func(x float64) float64 { return max(x, 0) }, apart, -1e3, 1e3),
	unary("GELU", ag.GELU, gelu, normal, -40, -6, -3, 3, 6, 40),
	unary("GELUTanh", ag.GELUTanh, geluTanh, normal, -40, -6, -3, 3, 6, 40),
	unary("SiLU", ag.SiLU, silu, normal, -200, -90, -20, 20, 90),
	unary("Softplus", ag.Softplus, func(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, normal, -200, -90, -20, 20, 90),
	gated("SwiGLU", ag.SwiGLU, silu),
	gated("GeGLU", ag.GeGLU, geluTanh),
	newRow("Dropout", func(b *row) {
		f := func(s *ag.Scope, xs ...*ag.Var) *ag.Var {
			s.Train, s.Rand = true, seeded()
			return ag.Dropout(xs[0], 0.3)
		}
		b.add("odd", f, nil, b.normal(5, 7))
		b.add("empty", f, nil, b.normal(0))
		b.big("big", f, nil, b.normal(33001))
		identity := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.Scale(ag.Dropout(xs[0], 0.3), 1) }
		b.add("without training", identity, mapped(func(x float64) float64 { return x }), b.normal(5, 7))
	}),
}

func gelu(x float64) float64 { return x * 0.5 * math.Erfc(-x/math.Sqrt2) }

func silu(x float64) float64 { return x * sigmoid(x) }

func geluTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func gated(name string, f func(gate, up *ag.Var) *ag.Var, act func(float64) float64) Op {
	want := zipped(func(g, u float64) float64 { return act(g) * u })
	return newRow(name, func(b *row) {
		b.add("odd", two(f), want, b.normal(3, 5), b.normal(3, 5))
		b.add("scalar", two(f), want, b.normal(), b.normal())
		b.add("empty", two(f), want, b.normal(2, 0), b.normal(2, 0))
		b.add("long", two(f), want, b.normal(261), b.normal(261))
		b.add("large", two(f), want, tensor.Of([]float64{-90, -8, 8, 90}), b.normal(4))
		b.big("big", two(f), want, b.normal(33001), b.normal(33001))
	})
}
