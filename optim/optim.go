// Package optim trains parameters: optimizers, learning-rate schedules and
// what stands between Backward and a step (scaling, clipping and clearing
// gradients).
//
// Every function takes the parameters as [nn.Params] lists them. Parameters
// that are frozen, and those whose gradient is nil because no Backward reached
// them since [Zero], are left alone by all of them. An optimizer keeps its state by the
// parameters' names, so layers may be frozen, thawed or added between steps.
//
// Results have the same bits for any GOMAXPROCS: elementwise work is split by
// size alone, and sums are added in a fixed order.
package optim

import (
	"encoding"
	"fmt"
	"math"
	"sync"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// grain is the number of elements that one chunk of work holds.
const grain = 1 << 14

// An Optimizer updates parameters from their gradients.
//
// Step may overwrite the gradients as it uses them; [Zero] clears them for the
// next pass. It panics with *[tensor.ShapeError] on a parameter that is not
// float32 or float64 or not contiguous, and on one whose shape or dtype is not
// that of its state.
//
// MarshalBinary gives the state of all parameters (moments and step counts,
// not the hyperparameters, which are the program's), and UnmarshalBinary puts
// it back bit for bit. UnmarshalBinary returns an error, and changes nothing,
// for bytes that are damaged or of another kind of optimizer.
type Optimizer interface {
	Step(ps []nn.Named)
	SetLR(lr float64)
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// DecayMatrices is the default decay rule: weights of two and more dimensions
// (matrices, embeddings, convolutions) decay; biases, the gains of norms and
// other vectors and scalars do not, because shrinking them does not regularise
// but only biases the layer.
func DecayMatrices(p nn.Named) bool { return p.Param.Value.Rank() >= 2 }

// decayOf returns the decay of one parameter under rule, DecayMatrices if nil.
func decayOf(p nn.Named, decay float64, rule func(nn.Named) bool) float64 {
	if rule == nil {
		rule = DecayMatrices
	}
	if decay == 0 || !rule(p) {
		return 0
	}
	return decay
}

// orDefault reads a hyperparameter whose zero value means its usual value and
// whose negative values mean none.
func orDefault(v, usual float64) float64 {
	switch {
	case v == 0:
		return usual
	case v < 0:
		return 0
	}
	return v
}

// idle reports whether a step leaves p alone.
func idle(p nn.Named) bool {
	return p.Param.Frozen || p.Param.Grad == nil || p.Param.Value.Len() == 0
}

// values returns a parameter's weights and gradients.
func values[T tensor.Float](p nn.Named) (w, g []T) {
	return tensor.Data[T](p.Param.Value), tensor.Data[T](p.Param.Grad)
}

// noFloat panics because op cannot train p's dtype.
func noFloat(op string, p nn.Named) {
	tensor.Fail(op, fmt.Sprintf("%s is %v; only float32 and float64 can be trained", p.Name, p.Param.Value.DType()), p.Param.Value)
}

// Tier names the kernels that this process computes with. Bits are the same
// for one tier, so checkpoints record it.
func Tier() string { return kernel.Tier() }

// Scale multiplies every gradient by c. After Backward of a summed loss,
// c = 1/weight makes it the gradient of the mean.
func Scale(ps []nn.Named, c float64) {
	for _, p := range ps {
		if idle(p) {
			continue
		}
		switch p.Param.Value.DType() {
		case tensor.Float32:
			scale[float32](p, c)
		case tensor.Float64:
			scale[float64](p, c)
		default:
			noFloat("scale gradients", p)
		}
	}
}

func scale[T tensor.Float](p nn.Named, c float64) {
	_, g := values[T](p)
	parallel.For(len(g), grain, func(lo, hi int) { kernel.Scale(g[lo:hi], g[lo:hi], T(c)) })
}

// Norm returns the Euclidean norm of all gradients taken as one vector,
// computed in float64. It is NaN or +Inf if a gradient holds such a value.
func Norm(ps []nn.Named) float64 {
	sum := 0.0
	for _, p := range ps {
		if idle(p) {
			continue
		}
		switch p.Param.Value.DType() {
		case tensor.Float32:
			_, g := values[float32](p)
			sum += sumSquares(g)
		case tensor.Float64:
			_, g := values[float64](p)
			sum += sumSquares(g)
		default:
			noFloat("gradient norm", p)
		}
	}
	return math.Sqrt(sum)
}

// ClipNorm scales the gradients down so that their norm is at most max, and
// returns the norm that they had (Pascanu et al. 2013, arXiv 1211.5063,
// algorithm 1). If that is not finite it leaves the gradients as they are: the
// caller sees it in the result and must not step. A max of zero or less only
// measures.
func ClipNorm(ps []nn.Named, max float64) float64 {
	norm := Norm(ps)
	if max > 0 && norm > max && !math.IsInf(norm, 1) {
		Scale(ps, max/norm)
	}
	return norm
}

// Zero clears the gradients for the next pass, to nil, and keeps their buffers
// (autograd.Param.ClearGrad).
func Zero(ps []nn.Named) {
	for _, p := range ps {
		p.Param.ClearGrad()
	}
}

// Update makes a whole step from the gradients that Backward left: it scales
// them by c, clips their norm to max ([ClipNorm]), lets opt step and clears them
// ([Zero]). It returns the norm that the scaled gradients had. If that is not
// finite it does nothing else. An optimizer of this package takes the scale
// along in its own pass over the gradients.
func Update(opt Optimizer, ps []nn.Named, c, max float64) float64 {
	unscaled := Norm(ps)
	norm := unscaled * math.Abs(c)
	if math.IsNaN(norm) || math.IsInf(norm, 1) {
		return norm
	}
	if max > 0 && norm > max {
		c *= max / norm
	}
	const large = 1e18 // an optimizer that squares gradients first would overflow
	if o, ok := opt.(interface{ step([]nn.Named, float64) }); ok && unscaled < large {
		o.step(ps, c)
	} else {
		Scale(ps, c)
		opt.Step(ps)
	}
	Zero(ps)
	return norm
}

// sumSquares returns Σ x² in float64: a float32 sum would overflow at 1e19 and
// lose digits in a large model.
func sumSquares[T tensor.Float](x []T) float64 {
	if len(x) <= grain {
		return sumSquaresOf(x)
	}
	s := squareSums.Get().(*squareSum)
	defer squareSums.Put(s)
	s.x32, s.x64 = nil, nil
	switch x := any(x).(type) {
	case []float32:
		s.x32 = x
	case []float64:
		s.x64 = x
	}
	s.parts = append(s.parts[:0], make([]float64, (len(x)+grain-1)/grain)...)
	parallel.Do(len(x), grain, s)
	sum := 0.0
	for _, p := range s.parts {
		sum += p
	}
	return sum
}

// squareSum sums squares in parts. It is pooled, as a closure would be
// allocated each time.
type squareSum struct {
	x32   []float32
	x64   []float64
	parts []float64
}

var squareSums = sync.Pool{New: func() any { return new(squareSum) }}

func (s *squareSum) Run(lo, hi int) {
	if s.x32 != nil {
		s.parts[lo/grain] = sumSquaresOf(s.x32[lo:hi])
	} else {
		s.parts[lo/grain] = sumSquaresOf(s.x64[lo:hi])
	}
}

// sumSquaresOf sums in T where that can neither overflow nor lose small values.
func sumSquaresOf[T tensor.Float](x []T) float64 {
	if s := float64(kernel.SumSq(x)); s > 1e-20 && s < 1e30 {
		return s
	}
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
