package optim

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// SGD is stochastic gradient descent with momentum (Sutskever et al. 2013):
//
//	g += Decay·w,  b = Momentum·b + g
//	w -= LR·b, or with Nesterov  w -= LR·(g + Momentum·b)
//
// The first b of a parameter is its first g.
type SGD struct {
	LR       float64 // learning rate
	Momentum float64 // 0 means none
	Nesterov bool    // look ahead along the momentum
	Decay    float64 // L2 penalty; 0 means none
	// Decays says which parameters decay; nil means DecayMatrices.
	Decays func(nn.Named) bool

	state states
}

// SetLR sets the learning rate of the next steps.
func (o *SGD) SetLR(lr float64) { o.LR = lr }

// Step updates the parameters from their gradients.
func (o *SGD) Step(ps []nn.Named) { o.step(ps, 1) }

func (o *SGD) step(ps []nn.Named, scale float64) {
	for _, p := range ps {
		if idle(p) {
			continue
		}
		switch p.Param.Value.DType() {
		case tensor.Float32:
			sgdStep[float32](o, p, scale)
		case tensor.Float64:
			sgdStep[float64](o, p, scale)
		default:
			noFloat("sgd", p)
		}
	}
}

func sgdStep[T tensor.Float](o *SGD, p nn.Named, scale float64) {
	w, g := values[T](p)
	var b []T
	if o.Momentum != 0 {
		s := o.state.of("sgd", p, p.Param.Value.Shape())
		s.steps++
		b = tensor.Data[T](s.tensors[0])
	}
	decay := decayOf(p, o.Decay, o.Decays)
	step := kernel.MomentumStep{LR: o.LR, Momentum: o.Momentum, L2: decay, Scale: scale, Nesterov: o.Nesterov}
	parallel.For(len(w), grain, func(lo, hi int) {
		w, g := w[lo:hi], g[lo:hi]
		switch {
		case b != nil:
			kernel.Momentum(w, g, b[lo:hi], step)
		case decay != 0:
			kernel.Scale(w, w, T(1-o.LR*decay))
			fallthrough
		default:
			kernel.AddScaled(w, g, T(-o.LR*scale))
		}
	})
}

// MarshalBinary returns the momentum of all parameters.
func (o *SGD) MarshalBinary() ([]byte, error) { return o.state.marshal("sgd"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *SGD) UnmarshalBinary(b []byte) error { return o.state.unmarshal("sgd", b) }
