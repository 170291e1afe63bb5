package optim

import (
	"math"
	"strings"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// Muon moves the matrices within a model by their momentum made orthogonal (Jordan et
// al. 2024, https://kellerjordan.github.io/posts/muon), with the scale and the decay
// of Liu et al. 2025 (arXiv 2502.16982, section 2.2), by which learning rates and
// decays that suit AdamW suit it too:
//
//	b = Momentum·b + g,  u = g + Momentum·b
//	w -= LR · (Decay·w + 0.2·√max(rows, cols) · orthogonal(u))
//
// where orthogonal(u) has the singular vectors of u and singular values near 1, by five
// steps of Newton and Schulz. So directions that gradients seldom have are learnt as
// fast as others.
// Embeddings, output weights, vectors and scalars are moved as by AdamW with its
// defaults. A tensor of more than two dimensions is taken for a matrix whose rows are
// its first. Each matrix keeps, beside its momentum, up to five times its size to
// compute with.
type Muon struct {
	LR       float64 // learning rate
	Momentum float64 // 0 means 0.95, a negative value none
	Decay    float64 // weight decay; 0 means none
	// Hidden says which parameters of two or more dimensions are moved by momentum
	// made orthogonal; nil means HiddenMatrices.
	Hidden func(nn.Named) bool
	// Decays says which parameters decay; nil means DecayMatrices.
	Decays func(nn.Named) bool

	state states
}

// HiddenMatrices is the default rule of Muon: weights of two or more dimensions, unless
// a part of the name begins with "embed" or ends in "head", as the names of embeddings
// and output weights do here.
func HiddenMatrices(p nn.Named) bool {
	if p.Param.Value.Rank() < 2 {
		return false
	}
	for part := range strings.SplitSeq(p.Name, ".") {
		if strings.HasPrefix(part, "embed") || strings.HasSuffix(part, "head") {
			return false
		}
	}
	return true
}

// SetLR sets the learning rate of the next steps.
func (o *Muon) SetLR(lr float64) { o.LR = lr }

// Step updates the parameters from their gradients.
func (o *Muon) Step(ps []nn.Named) { o.step(ps, 1) }

func (o *Muon) step(ps []nn.Named, scale float64) {
	hidden := o.Hidden
	if hidden == nil {
		hidden = HiddenMatrices
	}
	others := adam{o.LR, 0.9, 0.999, 1e-8}
	for _, p := range ps {
		if idle(p) {
			continue
		}
		decay := decayOf(p, o.Decay, o.Decays)
		switch {
		case p.Param.Value.Rank() < 2 || !hidden(p):
			others.step("muon", p, &o.state, scale, 0, decay)
		case p.Param.Value.DType() == tensor.Float32:
			muonStep[float32](o, p, scale, decay)
		case p.Param.Value.DType() == tensor.Float64:
			muonStep[float64](o, p, scale, decay)
		default:
			noFloat("muon", p)
		}
	}
}

func muonStep[T tensor.Float](o *Muon, p nn.Named, scale, decay float64) {
	w, g := values[T](p)
	rows := p.Param.Value.Dim(0)
	s := o.state.same("muon", p, 1)
	s.steps++
	m := workOf[muon[T]](s)
	m.fit(rows, len(w)/rows)
	clear(m.u)
	m.look = momentumUpdate[T]{w: m.u, g: g, b: tensor.Data[T](s.tensors[0])}
	m.look.step = kernel.MomentumStep{LR: -1, Momentum: orDefault(o.Momentum, 0.95), Scale: scale, Nesterov: true} // u = 0 - (-1)·(g + Momentum·b)
	parallel.Do(len(w), grain, &m.look)
	m.orthogonalise()
	m.move = move[T]{w: w, by: m.u, keep: T(1 - o.LR*decay), step: T(-o.LR * 0.2 * math.Sqrt(float64(max(m.rows, m.cols))))}
	parallel.Do(len(w), grain, &m.move)
}

// muon is the work for one matrix.
type muon[T tensor.Float] struct {
	rows, cols int
	u          []T // the update, [rows, cols]
	x, next    []T // it or its transpose, which of them is wide, [less, more]
	xx, poly   []T // [less, less]
	look       momentumUpdate[T]
	move       move[T]
}

// fit makes room for matrices of a shape.
func (m *muon[T]) fit(rows, cols int) {
	if m.rows == rows && m.cols == cols {
		return
	}
	less, n := min(rows, cols), rows*cols
	*m = muon[T]{rows: rows, cols: cols, u: make([]T, n), x: make([]T, n), next: make([]T, n), xx: make([]T, less*less), poly: make([]T, less*less)}
}

// The polynomial a·x + b·x³ + c·x⁵ that takes singular values from 0.003 to 1 to
// about 0.7 to 1.2 when it is applied five times (Jordan et al.).
const (
	muonA, muonB, muonC = 3.4445, -4.7750, 2.0315
	muonTimes           = 5
)

// orthogonalise moves the singular values of u near 1.
func (m *muon[T]) orthogonalise() {
	less, more := min(m.rows, m.cols), max(m.rows, m.cols)
	kernel.Scale(m.u, m.u, T(1/(math.Sqrt(sumSquares(m.u))+1e-7)))
	if m.rows > m.cols {
		transpose(m.x, m.u, m.cols)
	} else {
		copy(m.x, m.u)
	}
	for range muonTimes { // x = (a + b·xxᵀ + c·(xxᵀ)²)·x
		kernel.Gemm(less, less, more, m.x, more, 1, m.x, 1, more, 0, m.xx, less)
		kernel.Gemm(less, less, less, m.xx, less, 1, m.xx, less, 1, 0, m.poly, less)
		kernel.Scale(m.poly, m.poly, muonC)
		kernel.AddScaled(m.poly, m.xx, muonB)
		for i := range less {
			m.poly[i*less+i] += muonA
		}
		kernel.Gemm(less, more, less, m.poly, less, 1, m.x, more, 1, 0, m.next, more)
		m.x, m.next = m.next, m.x
	}
	if m.rows > m.cols {
		transpose(m.u, m.x, m.rows)
	} else {
		copy(m.u, m.x)
	}
}

// transpose sets dst to the transpose of x, which has so many columns.
func transpose[T tensor.Float](dst, x []T, cols int) {
	rows := len(x) / cols
	for i := range rows {
		for j, v := range x[i*cols:][:cols] {
			dst[j*rows+i] = v
		}
	}
}

// move is w = keep·w + step·by.
type move[T tensor.Float] struct {
	w, by      []T
	keep, step T
}

func (m *move[T]) Run(lo, hi int) {
	kernel.Scale(m.w[lo:hi], m.w[lo:hi], m.keep)
	kernel.AddScaled(m.w[lo:hi], m.by[lo:hi], m.step)
}

// MarshalBinary returns the momentum and moments of all parameters.
func (o *Muon) MarshalBinary() ([]byte, error) { return o.state.marshal("muon"), nil }

// UnmarshalBinary restores what MarshalBinary returned.
func (o *Muon) UnmarshalBinary(b []byte) error { return o.state.unmarshal("muon", b) }
