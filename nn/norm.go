package nn

import "github.com/noema-ml/noema/autograd"

// Norm is a layer that normalises the last dimension: *LayerNorm or *RMSNorm.
type Norm interface {
	Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var
}

// LayerNorm gives each vector mean 0 and variance 1, then scales and shifts it
// (Ba et al. 2016, arXiv 1607.06450).
type LayerNorm struct {
	Weight *autograd.Param // [dim]
	Bias   *autograd.Param // [dim], or nil
	Eps    float64         // 0 stands for 1e-5
}

// NewLayerNorm returns a norm with weight 1 and, if asked for, bias 0.
func NewLayerNorm(dim int, bias bool) *LayerNorm {
	n := &LayerNorm{Weight: Ones(dim)}
	if bias {
		n.Bias = Zeros(dim)
	}
	return n
}

// Forward normalises x [..., dim]. It panics with *tensor.ShapeError if x does
// not fit.
func (n *LayerNorm) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	return autograd.LayerNorm(x, s.Use(n.Weight), s.Use(n.Bias), orDefault(n.Eps, 1e-5))
}

// RMSNorm divides each vector by its root mean square, then scales it (Zhang
// and Sennrich 2019, arXiv 1910.07467).
type RMSNorm struct {
	Weight *autograd.Param // [dim]
	Eps    float64         // 0 stands for 1e-5
}

// NewRMSNorm returns a norm with weight 1.
func NewRMSNorm(dim int) *RMSNorm { return &RMSNorm{Weight: Ones(dim)} }

// Forward normalises x [..., dim]. It panics with *tensor.ShapeError if x does
// not fit.
func (n *RMSNorm) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	return autograd.RMSNorm(x, s.Use(n.Weight), orDefault(n.Eps, 1e-5))
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
