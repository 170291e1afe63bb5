package lm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/tensor"
)

// Request asks for continuations of prompts.
type Request struct {
	Tokens    [][]int32      // prompts, of any lengths; none may be empty without a Prefix
	Prefix    *tensor.Tensor // [B, P, dim], or nil; see Input
	Memory    *tensor.Tensor // [M, N, memoryDim], or nil
	MemoryLen []int32
	Samples   int     // continuations of each prompt, which is computed once for them; 0: 1
	MaxNew    int     // tokens to add at most; 0: as many as MaxLen allows
	Stop      []int32 // a row ends before one of these
	Sampling  Sampling
}

func (q Request) validate(m *Model) error {
	if q.Samples < 0 {
		return fmt.Errorf("lm: %d samples of each prompt", q.Samples)
	}
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

// Generate returns what the model adds to each prompt, without the stop token:
// sample k of prompt i is result i·Samples+k. Each result draws from a stream
// of its own, seeded from r in order, so it does not depend on when the others
// end; greedy sampling needs no r. It returns an error if the request does not
// fit the model or ctx is cancelled.
func (m *Model) Generate(ctx context.Context, r *rand.PCG, q Request) ([][]int32, error) {
	if err := q.validate(m); err != nil {
		return nil, err
	}
	samples := max(1, q.Samples)
	out := make([][]int32, len(q.Tokens)*samples)
	if len(out) == 0 {
		return out, nil
	}
	streams := make([]*rand.PCG, len(out))
	active, from := make([]int, len(out)), make([]int32, len(out)) // results, and the rows that they continue
	for i := range out {
		if r != nil {
			streams[i] = rand.NewPCG(r.Uint64(), r.Uint64())
		}
		active[i], from[i] = i, int32(i/samples)
	}

	s := autograd.Inference()
	defer s.Close()
	in, room := q.prompts(s, m)
	cache := m.NewCache(len(q.Tokens))
	for _, c := range cache {
		c.Reserve(room)
	}
	in.Cache = cache
	next, picked := tensor.New(tensor.Int32, len(out), 1), make([]int32, len(out))
	feed := tensor.Data[int32](next)
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("lm: generate: %w", err)
		}
		logits, vocab := m.lastLogits(s, in), m.Config.Vocab
		parallel.For(len(active), pickGrain, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				row := int(from[i])
				picked[i] = q.Sampling.Pick(streams[active[i]], logits[row*vocab:(row+1)*vocab])
			}
		})
		for i, row := range active {
			t := picked[i]
			feed[i] = t
			if slices.Contains(q.Stop, t) {
				from[i] = ended
				continue
			}
			out[row] = append(out[row], t)
			if len(out[row]) == q.MaxNew || int(cache[0].Len()[from[i]])+1 >= m.Config.MaxLen {
				from[i] = ended
			}
		}
		n := len(active)
		for i := 0; i < n; { // the last rows fill the gaps: few are moved in the cache
			if from[i] != ended {
				i++
				continue
			}
			n--
			active[i], from[i], feed[i] = active[n], from[n], feed[n]
		}
		if n == 0 {
			return out, nil
		}
		active = active[:n]
		for _, c := range cache {
			c.Reorder(from[:n])
		}
		for i := range active {
			from[i] = int32(i)
		}
		s.Reset()
		in = Input{Tokens: next.Slice(0, 0, n), Cache: cache}
	}
}

// ended stands for the row of a result that is complete.
const ended = -1

// pickGrain is how many rows a core draws tokens for at a time.
const pickGrain = 8

// prompts returns the input of the first pass, and how many positions the
// longest row will fill.
func (q Request) prompts(s *autograd.Scope, m *Model) (in Input, room int) {
	lens, widest := make([]int32, len(q.Tokens)), 0
	for i, p := range q.Tokens {
		lens[i] = int32(len(p))
		widest = max(widest, len(p))
	}
	tokens := tensor.New(tensor.Int32, len(q.Tokens), widest)
	for i, p := range q.Tokens {
		copy(tensor.Data[int32](tokens)[i*widest:], p)
	}
	in = Input{Tokens: tokens, TokenLen: lens, MemoryLen: q.MemoryLen}
	room = widest
	if q.Prefix != nil {
		in.Prefix = s.Const(q.Prefix)
		room += q.Prefix.Dim(1)
	}
	if q.Memory != nil {
		in.Memory = s.Const(q.Memory)
	}
	if q.MaxNew > 0 {
		room = min(room+q.MaxNew-1, m.Config.MaxLen) // the last token is not fed
	}
	return in, room
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
