package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// LoRA is a low-rank addition to a Linear's weight, (Alpha/rank)·B·A (Hu et
// al. 2021, arXiv 2106.09685).
type LoRA struct {
	A     *autograd.Param // [rank, in]
	B     *autograd.Param // [out, rank]
	Alpha float64
}

func (l *LoRA) scale() float64 { return l.Alpha / float64(l.A.Value.Dim(0)) }

// Forward returns (Alpha/rank)·(x·Aᵀ)·Bᵀ.
func (l *LoRA) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	h := autograd.Linear(x, s.Use(l.A), nil)
	return autograd.Linear(autograd.Scale(h, l.scale()), s.Use(l.B), nil)
}

// AddLoRA gives every Linear of m whose name a pattern matches (see TrainOnly;
// such as "layers.*.attn.*_proj") a LoRA with A normal of variance 1/in and B
// zero, so that the output does not change yet, and returns the names of these
// layers. It freezes nothing; the new parameters are called NAME.lora.a and
// NAME.lora.b. A rank below 1, a pattern that matches no Linear and a layer
// that has a LoRA already are errors, and then nothing changes.
func AddLoRA(r *rand.PCG, m any, rank int, alpha float64, globs ...string) ([]string, error) {
	if rank < 1 {
		return nil, fmt.Errorf("nn: LoRA rank %d is below 1", rank)
	}
	names, layers := linears(m)
	in, err := matchNames("linear layer", names, globs)
	if err != nil {
		return nil, err
	}
	var added []string
	for i, l := range layers {
		if !in[i] {
			continue
		}
		if l.LoRA != nil {
			return nil, fmt.Errorf("nn: %s has a LoRA already", names[i])
		}
		added = append(added, names[i])
	}
	for i, l := range layers {
		if !in[i] {
			continue
		}
		out, width := l.Weight.Value.Dim(0), l.Weight.Value.Dim(1)
		l.LoRA = &LoRA{A: Normal(r, 1/math.Sqrt(float64(max(1, width))), rank, width), B: Zeros(out, rank), Alpha: alpha}
		if l.Weight.Value.DType() == tensor.Float64 {
			Cast(l.LoRA, tensor.Float64)
		}
	}
	return added, nil
}

// MergeLoRA adds every LoRA of m into its layer's weight and removes it. The
// outputs stay the same up to rounding.
func MergeLoRA(m any) {
	_, layers := linears(m)
	for _, l := range layers {
		if l.LoRA == nil {
			continue
		}
		w, dt := l.Weight.Value, l.LoRA.A.Value.DType()
		sum := w.Cast(dt)
		tensor.AddScaled(sum, tensor.MatMul(l.LoRA.B.Value, l.LoRA.A.Value), l.LoRA.scale())
		if sum != w {
			tensor.Copy(w, sum.Cast(w.DType()))
		}
		l.LoRA = nil
	}
}

// linears returns m's Linear layers, each once, with their names.
func linears(m any) (names []string, layers []*Linear) {
	seen := map[*Linear]bool{}
	walk(m, walker{module: func(name string, m any) {
		if l, ok := m.(*Linear); ok && !seen[l] {
			seen[l] = true
			names, layers = append(names, name), append(layers, l)
		}
	}})
	return names, layers
}
