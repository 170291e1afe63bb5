package tensor_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/tensor"
)

// Operands broadcast as in NumPy, and views share storage.
func Example() {
	x := tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	row := tensor.Of([]float32{10, 20, 30})
	fmt.Println(tensor.Add(x, row))
	fmt.Println(x.Transpose(0, 1))
	fmt.Println(tensor.Mean(x, 0))

	tensor.Fill(x.Slice(1, 0, 1), 0) // the first column of x itself
	fmt.Println(x)
	// Output:
	// float32[2 3] [11 22 33 14 25 36]
	// float32[3 2] [1 4 2 5 3 6]
	// float32[3] [2.5 3.5 4.5]
	// float32[2 3] [0 2 3 0 5 6]
}

// An arena takes all its buffers back at once. What is used after that is
// caught; Clone copies out what must live on.
func ExampleArena() {
	var a tensor.Arena
	x := a.New(tensor.Float32, 3)
	tensor.Fill(x, 2)
	y := tensor.Exp(x) // lives where x lives
	kept := x.Clone()
	a.Reset()

	fmt.Println(kept)
	fmt.Println(y)
	defer func() { fmt.Println(recover()) }()
	tensor.Add(kept, y)
	// Output:
	// float32[3] [2 2 2]
	// float32[3] (released)
	// add: float32 tensor [3] was released by its arena; Clone or Detach what must outlive a step
}

// Try is for shapes that come from data.
func ExampleTry() {
	err := tensor.Try(func() error {
		tensor.MatMul(tensor.New(tensor.Float32, 32, 784), tensor.New(tensor.Float32, 512, 10))
		return nil
	})
	fmt.Println(err)
	// Output: matmul: inner dimensions differ: [32 784] × [512 10]
}

func ExampleMatMul() {
	batch := tensor.Of([]float64{1, 0, 0, 1, 2, 0, 0, 2}, 2, 2, 2)
	m := tensor.Of([]float64{1, 2, 3, 4}, 2, 2)
	fmt.Println(tensor.MatMul(batch, m.Transpose(0, 1)))
	// Output: float64[2 2 2] [1 3 2 4 2 6 4 8]
}

// Masked positions get no weight.
func ExampleSoftmax() {
	scores := tensor.Of([]float32{1, 1, 5})
	hidden := tensor.Of([]bool{false, false, true})
	fmt.Println(tensor.Softmax(tensor.MaskedFill(scores, hidden, math.Inf(-1)), -1))
	// Output: float32[3] [0.5 0.5 0]
}

func ExampleGather() {
	logProbs := tensor.Of([]float32{-1, -2, -3, -4}, 2, 2)
	taken := tensor.Of([]int32{1, 0}).Unsqueeze(1)
	fmt.Println(tensor.Gather(logProbs, 1, taken).Squeeze(1))
	// Output: float32[2] [-2 -3]
}

func ExampleTopK() {
	values, index := tensor.TopK(tensor.Of([]float32{0.1, 0.7, 0.2, 0.7}), 3)
	fmt.Println(values, index)
	// Output: float32[3] [0.7 0.7 0.2] int32[3] [1 3 2]
}

func ExampleSumTo() {
	dy := tensor.Full(tensor.Float32, 1, 4, 3)
	fmt.Println(tensor.SumTo(dy, 3)) // the gradient of a bias
	// Output: float32[3] [4 4 4]
}

// The same seed gives the same numbers.
func ExampleNormal() {
	a := tensor.Normal(rand.NewPCG(1, 2), tensor.Float32, 0.02, 2, 2)
	b := tensor.Normal(rand.NewPCG(1, 2), tensor.Float32, 0.02, 2, 2)
	fmt.Println(tensor.AllFinite(a), tensor.Sum(tensor.Sub(a, b)).Item())
	// Output: true 0
}
