package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// ReLU returns max(x, 0); its gradient at 0 is 0.
func ReLU(x *Var) *Var {
	return unary("relu", x, kernel.ReLU[float32], kernel.ReLU[float64], fromInput, kernel.ReLUGrad[float32], kernel.ReLUGrad[float64])
}

// GELU returns x·Φ(x), Φ the normal distribution function by erf (Hendrycks
// and Gimpel 2016, arXiv 1606.08415).
func GELU(x *Var) *Var {
	return unary("gelu", x, kernel.GELU[float32], kernel.GELU[float64], fromInput, kernel.GELUGrad[float32], kernel.GELUGrad[float64])
}

// GELUTanh returns GELU's approximation by tanh, of the same paper: the one of
// GPT-2 and Gemma.
func GELUTanh(x *Var) *Var {
	return unary("gelu tanh", x, kernel.GELUTanh[float32], kernel.GELUTanh[float64], fromInput, kernel.GELUTanhGrad[float32], kernel.GELUTanhGrad[float64])
}

// SiLU returns x·sigmoid(x), also called swish.
func SiLU(x *Var) *Var {
	return unary("silu", x, kernel.SiLU[float32], kernel.SiLU[float64], fromInput, kernel.SiLUGrad[float32], kernel.SiLUGrad[float64])
}

// Softplus returns log(1 + exp(x)).
func Softplus(x *Var) *Var {
	return unary("softplus", x, kernel.Softplus[float32], kernel.Softplus[float64], fromInput, kernel.SoftplusGrad[float32], kernel.SoftplusGrad[float64])
}

// SwiGLU returns silu(gate)·up, of one shape (Shazeer 2020, arXiv 2002.05202).
func SwiGLU(gate, up *Var) *Var {
	return gated("swiglu", gate, up, kernel.SwiGLU[float32], kernel.SwiGLU[float64], kernel.SwiGLUGrad[float32], kernel.SwiGLUGrad[float64])
}

// GeGLU returns GELUTanh(gate)·up, of one shape (Shazeer 2020, arXiv
// 2002.05202).
func GeGLU(gate, up *Var) *Var {
	return gated("geglu", gate, up, kernel.GeGLU[float32], kernel.GeGLU[float64], kernel.GeGLUGrad[float32], kernel.GeGLUGrad[float64])
}

func gated(op string, gate, up *Var, f32 func(y, g, u []float32), f64 func(y, g, u []float64), g32 func(dg, du, g, u, dy []float32), g64 func(dg, du, g, u, dy []float64)) *Var {
	if !gate.t.SameShape(up.t) {
		tensor.Fail(op, "gate and up differ in shape", gate.t, up.t)
	}
	y := out(op, gate.Shape(), gate, up)
	g, u := y.s.dense(gate.t), y.s.dense(up.t)
	if y.DType() == tensor.Float32 {
		gatedForward(y.t, g, u, f32)
	} else {
		gatedForward(y.t, g, u, f64)
	}
	return y.record(0, func(dy *tensor.Tensor) {
		dg, du := y.s.like(dy), y.s.keep(dy)
		if y.DType() == tensor.Float32 {
			gatedBackward(dg, du, g, u, g32)
		} else {
			gatedBackward(dg, du, g, u, g64)
		}
		gate.Give(dg)
		up.Give(du)
	})
}

func gatedForward[T tensor.Float](y, g, u *tensor.Tensor, f func(y, g, u []T)) {
	yd, gd, ud := tensor.Data[T](y), tensor.Data[T](g), tensor.Data[T](u)
	split(len(yd), 1, func(lo, hi int) { f(yd[lo:hi], gd[lo:hi], ud[lo:hi]) })
}

// gatedBackward takes dy in du.
func gatedBackward[T tensor.Float](dg, du, g, u *tensor.Tensor, f func(dg, du, g, u, dy []T)) {
	dgd, dud, gd, ud := tensor.Data[T](dg), tensor.Data[T](du), tensor.Data[T](g), tensor.Data[T](u)
	split(len(dgd), 1, func(lo, hi int) { f(dgd[lo:hi], dud[lo:hi], gd[lo:hi], ud[lo:hi], dud[lo:hi]) })
}

// actGrad writes the gradient of act's operand x to dx, which may be dy. ReLU
// may be given its result for x.
func actGrad(act Activation, dx, x, dy *tensor.Tensor) {
	var f32 func(dx, x, dy []float32)
	var f64 func(dx, x, dy []float64)
	switch act {
	case ActGELU:
		f32, f64 = kernel.GELUGrad[float32], kernel.GELUGrad[float64]
	case ActGELUTanh:
		f32, f64 = kernel.GELUTanhGrad[float32], kernel.GELUTanhGrad[float64]
	case ActSiLU:
		f32, f64 = kernel.SiLUGrad[float32], kernel.SiLUGrad[float64]
	case ActReLU:
		f32, f64 = kernel.ReLUGrad[float32], kernel.ReLUGrad[float64]
	}
	tensor.BinaryInto("linear act", dx, x, dy, f32, f64)
}
