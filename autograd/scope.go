package autograd

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/tensor"
)

// Param is a parameter of a model: plain data that many goroutines may read.
// Its gradient is nil until a Backward reaches it, and is then added to.
// Concurrent Backward on the same Params is forbidden; concurrent inference is
// the promise.
type Param struct {
	Value, Grad *tensor.Tensor
	Frozen      bool // no gradient is computed

	spare *tensor.Tensor // the buffer of a gradient that was cleared
}

// ClearGrad sets Grad to nil and keeps its buffer for the next Backward, which
// then writes the gradient instead of adding to zeros.
func (p *Param) ClearGrad() {
	if p.Grad != nil {
		p.spare, p.Grad = p.Grad, nil
	}
}

// into is Var.Into for a parameter.
func (p *Param) into() (dst *tensor.Tensor, beta float64) {
	if p.Grad != nil {
		return p.Grad, 1
	}
	p.Grad, p.spare = p.spare, nil
	if g := p.Grad; g == nil || g.DType() != p.Value.DType() || !g.SameShape(p.Value) || !g.IsContiguous() {
		p.Grad = tensor.New(p.Value.DType(), p.Value.Shape()...)
	}
	return p.Grad, 0
}

// Scope is one pass: it owns the tape, the arena that intermediate values live
// in, the mode and the randomness. It serves one goroutine at a time.
type Scope struct {
	Train bool      // dropout and other noise are on
	Rand  *rand.PCG // the source of that noise
	// FLOPs counts the matrix products of every pass since it was last set:
	// 2mnk each, attention's and Backward's included. Attention counts the
	// pairs of a query and a key that it sees, no others.
	FLOPs int64
	// CheckFinite makes every operation look for NaN and infinities that it
	// was not given, and panic with *NonFiniteError at the first one.
	CheckFinite bool

	grad    bool
	trained bool // a parameter that wants a gradient was used
	arena   *tensor.Arena
	tape    []entry
	vars    []Var // to hand out, each once: one that came back would not be known for stale
	used    map[*Param]*Var
	pass    uint32
	inputs  []*Var         // of the operation under way, for CheckFinite
	dy      *tensor.Tensor // the gradient lent to the running back function
	kept    bool           // and whether it took it over
	lent    *tensor.Tensor // what BackwardFrom was given; nobody may take it over
	busy    bool           // Recompute's function is running in a child
	parent  *Scope
	spare   *Scope // a closed child, for the next one
}

type entry struct {
	y      *Var
	back   func(dy *tensor.Tensor)
	inputs []*Var // for CheckFinite
}

// Training returns a scope that records, with Train on and r for its noise.
func Training(r *rand.PCG) *Scope {
	s := NewScope(true)
	s.Train, s.Rand = true, r
	return s
}

// Inference returns a scope that records nothing. Use one per goroutine.
func Inference() *Scope { return NewScope(false) }

// NewScope returns a scope without dropout that records if grad is true.
func NewScope(grad bool) *Scope {
	return &Scope{grad: grad, arena: new(tensor.Arena), used: make(map[*Param]*Var)}
}

// Child returns a scope of the same mode that shares s's memory and
// randomness. Reset it, and its values' memory serves s again: a long
// inference runs each layer in a child, takes its input with Const and copies
// the result out. Close it when done, so that the next child need not be made
// anew.
func (s *Scope) Child() *Scope { return s.child(s.grad) }

func (s *Scope) child(grad bool) *Scope {
	c := s.spare
	if c == nil || c.grad != grad || c.arena.Poison != s.arena.Poison {
		c = &Scope{grad: grad, arena: s.arena.Child(), used: make(map[*Param]*Var), parent: s}
	}
	s.spare = nil
	c.Train, c.Rand, c.CheckFinite, c.FLOPs, c.trained = s.Train, s.Rand, s.CheckFinite, 0, false
	return c
}

// Reset starts a pass: every Var and tensor of the last one becomes stale.
func (s *Scope) Reset() {
	clear(s.tape)
	s.tape = s.tape[:0]
	s.inputs = s.inputs[:0]
	s.arena.Reset()
	s.pass++
}

// Close releases the scope's memory to other scopes. It may be used again,
// unless it is a child.
func (s *Scope) Close() {
	s.Reset()
	s.arena.Close()
	if s.parent != nil {
		s.parent.spare = s
	}
}

// Grad reports whether the scope records.
func (s *Scope) Grad() bool { return s.grad }

// Arena returns the arena that the scope's values live in.
func (s *Scope) Arena() *tensor.Arena { return s.arena }

// New returns a tensor with undefined contents that lives until Reset.
func (s *Scope) New(dt tensor.DType, shape ...int) *tensor.Tensor { return s.arena.New(dt, shape...) }

// Use returns p as a Var of this pass, or nil for a nil p. It is the only way
// from a Param to a Var.
func (s *Scope) Use(p *Param) *Var {
	if p == nil {
		return nil
	}
	needs := s.grad && !p.Frozen
	s.trained = s.trained || needs || !s.grad && !p.Frozen
	v := s.used[p]
	if v == nil || v.t != p.Value || v.needs != needs {
		v = &Var{t: p.Value, s: s, op: "param", param: p, needs: needs} // outlives the pass
		s.used[p] = v
	}
	v.pass = s.pass
	return v
}

// Const returns t as a Var that wants no gradient. t must stay valid and
// unchanged until the pass ends.
func (s *Scope) Const(t *tensor.Tensor) *Var {
	return s.newVar(Var{t: t, op: "const"})
}

// Leaf returns t as an input whose gradient is wanted: Var.Grad gives it after
// Backward.
func (s *Scope) Leaf(t *tensor.Tensor) *Var {
	return s.newVar(Var{t: t, op: "leaf", needs: s.grad})
}

// newVar returns v as a value of this pass.
func (s *Scope) newVar(v Var) *Var {
	if len(s.vars) == 0 {
		s.vars = make([]Var, 32)
	}
	p := &s.vars[0]
	s.vars = s.vars[1:]
	v.s, v.pass = s, s.pass
	*p = v
	return p
}
