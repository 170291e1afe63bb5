package lm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Request asks for continuations of prompts.
type Request struct {
	Tokens    [][]int32      // prompts, of any lengths; none may be empty without a Prefix
	Prefix    *tensor.Tensor // [B, P, dim], or nil; see Input
	Memory    *tensor.Tensor // [M, N, memoryDim], or nil
	MemoryLen []int32
	MaxNew    int     // tokens to add at most; 0: as many as MaxLen allows
	Stop      []int32 // a row ends before one of these
	Sampling  Sampling
}

func (q Request) validate(m *Model) error {
	prefix := 0
	if q.Prefix != nil {
		if q.Prefix.Rank() != 3 || q.Prefix.Dim(0) != len(q.Tokens) || q.Prefix.Dim(2) != m.Config.Dim {
			return fmt.Errorf("lm: prefix %v does not fit %d prompts of a model %d wide", q.Prefix.Shape(), len(q.Tokens), m.Config.Dim)
		}
		prefix = q.Prefix.Dim(1)
	}
	for i, p := range q.Tokens {
		if len(p)+prefix == 0 {
			return fmt.Errorf("lm: prompt %d is empty", i)
		}
		if len(p)+prefix >= m.Config.MaxLen {
			return fmt.Errorf("lm: prompt %d has %d positions, which leaves no room in the model's %d", i, len(p)+prefix, m.Config.MaxLen)
		}
		for _, t := range p {
			if t < 0 || int(t) >= m.Config.Vocab {
				return fmt.Errorf("lm: prompt %d has token %d, not in [0, %d)", i, t, m.Config.Vocab)
			}
		}
	}
	if n := q.Memory; n != nil {
		if m.Config.CrossEvery == 0 || n.Rank() != 3 || n.Dim(0) == 0 || len(q.Tokens)%n.Dim(0) != 0 || n.Dim(2) != m.Config.MemoryDim {
			return fmt.Errorf("lm: memory %v does not fit %d prompts and a model that reads vectors of %d (every %d layers)", n.Shape(), len(q.Tokens), m.Config.MemoryDim, m.Config.CrossEvery)
		}
		if q.MemoryLen != nil && len(q.MemoryLen) != len(q.Tokens) {
			return fmt.Errorf("lm: %d memory lengths for %d prompts", len(q.MemoryLen), len(q.Tokens))
		}
	}
	return nil
}

// Generate returns what the model adds to each prompt, without the stop token.
// Each row draws from a stream of its own, seeded from r in order, so it does
// not depend on when the others end; greedy sampling needs no r. It returns an
// error if the request does not fit the model or ctx is cancelled.
func (m *Model) Generate(ctx context.Context, r *rand.PCG, q Request) ([][]int32, error) {
	if err := q.validate(m); err != nil {
		return nil, err
	}
	out := make([][]int32, len(q.Tokens))
	if len(out) == 0 {
		return out, nil
	}
	streams := make([]*rand.PCG, len(out))
	active, lens, widest := make([]int, len(out)), make([]int32, len(out)), 0
	for i, p := range q.Tokens {
		if r != nil {
			streams[i] = rand.NewPCG(r.Uint64(), r.Uint64())
		}
		active[i], lens[i] = i, int32(len(p))
		widest = max(widest, len(p))
	}
	tokens := tensor.New(tensor.Int32, len(out), widest)
	for i, p := range q.Tokens {
		copy(tensor.Data[int32](tokens)[i*widest:], p)
	}

	s := autograd.Inference()
	defer s.Close()
	cache := m.NewCache(len(out))
	in := Input{Tokens: tokens, TokenLen: lens, MemoryLen: q.MemoryLen, Cache: cache}
	if q.Prefix != nil {
		in.Prefix = s.Const(q.Prefix)
	}
	if q.Memory != nil {
		in.Memory = s.Const(q.Memory)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("lm: generate: %w", err)
		}
		logits := m.lastLogits(s, in)
		vocab := m.Config.Vocab
		var next, keep []int32
		var still []int
		for i, row := range active {
			t := q.Sampling.Pick(streams[row], logits[i*vocab:(i+1)*vocab])
			if slices.Contains(q.Stop, t) {
				continue
			}
			out[row] = append(out[row], t)
			if len(out[row]) == q.MaxNew || int(cache[0].Len()[i])+1 >= m.Config.MaxLen {
				continue
			}
			next, keep, still = append(next, t), append(keep, int32(i)), append(still, row)
		}
		if len(still) == 0 {
			return out, nil
		}
		for _, c := range cache {
			c.Reorder(keep)
		}
		active = still
		s.Reset()
		in = Input{Tokens: tensor.Of(next, len(next), 1), Cache: cache}
	}
}

// lastLogits returns the logits after each row's last token, [B, vocab].
func (m *Model) lastLogits(s *autograd.Scope, in Input) []float32 {
	h := m.Hidden(s, in)
	rows, n := h.Dim(0), h.Dim(1)
	last := make([]int32, rows)
	for r := range last {
		last[r] = int32((r+1)*n - 1)
		if in.TokenLen != nil {
			last[r] -= int32(in.Tokens.Dim(1)) - in.TokenLen[r]
		}
	}
	h = autograd.IndexSelect(autograd.Reshape(h, rows*n, h.Dim(2)), 0, tensor.Of(last))
	return tensor.Data[float32](m.Logits(s, h).Value().Cast(tensor.Float32))
}
