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
	decay := decayOf(p, o.Decay, o.Decays)
	if o.Momentum == 0 {
		w, g := values[T](p)
		parallel.For(len(w), grain, func(lo, hi int) {
			if decay != 0 {
				kernel.Scale(w[lo:hi], w[lo:hi], T(1-o.LR*decay))
			}
			kernel.AddScaled(w[lo:hi], g[lo:hi], T(-o.LR*scale))
		})
		return
	}
	s := o.state.same("sgd", p, 1)
	s.steps++
	u := workOf[momentumUpdate[T]](s)
	u.w, u.g = values[T](p)
	u.b = tensor.Data[T](s.tensors[0])
	u.step = kernel.MomentumStep{LR: o.LR, Momentum: o.Momentum, L2: decay, Scale: scale, Nesterov: o.Nesterov}
	parallel.Do(len(u.w), grain, u)
}

type momentumUpdate[T tensor.Float] struct {
	w, g, b []T
	step    kernel.MomentumStep
}

func (u *momentumUpdate[T]) Run(lo, hi int) {
	kernel.Momentum(u.w[lo:hi], u.g[lo:hi], u.b[lo:hi], u.step)
}

// MarshalBinary returns the momentum of all parameters.
func (o *SGD) MarshalBinary() ([]byte, error) { return o.state.marshal("sgd"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *SGD) UnmarshalBinary(b []byte) error { return o.state.unmarshal("sgd", b) }
