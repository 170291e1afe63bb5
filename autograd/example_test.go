package autograd_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// A pass: make Vars in a scope, compute, go back. Gradients of parameters land
// in Param.Grad.
func Example() {
	w := &autograd.Param{Value: tensor.Of([]float64{1, 2, 3, 4}, 2, 2)}
	s := autograd.Training(rand.NewPCG(1, 1))
	x := s.Const(tensor.Of([]float64{1, 10}, 1, 2))
	y := autograd.Linear(x, s.Use(w), nil)
	autograd.Sum(y).Backward()
	fmt.Println(y.Value())
	fmt.Println(w.Grad)
	// Output:
	// float64[1 2] [21 43]
	// float64[2 2] [1 10 1 10]
}

// Fitting a line by gradient descent.
func ExampleVar_Backward() {
	slope, shift := &autograd.Param{Value: tensor.New(tensor.Float64, 1)}, &autograd.Param{Value: tensor.New(tensor.Float64, 1)}
	x, target := tensor.Of([]float64{0, 1, 2, 3}), tensor.Of([]float64{1, 3, 5, 7})
	s := autograd.NewScope(true)
	for range 300 {
		s.Reset()
		y := autograd.Add(autograd.Mul(s.Const(x), s.Use(slope)), s.Use(shift))
		autograd.Mean(autograd.Square(autograd.Sub(y, s.Const(target)))).Backward()
		for _, p := range []*autograd.Param{slope, shift} {
			tensor.AddScaled(p.Value, p.Grad, -0.1)
			tensor.Fill(p.Grad, 0)
		}
	}
	fmt.Printf("%.3f x + %.3f\n", slope.Value.At(0), shift.Value.At(0))
	// Output: 2.000 x + 1.000
}

// A gradient with respect to an input.
func ExampleScope_Leaf() {
	s := autograd.NewScope(true)
	x := s.Leaf(tensor.Of([]float64{1, 2, 3}))
	autograd.Sum(autograd.Square(x)).Backward()
	fmt.Println(x.Grad())
	// Output: float64[3] [2 4 6]
}

// Activation checkpointing: the block's intermediate values are computed again
// in Backward instead of being kept.
func ExampleRecompute() {
	s := autograd.NewScope(true)
	x := s.Leaf(tensor.Of([]float64{0, 1}))
	y := autograd.Recompute(s, func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return autograd.Square(autograd.AddScalar(xs[0], 1))
	}, x)
	autograd.Sum(y).Backward()
	fmt.Println(y.Value(), x.Grad())
	// Output: float64[2] [1 4] float64[2] [2 4]
}

// Checking an operation's gradient against finite differences.
func ExampleGradCheck() {
	err := autograd.GradCheck(func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return autograd.Softmax(autograd.MatMul(xs[0], xs[1]), -1)
	}, 1e-6, tensor.Of([]float64{1, -2, 3, 0.5}, 2, 2), tensor.Of([]float64{0.1, 2, -1, 1}, 2, 2))
	fmt.Println(err)
	// Output: <nil>
}
