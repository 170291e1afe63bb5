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
func (o *Adafactor) Step(ps []nn.Named) {
	for _, p := range ps {
		if idle(p) {
			continue
		}
		switch p.Param.Value.DType() {
		case tensor.Float32:
			adafactorStep[float32](o, p)
		case tensor.Float64:
			adafactorStep[float64](o, p)
		default:
			noFloat("adafactor", p)
		}
	}
}

func adafactorStep[T tensor.Float](o *Adafactor, p nn.Named) {
	w, g := values[T](p)
	shape := p.Param.Value.Shape()
	var s *slot
	if k := len(shape); k >= 2 {
		rows, cols := shape[k-2], shape[k-1]
		colShape := append(shape[:k-2:k-2], cols)
		s = o.state.of("adafactor", p, shape[:k-1], colShape)
		s.steps++
		beta := adafactorBeta(s.steps)
		r, c := tensor.Data[T](s.tensors[0]), tensor.Data[T](s.tensors[1])
		for i := range len(w) / (rows * cols) {
			factored(g[i*rows*cols:][:rows*cols], r[i*rows:][:rows], c[i*cols:][:cols], beta)
		}
	} else {
		s = o.state.of("adafactor", p, shape)
		s.steps++
		beta := adafactorBeta(s.steps)
		v := tensor.Data[T](s.tensors[0])
		parallel.For(len(w), grain, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				x := float64(g[i])
				m := beta*float64(v[i]) + (1-beta)*(x*x+adafactorEps1)
				v[i] = T(m)
				g[i] = T(x / math.Sqrt(m))
			}
		})
	}

	// g now holds the update u, still unclipped.
	n := float64(len(w))
	lr := o.LR
	if o.Relative {
		lr = max(adafactorEps2, math.Sqrt(sumSquares(w)/n)) * min(1e-2, 1/math.Sqrt(float64(s.steps)))
	}
	step := lr
	if clip := orDefault(o.Clip, 1); clip > 0 {
		step /= max(1, math.Sqrt(sumSquares(g)/n)/clip)
	}
	keep := 1 - lr*decayOf(p, o.Decay, o.Decays)
	parallel.For(len(w), grain, func(lo, hi int) {
		if keep != 1 {
			kernel.Scale(w[lo:hi], w[lo:hi], T(keep))
		}
		kernel.AddScaled(w[lo:hi], g[lo:hi], T(-step))
	})
}

// adafactorBeta is the paper's β̂₂ at step t (section 7.2), 0 at the first.
func adafactorBeta(t uint64) float64 { return 1 - math.Pow(float64(t), -0.8) }

// factored moves the row and column means r and c on by the squares of the
// matrix g and turns g into its update.
func factored[T tensor.Float](g, r, c []T, beta float64) {
	rows, cols := len(r), len(c)
	parallel.For(rows, max(1, grain/cols), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			mean := sumSquaresOf(g[i*cols:][:cols])/float64(cols) + adafactorEps1
			r[i] = T(beta*float64(r[i]) + (1-beta)*mean)
		}
	})
	const lanes = 256 // columns at a time: their sums stay in the cache
	parallel.For(cols, lanes, func(lo, hi int) {
		var sum [lanes]float64
		for i := range rows {
			for j, x := range g[i*cols+lo : i*cols+hi] {
				sum[j] += float64(x) * float64(x)
			}
		}
		for j := lo; j < hi; j++ {
			mean := sum[j-lo]/float64(rows) + adafactorEps1
			c[j] = T(beta*float64(c[j]) + (1-beta)*mean)
		}
	})
	mean := 0.0
	for _, v := range r {
		mean += float64(v)
	}
	mean /= float64(rows)
	across := make([]float64, cols)
	for j, v := range c {
		across[j] = 1 / math.Sqrt(float64(v))
	}
	parallel.For(rows, max(1, grain/cols), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			down := math.Sqrt(mean / float64(r[i]))
			row := g[i*cols:][:cols]
			for j := range row {
				row[j] = T(float64(row[j]) * down * across[j])
			}
		}
	})
}

// MarshalBinary returns the second moments and step counts of all parameters.
func (o *Adafactor) MarshalBinary() ([]byte, error) { return o.state.marshal("adafactor"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *Adafactor) UnmarshalBinary(b []byte) error { return o.state.unmarshal("adafactor", b) }
