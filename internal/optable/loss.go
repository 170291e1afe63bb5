package optable

import (
	"fmt"
	"math/rand/v2"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

var losses = []Op{
	newRow("CrossEntropy", func(b *row) {
		add := func(x, target *tensor.Tensor, ignore int, smoothing float64) *Sample {
			name := fmt.Sprintf("%v ignore %d smoothing %v", x.Shape(), ignore, smoothing)
			f := one(func(x *ag.Var) *ag.Var { return ag.CrossEntropy(x, target, ignore, smoothing) })
			return b.add(name, f, crossEntropy(target, ignore, smoothing), x)
		}
		add(b.normal(4, 5), indices(b.r, 5, 4), -100, 0)
		add(b.normal(2, 3, 5), indices(b.r, 5, 2, 3), 2, 0)
		add(b.normal(4, 7), indices(b.r, 7, 4), -1, 0.1)
		add(b.normal(3, 7), indices(b.r, 7, 3), 1, 0.3)
		add(b.normal(6), indices(b.r, 6), -1, 0)
		add(b.normal(3, 1), indices(b.r, 1, 3), -1, 0)
		add(b.normal(0, 5), indices(b.r, 5, 0), -1, 0)
		add(b.normal(2, 301), indices(b.r, 301, 2), -1, 0.1)
		add(tensor.Of([]float64{900, 899, -900, -500, -501, -499}, 2, 3), tensor.Of([]int32{1, 0}), -1, 0)
		add(b.normal(130, 301), indices(b.r, 301, 130), 3, 0.1).Big = true
	}),
	newRow("LinearCrossEntropy", func(b *row) {
		add := func(target *tensor.Tensor, ignore int, smoothing float64, inputs ...*tensor.Tensor) *Sample {
			name := fmt.Sprintf("%v x %v ignore %d smoothing %v", inputs[0].Shape(), inputs[1].Shape(), ignore, smoothing)
			f := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var {
				xs = append(xs, nil)
				return ag.LinearCrossEntropy(xs[0], xs[1], xs[2], target, ignore, smoothing)
			}
			want := func(xs ...*tensor.Tensor) *tensor.Tensor {
				return crossEntropy(target, ignore, smoothing)(linear(xs...))
			}
			return b.add(name, f, want, inputs...)
		}
		add(indices(b.r, 5, 4), -100, 0, b.normal(4, 3), b.normal(5, 3))
		add(indices(b.r, 5, 2, 3), 2, 0, b.normal(2, 3, 4), b.normal(5, 4), b.normal(5))
		add(indices(b.r, 7, 4), -1, 0.1, b.normal(4, 3), b.normal(7, 3))
		add(indices(b.r, 7, 3), 1, 0.3, b.normal(3, 5), b.normal(7, 5), b.normal(7))
		add(indices(b.r, 6), -1, 0, b.normal(4), b.normal(6, 4), b.normal(6))
		add(indices(b.r, 1, 3), -1, 0, b.normal(3, 4), b.normal(1, 4))
		add(indices(b.r, 5, 0), -1, 0, b.normal(0, 4), b.normal(5, 4), b.normal(5))
		add(indices(b.r, 5, 2), -1, 0, b.normal(2, 0), b.normal(5, 0), b.normal(5))
		add(indices(b.r, 301, 2), -1, 0.1, b.normal(2, 9), b.normal(301, 9))
		add(indices(b.r, 301, 130), 3, 0.1, b.normal(130, 35), b.normal(301, 35), b.normal(301)).Big = true
	}),
	newRow("BCEWithLogits", func(b *row) {
		want := zipped(func(x, t float64) float64 {
			// -t·log σ(x) - (1-t)·log σ(-x), with log σ(x) = -log(1 + e^-x)
			return t*logSumExp([]float64{0, -x}) + (1-t)*logSumExp([]float64{0, x})
		})
		target := func(shape ...int) *tensor.Tensor { return tensor.Uniform(b.r, tensor.Float64, 0, 1, shape...) }
		f := two(ag.BCEWithLogits)
		b.add("odd", f, want, b.normal(3, 5), target(3, 5))
		b.add("scalar", f, want, b.normal(), target())
		b.add("empty", f, want, b.normal(0), target(0))
		b.add("large", f, want, tensor.Of([]float64{-90, -20, 20, 90}), target(4))
		b.big("big", f, want, b.normal(33001), target(33001))
	}),
}

func crossEntropy(target *tensor.Tensor, ignore int, smoothing float64) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		x := xs[0]
		return build(target.Shape(), func(i []int) float64 {
			t := int(target.At(i...))
			if t == ignore {
				return 0
			}
			row := logSoftmax(lineOf(x, x.Rank()-1, i))
			return -(1-smoothing)*row[t] - smoothing*mean(row)
		})
	}
}

func seeded() *rand.PCG { return rand.NewPCG(7, 11) }
