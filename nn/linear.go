package nn

import (
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Linear is an affine map of the last dimension: y = x·Weightᵀ + Bias, plus
// its LoRA. Only its own methods read the weight, so that LoRA is never
// bypassed.
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

// ForwardAct returns act of Forward(x).
func (l *Linear) ForwardAct(s *autograd.Scope, x *autograd.Var, act Activation) *autograd.Var {
	if l.LoRA != nil {
		return act.Apply(l.Forward(s, x))
	}
	return autograd.LinearAct(x, s.Use(l.Weight), s.Use(l.Bias), act.fused())
}

// ForwardAdd returns r + Forward(x), for r of the result's shape.
func (l *Linear) ForwardAdd(s *autograd.Scope, x, r *autograd.Var) *autograd.Var {
	if l.LoRA != nil {
		return autograd.Add(r, l.Forward(s, x))
	}
	return autograd.LinearAdd(x, s.Use(l.Weight), s.Use(l.Bias), r)
}

// CrossEntropy returns CrossEntropy(Forward(x), target, ignore, smoothing),
// with one copy of the logits if there is no LoRA.
func (l *Linear) CrossEntropy(s *autograd.Scope, x *autograd.Var, target *tensor.Tensor, ignore int, smoothing float64) (sum *autograd.Var, n int) {
	if l.LoRA != nil {
		return CrossEntropy(l.Forward(s, x), target, ignore, smoothing)
	}
	return LinearCrossEntropy(x, s.Use(l.Weight), s.Use(l.Bias), target, ignore, smoothing)
}

// end is how a sublayer ends: r + drop(Forward(x)), without r if that is nil.
func (l *Linear) end(s *autograd.Scope, x *autograd.Var, drop Dropout, r *autograd.Var) *autograd.Var {
	switch {
	case r == nil:
		return drop.Forward(s, l.Forward(s, x))
	case drop.active(s):
		return autograd.Add(r, drop.Forward(s, l.Forward(s, x)))
	}
	return l.ForwardAdd(s, x, r)
}
