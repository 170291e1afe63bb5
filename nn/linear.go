package nn

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
)

// Linear is an affine map of the last dimension: y = x·Weightᵀ + Bias, plus
// its LoRA. Only Forward reads the weight, so that LoRA is never bypassed.
type Linear struct {
	Weight *autograd.Param // [out, in]
	Bias   *autograd.Param // [out], or nil
	LoRA   *LoRA           `name:"lora"` // nil: none
}

// NewLinear returns a layer with weights uniform in ±1/√in and, if asked for,
// a bias of zeros.
func NewLinear(r *rand.PCG, in, out int, bias bool) *Linear {
	l := &Linear{Weight: Uniform(r, 1/math.Sqrt(float64(max(1, in))), out, in)}
	if bias {
		l.Bias = Zeros(out)
	}
	return l
}

// Forward maps x [..., in] to [..., out]. It panics with *tensor.ShapeError if
// x does not fit.
func (l *Linear) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	y := autograd.Linear(x, s.Use(l.Weight), s.Use(l.Bias))
	if l.LoRA != nil {
		y = autograd.Add(y, l.LoRA.Forward(s, x))
	}
	return y
}
