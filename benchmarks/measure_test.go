package benchmarks

import (
	"math/rand/v2"
	"testing"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

const warm = 5

// measure times f, after warm calls, and reports the rate if a call has a
// stated number of floating-point operations.
func measure(b *testing.B, flops int, f func()) {
	b.Helper()
	b.ReportAllocs()
	for range warm {
		f()
	}
	for b.Loop() {
		f()
	}
	if flops > 0 {
		perCall(b, float64(flops)/1e9, "GFLOP/s")
	}
}

// perCall reports how much of what a call does is done in a second.
func perCall(b *testing.B, much float64, unit string) {
	b.ReportMetric(much*float64(b.N)/b.Elapsed().Seconds(), unit)
}

// normal returns a tensor of the standard normal distribution, the same at
// every call.
func normal(dt tensor.DType, shape ...int) *tensor.Tensor {
	return tensor.Normal(rand.NewPCG(1, 2), dt, 1, shape...)
}

func normal32(shape ...int) *tensor.Tensor { return normal(tensor.Float32, shape...) }

// below returns int32s from [0, n).
func below(n int, shape ...int) *tensor.Tensor {
	t, r := tensor.New(tensor.Int32, shape...), rand.New(rand.NewPCG(3, 4))
	for i, d := 0, tensor.Data[int32](t); i < len(d); i++ {
		d[i] = r.Int32N(int32(n))
	}
	return t
}

// parameter returns a parameter whose gradient buffer is there already.
func parameter(shape ...int) *autograd.Param {
	return &autograd.Param{Value: normal32(shape...), Grad: tensor.New(tensor.Float32, shape...)}
}

// An operation is benchmarked forward (fwd), and forward and backward
// (fwdbwd) from a random gradient of its result.
type operation func(s *autograd.Scope) *autograd.Var

func (f operation) run(b *testing.B, shape string, flops int) {
	b.Run("fwd/"+shape, func(b *testing.B) { f.forward(b, flops) })
	b.Run("fwdbwd/"+shape, func(b *testing.B) { f.backward(b, 3*flops) })
}

func (f operation) forward(b *testing.B, flops int) {
	s := autograd.Inference()
	measure(b, flops, func() {
		s.Reset()
		f(s)
	})
}

func (f operation) backward(b *testing.B, flops int) {
	s := autograd.NewScope(true)
	dy := normal32(f(s).Shape()...)
	measure(b, flops, func() {
		s.Reset()
		f(s).BackwardFrom(dy)
	})
}
