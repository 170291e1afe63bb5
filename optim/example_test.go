package optim_test

import (
	"fmt"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// Point is a model of one parameter.
type Point struct{ At *autograd.Param }

// A loop by hand: minimise |x - (3, 4)|².
func Example() {
	m := &Point{At: &autograd.Param{Value: tensor.Of([]float32{0, 0})}}
	goal := tensor.Of([]float32{3, 4})
	ps := nn.Params(m)
	opt := &optim.AdamW{}
	schedule := optim.Cosine(0.3, 10, 300, 0)
	s := autograd.NewScope(true)
	for step := range 300 {
		s.Reset()
		loss := autograd.Sum(autograd.Square(autograd.Sub(s.Use(m.At), s.Const(goal))))
		loss.Backward()
		optim.ClipNorm(ps, 10)
		opt.SetLR(schedule(step))
		opt.Step(ps)
		optim.Zero(ps)
	}
	fmt.Printf("%.2f\n", tensor.Data[float32](m.At.Value))
	// Output: [3.00 4.00]
}
