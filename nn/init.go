package nn

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Zeros returns a float32 parameter of zeros.
func Zeros(shape ...int) *autograd.Param {
	return &autograd.Param{Value: tensor.New(tensor.Float32, shape...)}
}

// Ones returns a float32 parameter of ones.
func Ones(shape ...int) *autograd.Param {
	p := Zeros(shape...)
	tensor.Fill(p.Value, 1)
	return p
}

// Normal returns a float32 parameter drawn from the normal distribution with
// mean 0 and standard deviation std.
func Normal(r *rand.PCG, std float64, shape ...int) *autograd.Param {
	p, g := Zeros(shape...), rand.New(r)
	d := tensor.Data[float32](p.Value)
	for i := range d {
		d[i] = float32(std * g.NormFloat64())
	}
	return p
}

// Uniform returns a float32 parameter drawn uniformly from [-bound, bound).
func Uniform(r *rand.PCG, bound float64, shape ...int) *autograd.Param {
	p, g := Zeros(shape...), rand.New(r)
	d := tensor.Data[float32](p.Value)
	for i := range d {
		d[i] = float32(bound * (2*g.Float64() - 1))
	}
	return p
}

// Xavier returns an [out, in] parameter, uniform in ±√(6/(in+out)), which
// keeps the variance of activations and gradients in a linear or tanh layer
// (Glorot and Bengio 2010).
func Xavier(r *rand.PCG, out, in int) *autograd.Param {
	return Uniform(r, math.Sqrt(6/float64(max(1, in+out))), out, in)
}

// Kaiming returns an [out, in] parameter, normal with variance 2/in, which
// keeps the variance of activations in a ReLU layer (He et al. 2015, arXiv
// 1502.01852).
func Kaiming(r *rand.PCG, out, in int) *autograd.Param {
	return Normal(r, math.Sqrt(2/float64(max(1, in))), out, in)
}
