package optable

import (
	"math"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

const eps = 1e-5

var norms = []Op{
	newRow("LayerNorm", func(b *row) {
		f := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var {
			xs = append(xs, nil, nil)
			return ag.LayerNorm(xs[0], xs[1], xs[2], eps)
		}
		normSamples(b, f, layerNorm, true)
	}),
	newRow("RMSNorm", func(b *row) {
		f := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var {
			xs = append(xs, nil)
			return ag.RMSNorm(xs[0], xs[1], eps)
		}
		normSamples(b, f, rmsNorm, false)
	}),
}

func normSamples(b *row, f function, line func([]float64) []float64, bias bool) {
	want := func(xs ...*tensor.Tensor) *tensor.Tensor {
		y := lines(-1, line)(xs[0])
		return build(y.Shape(), func(i []int) float64 {
			v := y.At(i...)
			if len(xs) > 1 {
				v *= at(xs[1], i)
			}
			if len(xs) > 2 {
				v += at(xs[2], i)
			}
			return v
		})
	}
	inputs := func(weights int, shape ...int) []*tensor.Tensor {
		in := []*tensor.Tensor{b.normal(shape...)}
		for range weights {
			in = append(in, b.normal(shape[len(shape)-1]))
		}
		return in
	}
	most := 1
	if bias {
		most = 2
	}
	for weights := range most + 1 {
		b.add([]string{"no weights", "weight", "weight and bias"}[weights], f, want, inputs(weights, 2, 3, 5)...)
	}
	b.add("vector", f, want, inputs(most, 7)...)
	b.add("single column", f, want, inputs(most, 3, 1)...)
	b.add("no rows", f, want, inputs(most, 0, 5)...)
	b.add("wide", f, want, inputs(most, 2, 133)...)
	b.big("big", f, want, inputs(most, 300, 130)...)
	shifted := inputs(most, 4, 9)
	for i, d := 0, tensor.Data[float64](shifted[0]); i < len(d); i++ {
		d[i] = 64 + 8*d[i]
	}
	b.add("large", f, want, shifted...)
}

func layerNorm(x []float64) []float64 {
	m, scale := mean(x), 1/math.Sqrt(variance(x)+eps)
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v - m) * scale
	}
	return y
}

func rmsNorm(x []float64) []float64 {
	square := 0.0
	for _, v := range x {
		square += v * v
	}
	scale := 1 / math.Sqrt(square/float64(len(x))+eps)
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v * scale
	}
	return y
}
