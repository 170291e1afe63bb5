package nn

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Embedding is a table of vectors.
type Embedding struct {
	Weight *autograd.Param // [n, dim]
}

// NewEmbedding returns a table of n vectors, normal with standard deviation
// 0.02 (Radford et al. 2019, the GPT-2 report).
func NewEmbedding(r *rand.PCG, n, dim int) *Embedding {
	return &Embedding{Weight: Normal(r, 0.02, n, dim)}
}

// Forward returns the vectors at index, an int32 tensor: [...] → [..., dim].
// It panics with *tensor.ShapeError on an index out of range.
func (e *Embedding) Forward(s *autograd.Scope, index *tensor.Tensor) *autograd.Var {
	return autograd.Embedding(s.Use(e.Weight), index)
}
