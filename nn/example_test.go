package nn_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// A module is a struct with a Forward; its parameters need no registration.
type classifier struct {
	Hidden *nn.Linear
	Norm   nn.Norm
	Out    *nn.Linear
}

func (c *classifier) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	h := autograd.GELU(c.Hidden.Forward(s, x))
	return c.Out.Forward(s, c.Norm.Forward(s, h))
}

func newClassifier(r *rand.PCG) *classifier {
	return &classifier{nn.NewLinear(r, 4, 8, true), nn.NewRMSNorm(8), nn.NewLinear(r, 8, 3, false)}
}

func Example() {
	m := newClassifier(rand.NewPCG(1, 1))
	x := tensor.Of([]float32{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}, 3, 4)
	y := tensor.Of([]int32{2, 0, 1})
	s := autograd.Training(rand.NewPCG(2, 2))
	for range 100 {
		s.Reset()
		loss, n := nn.CrossEntropy(m.Forward(s, s.Const(x)), y, -1, 0)
		loss.Backward()
		for _, p := range nn.Params(m) { // plain gradient descent
			tensor.AddScaled(p.Param.Value, p.Param.Grad, -0.5/float64(n))
			tensor.Fill(p.Param.Grad, 0)
		}
	}
	in := autograd.Inference()
	loss, _ := nn.CrossEntropy(m.Forward(in, in.Const(x)), y, -1, 0)
	fmt.Println("learned:", loss.Value().Item() < 0.05)
	// Output: learned: true
}

func ExampleParams() {
	for _, p := range nn.Params(newClassifier(rand.NewPCG(1, 1))) {
		fmt.Println(p.Name, p.Param.Value.Shape())
	}
	// Output:
	// hidden.weight [8 4]
	// hidden.bias [8]
	// norm.weight [8]
	// out.weight [3 8]
}

func ExampleAddLoRA() {
	r := rand.NewPCG(1, 1)
	m := newClassifier(r)
	layers, err := nn.AddLoRA(r, m, 2, 4, "hidden")
	if err != nil {
		panic(err)
	}
	if err := nn.TrainOnly(m, "**.lora.*"); err != nil {
		panic(err)
	}
	total, trained := nn.NumParams(m)
	fmt.Println(layers, total, trained)
	nn.MergeLoRA(m)
	fmt.Println(m.Hidden.LoRA == nil)
	// Output:
	// [hidden] 96 24
	// true
}

// Two of a user's moments share one pass over his events.
func ExamplePerceiverResampler() {
	p := nn.NewPerceiver(rand.NewPCG(1, 1), 16, 1, nn.BlockConfig{Dim: 32, MemoryDim: 64})
	s := autograd.Inference()
	events := s.Const(tensor.New(tensor.Float32, 1, 50, 64))
	fmt.Println(p.Forward(s, events, []int32{20, 50}, 2).Shape())
	// Output: [2 16 32]
}
