package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
)

// Activation is the nonlinearity of a feed-forward layer. Its text form is its
// name, such as "gelu_tanh".
type Activation uint8

// The activations.
const (
	GELU     Activation = iota // x·Φ(x) by erf (arXiv 1606.08415)
	GELUTanh                   // its tanh approximation
	SiLU                       // x·σ(x) (arXiv 1702.03118)
	ReLU                       // max(0, x)
	numActivations
)

var activationNames = [numActivations]string{"gelu", "gelu_tanh", "silu", "relu"}

// String returns the activation's name.
func (a Activation) String() string {
	if a >= numActivations {
		return fmt.Sprintf("activation(%d)", uint8(a))
	}
	return activationNames[a]
}

// MarshalText returns the activation's name.
func (a Activation) MarshalText() ([]byte, error) {
	if a >= numActivations {
		return nil, fmt.Errorf("nn: no activation %d", uint8(a))
	}
	return []byte(a.String()), nil
}

// UnmarshalText sets a from its name.
func (a *Activation) UnmarshalText(text []byte) error {
	for i, n := range activationNames {
		if n == string(text) {
			*a = Activation(i)
			return nil
		}
	}
	return fmt.Errorf("nn: unknown activation %q; one of %q", text, activationNames)
}

// Apply returns the activation of x, elementwise.
func (a Activation) Apply(x *autograd.Var) *autograd.Var {
	switch a {
	case GELU:
		return autograd.GELU(x)
	case GELUTanh:
		return autograd.GELUTanh(x)
	case SiLU:
		return autograd.SiLU(x)
	case ReLU:
		return autograd.ReLU(x)
	}
	panic("nn: " + a.String())
}

// fused returns the activation as the end of a linear operation.
func (a Activation) fused() autograd.Activation {
	switch a {
	case GELU:
		return autograd.ActGELU
	case GELUTanh:
		return autograd.ActGELUTanh
	case SiLU:
		return autograd.ActSiLU
	case ReLU:
		return autograd.ActReLU
	}
	panic("nn: " + a.String())
}

// Gate returns Apply(gate)·up, in one operation for SiLU (SwiGLU) and GELUTanh
// (GeGLU) (Shazeer 2020, arXiv 2002.05202).
func (a Activation) Gate(gate, up *autograd.Var) *autograd.Var {
	switch a {
	case SiLU:
		return autograd.SwiGLU(gate, up)
	case GELUTanh:
		return autograd.GeGLU(gate, up)
	}
	return autograd.Mul(a.Apply(gate), up)
}

// FFN is the feed-forward layer of a Transformer: Down(act(Up(x))) or, with a
// GateProj, Down(act(Gate(x))·Up(x)).
type FFN struct {
	GateProj *Linear // nil: not gated
	UpProj   *Linear // [hidden, dim]
	DownProj *Linear // [dim, hidden]
	Act      Activation
	Dropout  Dropout // of the output
}

// NewFFN returns the feed-forward layer of a block of configuration c.
func NewFFN(r *rand.PCG, c BlockConfig) *FFN {
	c = c.withDefaults()
	f := &FFN{Act: c.Act, Dropout: Dropout(c.Dropout)}
	if c.Gated {
		f.GateProj = NewLinear(r, c.Dim, c.FFN, !c.NoBias)
	}
	f.UpProj = NewLinear(r, c.Dim, c.FFN, !c.NoBias)
	f.DownProj = NewLinear(r, c.FFN, c.Dim, !c.NoBias)
	return f
}

// Forward maps x [..., dim] to [..., dim].
func (f *FFN) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	return f.forward(s, x, nil)
}

// forward is Forward, added to r if that is not nil.
func (f *FFN) forward(s *autograd.Scope, x, r *autograd.Var) *autograd.Var {
	var h *autograd.Var
	if f.GateProj != nil {
		h = f.Act.Gate(f.GateProj.Forward(s, x), f.UpProj.Forward(s, x))
	} else {
		h = f.UpProj.ForwardAct(s, x, f.Act)
	}
	return f.DownProj.end(s, h, f.Dropout, r)
}
