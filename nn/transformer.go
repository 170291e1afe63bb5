package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Stack is a sequence of blocks.
type Stack []*Block

// NewStack returns layers blocks of configuration c. The projections that
// write into the residual stream are scaled by 1/√(2·layers) (Radford et al.
// 2019, the GPT-2 report).
func NewStack(r *rand.PCG, layers int, c BlockConfig) Stack {
	b := make(Stack, layers)
	for i := range b {
		b[i] = NewBlock(r, c)
		scaleWeight(b[i].Attn.OProj, layers)
		scaleWeight(b[i].FFN.DownProj, layers)
	}
	return b
}

func scaleWeight(l *Linear, layers int) {
	w := l.Weight
	w.Value = tensor.Scale(w.Value, 1/math.Sqrt(2*float64(layers)))
}

// Forward runs x [B, S, dim] through the blocks. caches has one entry for each
// block, or is nil. A scope that does not record keeps one layer's
// intermediate values at a time. It panics with *tensor.ShapeError if the
// shapes do not fit.
func (b Stack) Forward(s *autograd.Scope, x *autograd.Var, in BlockInput, caches []*KVCache) *autograd.Var {
	if caches != nil && len(caches) != len(b) {
		tensor.Fail("stack", fmt.Sprintf("%d caches for %d layers", len(caches), len(b)), x.Value())
	}
	if s.Grad() {
		for _, l := range b {
			x = l.Forward(s, x, in)
		}
		return x
	}
	layer := s.Child()
	defer func() {
		s.FLOPs += layer.FLOPs
		layer.Close()
	}()
	from := x.Value()
	for i, l := range b {
		layer.Reset()
		inner := in
		if in.Memory != nil {
			inner.Memory = layer.Const(in.Memory.Value())
		}
		if caches != nil {
			inner.Cache = caches[i]
		}
		y := l.Forward(layer, layer.Const(from), inner)
		to := s.New(y.DType(), y.Shape()...)
		tensor.Copy(to, y.Value())
		if i > 0 {
			s.Arena().Free(from)
		}
		from = to
	}
	if len(b) == 0 {
		return x
	}
	return s.Const(from)
}

// NewCache returns an empty cache of rows rows for each block.
func (b Stack) NewCache(rows int) []*KVCache {
	cs := make([]*KVCache, len(b))
	for i := range cs {
		cs[i] = NewKVCache(rows)
	}
	return cs
}

// Transformer is a stack of blocks with a last norm: an encoder, or a decoder
// if its mask is causal.
type Transformer struct {
	Layers Stack
	Norm   Norm // nil for post-norm blocks, which end with one
}

// NewTransformer returns a Transformer of layers blocks. It panics with
// *tensor.ShapeError if the configuration does not fit.
func NewTransformer(r *rand.PCG, layers int, c BlockConfig) *Transformer {
	t := &Transformer{Layers: NewStack(r, layers, c)}
	if !c.PostNorm {
		t.Norm = c.norm()
	}
	return t
}

// Forward maps x [B, S, dim] to [B, S, dim]; see Stack.Forward.
func (t *Transformer) Forward(s *autograd.Scope, x *autograd.Var, in BlockInput, caches []*KVCache) *autograd.Var {
	x = t.Layers.Forward(s, x, in, caches)
	if t.Norm != nil {
		x = t.Norm.Forward(s, x)
	}
	return x
}
