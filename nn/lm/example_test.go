package lm_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// A model learns to count, then goes on counting.
func Example() {
	r := rand.NewPCG(1, 2)
	m := lm.New(r, lm.Config{Vocab: 10, Dim: 32, Layers: 2})
	s := autograd.Training(r)
	for range 60 {
		s.Reset()
		loss, n := m.Loss(s, lm.Input{
			Tokens: tensor.Of([]int32{0, 1, 2, 3, 4, 5, 6, 7, 8}, 1, 9),
		}, tensor.Of([]int32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 9))
		loss.Backward()
		for _, p := range nn.Params(m) { // plain gradient descent
			tensor.AddScaled(p.Param.Value, p.Param.Grad, -0.3/float64(n))
			tensor.Fill(p.Param.Grad, 0)
		}
	}
	out, err := m.Generate(context.Background(), nil, lm.Request{Tokens: [][]int32{{2, 3, 4}}, Stop: []int32{9}, MaxNew: 8})
	fmt.Println(out, err)
	// Output: [[5 6 7 8]] <nil>
}

// Cross-attention is added to a model afterwards. Behind a gate that starts
// closed it changes nothing at first.
func ExampleModel_AddCross() {
	r := rand.NewPCG(1, 2)
	m := lm.New(r, lm.Config{Vocab: 10, Dim: 32, Layers: 2})
	in := lm.Input{Tokens: tensor.Of([]int32{1, 2, 3}, 1, 3)}
	s := autograd.Inference()
	before := m.Hidden(s, in).Detach()

	m.AddCross(r, 2, 8, true)
	user := tensor.New(tensor.Float32, 1, 5, 8)
	tensor.Fill(user, 1)
	in.Memory = s.Const(user)
	after := m.Hidden(s, in).Detach()
	fmt.Println(fmt.Sprint(tensor.Data[float32](before)) == fmt.Sprint(tensor.Data[float32](after)))
	if err := nn.TrainOnly(m, "layers.*.cross.**"); err != nil {
		panic(err)
	}
	total, trained := nn.NumParams(m)
	fmt.Println(total, trained)
	// Output:
	// true
	// 29697 2593
}
