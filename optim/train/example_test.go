package train_test

import (
	"context"
	"encoding"
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
)

// A line is fitted to points, in two runs of which the second continues the
// first.
func ExampleRun() {
	type point struct{ x, y float32 }
	var points []point
	for i := range 20 {
		x := float32(i)/10 - 1
		points = append(points, point{x, 3*x + 1})
	}
	dir, err := os.MkdirTemp("", "line")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	fit := func(steps int) *nn.Linear {
		line := nn.NewLinear(rand.NewPCG(1, 0), 1, 1, true)
		err := train.Run(context.Background(), train.Config{
			Steps: steps, Dir: dir,
			Start: func(step int) { fmt.Println("from step", step) },
		}, train.Task[point]{
			Model: line,
			Opt:   &optim.SGD{LR: 0.1, Momentum: 0.5},
			Data:  &train.Loader[point]{Items: points, Batch: 5},
			Loss: func(s *autograd.Scope, batch []point) (*autograd.Var, float64) {
				x, y := tensor.New(tensor.Float32, len(batch), 1), tensor.New(tensor.Float32, len(batch), 1)
				for i, p := range batch {
					tensor.Data[float32](x)[i], tensor.Data[float32](y)[i] = p.x, p.y
				}
				diff := autograd.Sub(line.Forward(s, s.Const(x)), s.Const(y))
				return autograd.Sum(autograd.Square(diff)), float64(len(batch))
			},
		})
		if err != nil {
			fmt.Println(err)
		}
		return line
	}
	fit(50)
	line := fit(200)
	fmt.Printf("y = %.2fx + %.2f\n", line.Weight.Value.Item(), line.Bias.Value.Item())
	// Output:
	// from step 0
	// from step 50
	// y = 3.00x + 1.00
}

// A loop written elsewhere saves its own parts.
func ExampleSaver() {
	dir, err := os.MkdirTemp("", "saver")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	saver := train.Saver{Dir: dir}
	model, noise := nn.NewLinear(rand.NewPCG(1, 0), 2, 2, false), rand.NewPCG(2, 0)
	err = saver.Save(123, map[string]encoding.BinaryMarshaler{
		"weights.safetensors": train.Weights(model),
		"noise.bin":           noise,
	})
	if err != nil {
		panic(err)
	}
	next := noise.Uint64()

	step, err := saver.Latest()
	if err != nil {
		panic(err)
	}
	err = saver.Load(step, map[string]encoding.BinaryUnmarshaler{
		"weights.safetensors": train.Weights(model),
		"noise.bin":           noise,
	})
	fmt.Println(step, err, noise.Uint64() == next)
	// Output: 123 <nil> true
}
