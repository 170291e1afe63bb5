package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// PerceiverResampler turns a sequence of any length into K vectors: trained
// latent queries that read the sequence by cross-attention, layer after layer
// (Jaegle et al. 2021, arXiv 2103.03206; Alayrac et al. 2022, arXiv
// 2204.14198).
type PerceiverResampler struct {
	Latents *autograd.Param // [K, dim]
	Layers  Stack           // cross-attention and feed-forward; self-attention may be added
	Norm    Norm
}

// NewPerceiver returns a resampler with k latents and the given number of
// layers, each of cross-attention and feed-forward, that reads sequences
// c.MemoryDim wide (0: c.Dim). It panics with *tensor.ShapeError if the
// configuration does not fit.
func NewPerceiver(r *rand.PCG, k, layers int, c BlockConfig) *PerceiverResampler {
	c = c.withDefaults()
	p := &PerceiverResampler{Latents: Normal(r, 1, k, c.Dim), Norm: c.norm()}
	for range layers {
		p.Layers = append(p.Layers, &Block{Cross: NewCrossAttention(r, c), FFNNorm: c.norm(), FFN: NewFFN(r, c)})
	}
	return p
}

// Forward reads x [B, N, memoryDim] and returns [B·groups, K, dim]: output row
// b·groups+t sees the first keyLen[b·groups+t] vectors of x[b] (nil: all, 0:
// none), so several prefixes of one sequence cost one projection of it. It
// panics with *tensor.ShapeError if the shapes do not fit.
func (p *PerceiverResampler) Forward(s *autograd.Scope, x *autograd.Var, keyLen []int32, groups int) *autograd.Var {
	if x.Rank() != 3 || groups < 1 || keyLen != nil && len(keyLen) != x.Dim(0)*groups {
		tensor.Fail("perceiver", fmt.Sprintf("needs [rows, seq, dim], and %d lengths for %d groups a row", len(keyLen), groups), x.Value())
	}
	z := s.Use(p.Latents)
	z = autograd.Expand(z, x.Dim(0)*groups, z.Dim(0), z.Dim(1))
	z = p.Layers.Forward(s, z, BlockInput{Memory: x, MemoryLen: keyLen}, nil)
	return p.Norm.Forward(s, z)
}
