// Package optable is the table of the library's differentiable operations:
// what each is called, inputs worth trying and what the result must be. Tests
// and fuzzing range over [All], so that an operation is checked in every way by
// adding a row.
package optable

import (
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Op is a row: one exported operation of package autograd.
type Op struct {
	Name    string                      // of the Go function, such as "MatMul"
	Samples func(r *rand.PCG) []*Sample // drawn from r
}

// Sample is a call of the operation: its tensor operands, and the rest of its
// arguments inside Func.
type Sample struct {
	Name   string
	Inputs []*tensor.Tensor // float64, contiguous, on the heap
	Func   func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var
	// Want is the value by plain float64 arithmetic; nil if that would be the
	// operation's own code again.
	Want func(xs ...*tensor.Tensor) *tensor.Tensor
	// Big marks a sample that is there for splitting over cores, and too large
	// for finite differences.
	Big bool
}

// All is the table.
var All = slices.Concat(elementwise, activations, reductions, views, indexing, products, norms, losses)

// function is an operation with all but its tensor operands filled in.
type function = func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var

// reference is what a sample's Want is.
type reference = func(xs ...*tensor.Tensor) *tensor.Tensor

func one(f func(x *autograd.Var) *autograd.Var) function {
	return func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return f(xs[0]) }
}

func two(f func(a, b *autograd.Var) *autograd.Var) function {
	return func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return f(xs[0], xs[1]) }
}

// row collects samples that differ in more than their inputs.
type row struct {
	r       *rand.PCG
	samples []*Sample
}

func newRow(name string, fill func(b *row)) Op {
	return Op{name, func(r *rand.PCG) []*Sample {
		b := &row{r: r}
		fill(b)
		return b.samples
	}}
}

func (b *row) add(name string, f function, want reference, inputs ...*tensor.Tensor) *Sample {
	s := &Sample{Name: name, Inputs: inputs, Func: f, Want: want}
	b.samples = append(b.samples, s)
	return s
}

func (b *row) big(name string, f function, want reference, inputs ...*tensor.Tensor) {
	b.add(name, f, want, inputs...).Big = true
}

func (b *row) normal(shape ...int) *tensor.Tensor { return normal(b.r, shape...) }

func normal(r *rand.PCG, shape ...int) *tensor.Tensor {
	return tensor.Normal(r, tensor.Float64, 1, shape...)
}

func positive(r *rand.PCG, shape ...int) *tensor.Tensor {
	return tensor.Uniform(r, tensor.Float64, 0.5, 3, shape...)
}

// apart draws numbers that are all different by 0.1 and at least 0.05 from 0,
// for operations with a kink where operands are equal or 0.
func apart(r *rand.PCG, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float64, shape...)
	d := tensor.Data[float64](t)
	for i := range d {
		d[i] = 0.1 * (float64(i-len(d)/2) + 0.5)
	}
	rand.New(r).Shuffle(len(d), func(i, j int) { d[i], d[j] = d[j], d[i] })
	return t
}

// indices draws int32 numbers in [0, n).
func indices(r *rand.PCG, n int, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Int32, shape...)
	g := rand.New(r)
	for i, d := 0, tensor.Data[int32](t); i < len(d); i++ {
		d[i] = g.Int32N(int32(n))
	}
	return t
}

// flags draws a Bool mask.
func flags(r *rand.PCG, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Bool, shape...)
	g := rand.New(r)
	for i, d := 0, tensor.Data[bool](t); i < len(d); i++ {
		d[i] = g.IntN(3) == 0
	}
	return t
}
