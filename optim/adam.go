package optim

import (
	"math"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv
// 1711.05101, algorithm 2):
//
//	m = β₁m + (1-β₁)g,  v = β₂v + (1-β₂)g²
//	w -= LR · (Decay·w + m̂/(√v̂ + Eps))
//
// where m̂ and v̂ are m and v without their bias towards zero. A parameter's
// bias correction counts its own steps, not those in which it was left alone.
type AdamW struct {
	LR    float64 // learning rate
	Beta1 float64 // 0 means 0.9, a negative value none
	Beta2 float64 // 0 means 0.999, a negative value none
	Eps   float64 // 0 means 1e-8, a negative value none
	Decay float64 // weight decay; 0 means none
	// Decays says which parameters decay; nil means DecayMatrices.
	Decays func(nn.Named) bool

	state states
}

// SetLR sets the learning rate of the next steps.
func (o *AdamW) SetLR(lr float64) { o.LR = lr }

// Step updates the parameters from their gradients.
func (o *AdamW) Step(ps []nn.Named) { o.step(ps, 1) }

func (o *AdamW) step(ps []nn.Named, scale float64) {
	h := adam{o.LR, orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.999), orDefault(o.Eps, 1e-8)}
	for _, p := range ps {
		if !idle(p) {
			h.step("adamw", p, &o.state, scale, 0, decayOf(p, o.Decay, o.Decays))
		}
	}
}

// MarshalBinary returns the moments and step counts of all parameters.
func (o *AdamW) MarshalBinary() ([]byte, error) { return o.state.marshal("adamw"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *AdamW) UnmarshalBinary(b []byte) error { return o.state.unmarshal("adamw", b) }

// Adam is the method of Kingma and Ba (2015, arXiv 1412.6980, algorithm 1).
// Its decay is the classical one, added to the gradient and so divided by √v̂
// with it; [AdamW] is usually the better choice.
type Adam struct {
	LR    float64 // learning rate
	Beta1 float64 // 0 means 0.9, a negative value none
	Beta2 float64 // 0 means 0.999, a negative value none
	Eps   float64 // 0 means 1e-8, a negative value none
	Decay float64 // L2 penalty; 0 means none
	// Decays says which parameters decay; nil means DecayMatrices.
	Decays func(nn.Named) bool

	state states
}

// SetLR sets the learning rate of the next steps.
func (o *Adam) SetLR(lr float64) { o.LR = lr }

// Step updates the parameters from their gradients.
func (o *Adam) Step(ps []nn.Named) { o.step(ps, 1) }

func (o *Adam) step(ps []nn.Named, scale float64) {
	h := adam{o.LR, orDefault(o.Beta1, 0.9), orDefault(o.Beta2, 0.999), orDefault(o.Eps, 1e-8)}
	for _, p := range ps {
		if !idle(p) {
			h.step("adam", p, &o.state, scale, decayOf(p, o.Decay, o.Decays), 0)
		}
	}
}

// MarshalBinary returns the moments and step counts of all parameters.
func (o *Adam) MarshalBinary() ([]byte, error) { return o.state.marshal("adam"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *Adam) UnmarshalBinary(b []byte) error { return o.state.unmarshal("adam", b) }

type adam struct{ lr, beta1, beta2, eps float64 }

// step updates one parameter from scale times its gradient; l2 is added to
// that, decay is decoupled.
func (h adam) step(op string, p nn.Named, st *states, scale, l2, decay float64) {
	switch p.Param.Value.DType() {
	case tensor.Float32:
		adamStep[float32](h, op, p, st, scale, l2, decay)
	case tensor.Float64:
		adamStep[float64](h, op, p, st, scale, l2, decay)
	default:
		noFloat(op, p)
	}
}

func adamStep[T tensor.Float](h adam, op string, p nn.Named, st *states, scale, l2, decay float64) {
	s := st.same(op, p, 2)
	s.steps++
	t := float64(s.steps)
	u := workOf[adamUpdate[T]](s)
	u.w, u.g = values[T](p)
	u.m, u.v = tensor.Data[T](s.tensors[0]), tensor.Data[T](s.tensors[1])
	u.step = kernel.AdamStep{
		LR: h.lr, Beta1: h.beta1, Beta2: h.beta2, Eps: h.eps, Decay: decay, L2: l2, Scale: scale,
		Corr1: 1 - math.Pow(h.beta1, t), Corr2: 1 - math.Pow(h.beta2, t),
	}
	parallel.Do(len(u.w), grain, u)
}

type adamUpdate[T tensor.Float] struct {
	w, g, m, v []T
	step       kernel.AdamStep
}

func (u *adamUpdate[T]) Run(lo, hi int) {
	kernel.AdamW(u.w[lo:hi], u.g[lo:hi], u.m[lo:hi], u.v[lo:hi], u.step)
}
