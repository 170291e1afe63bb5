package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// BlockConfig is the shape of a Transformer block. Its zero value, given a
// Dim, is a pre-norm block with LayerNorm, GELU and biases.
type BlockConfig struct {
	Dim       int        `json:"dim"`
	Heads     int        `json:"heads,omitempty"`      // 0: one for 32 of Dim
	KVHeads   int        `json:"kv_heads,omitempty"`   // 0: Heads
	FFN       int        `json:"ffn,omitempty"`        // hidden width; 0: 4·Dim, or 8/3 of it if Gated, in steps of 32
	Act       Activation `json:"act,omitempty"`        //
	Gated     bool       `json:"gated,omitempty"`      // SwiGLU and its like
	RMSNorm   bool       `json:"rms_norm,omitempty"`   // instead of LayerNorm
	NoBias    bool       `json:"no_bias,omitempty"`    // in linear layers and LayerNorm
	PostNorm  bool       `json:"post_norm,omitempty"`  // norms after the residual addition
	RopeTheta float64    `json:"rope_theta,omitempty"` // 0: no rotary positions
	Dropout   float64    `json:"dropout,omitempty"`    // of each sublayer's output
	MemoryDim int        `json:"memory_dim,omitempty"` // width that cross-attention reads; 0: none in a block
	CrossGate bool       `json:"cross_gate,omitempty"` // cross-attention enters through a gate that starts at 0
}

func (c BlockConfig) withDefaults() BlockConfig {
	c.Heads = orDefault(c.Heads, max(1, c.Dim/32))
	c.KVHeads = orDefault(c.KVHeads, c.Heads)
	if c.FFN == 0 {
		c.FFN = 4 * c.Dim
		if c.Gated {
			c.FFN = (c.Dim*8/3 + 31) / 32 * 32
		}
	}
	if err := c.Validate(); err != nil {
		panic(&tensor.ShapeError{Op: "block", Reason: err.Error()})
	}
	return c
}

// Validate returns an error if the sizes do not fit each other; zeros stand
// for the defaults. The constructors panic with it as *tensor.ShapeError.
func (c BlockConfig) Validate() error {
	heads := orDefault(c.Heads, max(1, c.Dim/32))
	kv := orDefault(c.KVHeads, heads)
	switch {
	case c.Dim < 1, heads < 1, kv < 1, c.FFN < 0, c.MemoryDim < 0:
		return fmt.Errorf("a size is below 1: dim %d, heads %d, kv_heads %d, ffn %d, memory_dim %d", c.Dim, heads, kv, c.FFN, c.MemoryDim)
	case c.Dim%heads != 0:
		return fmt.Errorf("dim %d is not a multiple of heads %d", c.Dim, heads)
	case heads%kv != 0:
		return fmt.Errorf("heads %d is not a multiple of kv_heads %d", heads, kv)
	case c.RopeTheta != 0 && c.Dim/heads%2 != 0:
		return fmt.Errorf("rotary positions need an even head width, not %d", c.Dim/heads)
	case !(c.RopeTheta >= 0), math.IsInf(c.RopeTheta, 1):
		return fmt.Errorf("rope_theta %v", c.RopeTheta)
	case !(c.Dropout >= 0 && c.Dropout < 1):
		return fmt.Errorf("dropout %v is not in [0, 1)", c.Dropout)
	case c.Act >= numActivations:
		return fmt.Errorf("no %v", c.Act)
	}
	return nil
}

func (c BlockConfig) norm() Norm {
	if c.RMSNorm {
		return NewRMSNorm(c.Dim)
	}
	return NewLayerNorm(c.Dim, !c.NoBias)
}

// Block is one layer of a Transformer: self-attention, cross-attention and
// feed-forward, each of which may be absent, with residual connections.
type Block struct {
	AttnNorm Norm
	Attn     *Attention      // nil: none
	Cross    *CrossAttention // nil: none; it has its own norm and residual
	FFNNorm  Norm            `name:"ffn_norm"`
	FFN      *FFN            // nil: none
	PostNorm bool            // x = Norm(x + f(x)) instead of x + f(Norm(x))
}

// NewBlock returns a block with self-attention and feed-forward, and with
// cross-attention if c has a MemoryDim. It panics with *tensor.ShapeError if
// the configuration does not fit (see BlockConfig.Validate).
func NewBlock(r *rand.PCG, c BlockConfig) *Block {
	c = c.withDefaults()
	b := &Block{
		AttnNorm: c.norm(), Attn: NewAttention(r, c),
		FFNNorm: c.norm(), FFN: NewFFN(r, c),
		PostNorm: c.PostNorm,
	}
	if c.MemoryDim != 0 {
		b.Cross = NewCrossAttention(r, c)
	}
	return b
}

// BlockInput is what a block reads beside its input.
type BlockInput struct {
	Mask      autograd.AttnMask // of self-attention
	Pos       []int32           // its rotary positions, [B·S]; nil: counted from the row's start
	Memory    *autograd.Var     // [M, N, memoryDim]; nil: cross-attention is left out
	MemoryLen []int32           // see CrossAttention.Forward
	// MemoryStart is the first vector that each query reads, [B·S], and
	// MemoryLen is then the end of what it reads, [B·S]; nil: 0 for all.
	MemoryStart []int32
	Cache       *KVCache // nil: none
}

// Forward maps x [B, S, dim] to [B, S, dim]. See Attention.Forward and
// CrossAttention.Forward for masks, memory and cache.
func (b *Block) Forward(s *autograd.Scope, x *autograd.Var, in BlockInput) *autograd.Var {
	if b.Attn != nil {
		x = b.residual(s, b.AttnNorm, x, func(x, r *autograd.Var) *autograd.Var {
			return b.Attn.forward(s, x, r, in.Mask, in.Pos, in.Cache)
		})
	}
	if b.Cross != nil && (in.Memory != nil || in.Cache.hasMemory()) {
		x = b.Cross.Forward(s, x, in.Memory, in.MemoryStart, in.MemoryLen, in.Cache)
	}
	if b.FFN != nil {
		x = b.residual(s, b.FFNNorm, x, func(x, r *autograd.Var) *autograd.Var {
			return b.FFN.forward(s, x, r)
		})
	}
	return x
}

// residual runs a sublayer: f adds its result for x to r.
func (b *Block) residual(s *autograd.Scope, norm Norm, x *autograd.Var, f func(x, r *autograd.Var) *autograd.Var) *autograd.Var {
	if b.PostNorm {
		return norm.Forward(s, f(x, x))
	}
	return f(norm.Forward(s, x), x)
}
