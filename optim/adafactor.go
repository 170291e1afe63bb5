package optim

import (
	"math"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// Adafactor keeps, for a matrix, only the mean squared gradient of every row
// and column instead of one per weight (Shazeer and Stern 2018, arXiv
// 1804.04235, algorithms 4 and 5, without momentum):
//
//	β = 1 - t^-0.8
//	r = β·r + (1-β)·mean over columns of (g² + 1e-30),  c likewise over rows
//	u = g / √(r·c / mean(r)),  u /= max(1, RMS(u)/Clip)
//	w -= α·(Decay·w + u)
//
// Vectors and scalars keep the whole second moment. Of a tensor with more than
// two dimensions the last two are factored.
type Adafactor struct {
	// LR is the step size α. With Relative it is not used.
	LR float64
	// Relative takes α = max(1e-3, RMS(w))·min(1e-2, 1/√t) instead, the
	// paper's choice for training from scratch.
	Relative bool
	Clip     float64 // largest RMS of an update; 0 means 1, a negative value none
	Decay    float64 // decoupled weight decay; 0 means none
	// Decays says which parameters decay; nil means DecayMatrices.
	Decays func(nn.Named) bool

	state states
}

// The paper's ε₁ and ε₂.
const (
	adafactorEps1 = 1e-30
	adafactorEps2 = 1e-3
)

// SetLR sets the learning rate of the next steps.
func (o *Adafactor) SetLR(lr float64) { o.LR = lr }

// Step updates the parameters from their gradients.
func (o *Adafactor) Step(ps []nn.Named) { o.step(ps, 1) }

func (o *Adafactor) step(ps []nn.Named, scale float64) {
	for _, p := range ps {
		if idle(p) {
			continue
		}
		switch p.Param.Value.DType() {
		case tensor.Float32:
			adafactorStep[float32](o, p, scale)
		case tensor.Float64:
			adafactorStep[float64](o, p, scale)
		default:
			noFloat("adafactor", p)
		}
	}
}

func adafactorStep[T tensor.Float](o *Adafactor, p nn.Named, scale float64) {
	w, g := values[T](p)
	shape := p.Param.Value.Shape()
	k := len(shape)
	var s *slot
	if k >= 2 {
		s = o.state.of("adafactor", p, shape[:k-1], append(shape[:k-2:k-2], shape[k-1]))
	} else {
		s = o.state.same("adafactor", p, 1)
	}
	s.steps++
	beta := adafactorBeta(s.steps)
	lr := o.LR
	if o.Relative {
		lr = max(adafactorEps2, math.Sqrt(sumSquares(w)/float64(len(w)))) * min(1e-2, 1/math.Sqrt(float64(s.steps)))
	}
	keep := 1 - lr*decayOf(p, o.Decay, o.Decays)
	// clipped is the step size for updates whose squares have this sum.
	clipped := func(squares float64) float64 {
		if clip := orDefault(o.Clip, 1); clip > 0 {
			return lr / max(1, math.Sqrt(squares/float64(len(w)))/clip)
		}
		return lr
	}
	if k < 2 {
		updateWhole(w, g, tensor.Data[T](s.tensors[0]), beta, keep, scale, clipped)
		return
	}
	rows, cols := shape[k-2], shape[k-1]
	f := factoredOf[T](s, rows, cols)
	f.w, f.g = w, g
	f.moments(beta, scale)
	f.update(keep, clipped(f.squares()))
}

// updateWhole is the update of a vector, whose second moment v is whole.
func updateWhole[T tensor.Float](w, g, v []T, beta, keep, scale float64, clipped func(squares float64) float64) {
	parallel.For(len(w), grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			x := float64(g[i]) * scale
			v[i] = moved(v[i], beta, x*x)
			g[i] = T(x / math.Sqrt(float64(v[i])))
		}
	})
	step := clipped(sumSquares(g))
	parallel.For(len(w), grain, func(lo, hi int) {
		kernel.Scale(w[lo:hi], w[lo:hi], T(keep))
		kernel.AddScaled(w[lo:hi], g[lo:hi], T(-step))
	})
}

// adafactorBeta is the paper's β̂₂ at step t (section 7.2), 0 at the first.
func adafactorBeta(t uint64) float64 { return 1 - math.Pow(float64(t), -0.8) }

// MarshalBinary returns the second moments and step counts of all parameters.
func (o *Adafactor) MarshalBinary() ([]byte, error) { return o.state.marshal("adafactor"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *Adafactor) UnmarshalBinary(b []byte) error { return o.state.unmarshal("adafactor", b) }
