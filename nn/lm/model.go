package lm

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// Model is a decoder-only language model. Many goroutines may read it at once,
// each in a scope of its own.
type Model struct {
	Config Config
	Embed  *nn.Embedding // [vocab, dim]
	Layers nn.Stack
	Norm   nn.Norm
	Head   *nn.Linear // [vocab, dim]; nil: the embedding's weights
}

// New returns a model with random weights. Without and with cross-attention
// the same r gives the same base weights. It panics with *tensor.ShapeError
// if c does not fit (see Config.Validate).
func New(r *rand.PCG, c Config) *Model {
	if err := c.Validate(); err != nil {
		panic(&tensor.ShapeError{Op: "lm", Reason: err.Error()})
	}
	c = c.WithDefaults()
	m := &Model{
		Embed:  nn.NewEmbedding(r, c.Vocab, c.Dim),
		Layers: nn.NewStack(r, c.Layers, c.block()),
		Norm:   nn.NewRMSNorm(c.Dim),
	}
	if c.Untied {
		m.Head = nn.NewLinear(r, c.Dim, c.Vocab, false)
	}
	every := c.CrossEvery
	m.Config, m.Config.CrossEvery = c, 0
	if every > 0 {
		m.AddCross(r, every, c.MemoryDim, c.Gated)
	}
	return m
}

// AddCross gives layers every-1, 2·every-1, … a cross-attention that reads a
// memory memoryDim wide, through a gate that starts at 0 if gated. The names
// of the other parameters do not change. It panics with *tensor.ShapeError if
// the model has cross-attention already or a size is below 1.
func (m *Model) AddCross(r *rand.PCG, every, memoryDim int, gated bool) {
	if m.Config.CrossEvery != 0 || every < 1 || memoryDim < 1 {
		panic(&tensor.ShapeError{Op: "add cross", Reason: fmt.Sprintf("every %d layers, memory %d wide, to a model with cross-attention every %d layers", every, memoryDim, m.Config.CrossEvery)})
	}
	m.Config.CrossEvery, m.Config.MemoryDim, m.Config.Gated = every, memoryDim, gated
	c := m.Config.block()
	c.MemoryDim, c.CrossGate = memoryDim, gated
	for i := every - 1; i < len(m.Layers); i += every {
		x := nn.NewCrossAttention(r, c)
		if m.Embed.Weight.Value.DType() == tensor.Float64 {
			nn.Cast(x, tensor.Float64)
		}
		m.Layers[i].Cross = x
	}
}

// Input is what a Model reads.
type Input struct {
	Tokens *tensor.Tensor // [B, S], int32
	// TokenLen is how many tokens of each row are not padding on the right;
	// nil: all. Only a cache needs it: without one padding is seen by itself
	// alone.
	TokenLen []int32
	Prefix   *autograd.Var // soft prompt [B, P, dim] before the tokens, or nil
	// Embeds [B, S, dim] replaces the embeddings of Tokens, or is nil.
	Embeds *autograd.Var
	// Pos and Start pack several texts into one row: for every token, its
	// place in its text and where in the row that text starts, [B·S]. Nil: a
	// row is one text.
	Pos, Start []int32
	// Shared [B] says that the texts packed into row r continue a prompt, its
	// first Shared[r] tokens, which all of them see besides their own: a prompt
	// is computed once for all its continuations. Their Pos goes on behind it,
	// and each of them needs a token to predict its first one from: leave the
	// prompt's last token out of the shared ones and start every text with it.
	// Nil: 0. Neither it nor Start goes with a Prefix or a Cache.
	Shared []int32
	// Memory [M, N, memoryDim] is read by cross-attention, or nil. B is a
	// multiple T of M: row r reads the first MemoryLen[r] vectors (nil: all)
	// of memory row r/T.
	Memory    *autograd.Var
	MemoryLen []int32
	// MemoryStart is the first vector that each token reads, [B·S], and
	// MemoryLen is then the end of what it reads, [B·S]. Nil: 0 for all.
	MemoryStart []int32
	// Cache holds what came before, or is nil. It keeps the memory too: after
	// the first call Memory and MemoryLen are ignored.
	Cache []*nn.KVCache
}

// Hidden returns the last layer's states after the final norm,
// [B, P+S, dim]; state i sees the positions up to i. It panics with
// *tensor.ShapeError if the input does not fit or a token is out of range.
func (m *Model) Hidden(s *autograd.Scope, in Input) *autograd.Var {
	x := in.Embeds
	if x == nil {
		x = m.Embed.Forward(s, in.Tokens)
	}
	prefix := 0
	if in.Prefix != nil {
		x = autograd.Concat(1, in.Prefix, x)
		prefix = in.Prefix.Dim(1)
	}
	if x.Rank() != 3 || in.TokenLen != nil && len(in.TokenLen) != x.Dim(0) {
		tensor.Fail("lm", fmt.Sprintf("needs tokens [rows, seq] and a length for each row, not %d", len(in.TokenLen)), x.Value())
	}
	x = nn.Dropout(m.Config.Dropout).Forward(s, x)
	mask := autograd.AttnMask{Causal: true, KeyStart: in.Start, Shared: in.Shared}
	if in.Cache != nil && in.TokenLen != nil {
		mask.KeyLen = make([]int32, len(in.TokenLen))
		for r, n := range in.TokenLen {
			mask.KeyLen[r] = n + int32(prefix)
		}
	}
	x = m.Layers.Forward(s, x, nn.BlockInput{
		Mask: mask, Pos: in.Pos,
		Memory: in.Memory, MemoryLen: in.MemoryLen, MemoryStart: in.MemoryStart,
	}, in.Cache)
	return m.Norm.Forward(s, x)
}

// Logits maps states [..., dim] to logits [..., vocab] of the next token.
func (m *Model) Logits(s *autograd.Scope, h *autograd.Var) *autograd.Var {
	if m.Head != nil {
		return m.Head.Forward(s, h)
	}
	return autograd.Linear(h, s.Use(m.Embed.Weight), nil)
}

// CrossEntropy returns the summed cross-entropy of Logits(h) against target, of
// h's leading dimensions, int32, and how many targets are not -1, which costs
// nothing. The logits are held once; see nn.LinearCrossEntropy.
func (m *Model) CrossEntropy(s *autograd.Scope, h *autograd.Var, target *tensor.Tensor) (sum *autograd.Var, n int) {
	if m.Head != nil {
		return m.Head.CrossEntropy(s, h, target, -1, 0)
	}
	return nn.LinearCrossEntropy(h, s.Use(m.Embed.Weight), nil, target, -1, 0)
}

// LogProb returns the log-probability that Logits(h) gives each token, of h's
// leading dimensions, int32: of their shape.
func (m *Model) LogProb(s *autograd.Scope, h *autograd.Var, token *tensor.Tensor) *autograd.Var {
	if m.Head != nil { // only Linear's own methods read its weights
		return autograd.Neg(autograd.CrossEntropy(m.Logits(s, h), token, -1, 0))
	}
	return autograd.Neg(autograd.LinearCrossEntropy(h, s.Use(m.Embed.Weight), nil, token, -1, 0))
}

// Loss returns the summed cross-entropy of the model's predictions and how
// many there are. target [B, S], int32, is the token that should follow each
// of in.Tokens; where it is negative nothing is predicted, and the output
// layer is not computed.
func (m *Model) Loss(s *autograd.Scope, in Input, target *tensor.Tensor) (sum *autograd.Var, n int) {
	h := m.Hidden(s, in)
	rows, total := h.Dim(0), h.Dim(1)
	seq := total
	if in.Prefix != nil {
		seq -= in.Prefix.Dim(1)
	}
	if target.DType() != tensor.Int32 || target.Rank() != 2 || target.Dim(0) != rows || target.Dim(1) != seq {
		tensor.Fail("lm loss", "needs an int32 target for each token", h.Value(), target)
	}
	var at, want []int32
	for i, t := range tensor.Data[int32](target.Contiguous()) {
		if t >= 0 {
			at = append(at, int32(i/seq*total+total-seq+i%seq))
			want = append(want, t)
		}
	}
	h = autograd.Reshape(h, rows*total, h.Dim(2))
	h = autograd.IndexSelect(h, 0, tensor.Of(at))
	return m.CrossEntropy(s, h, tensor.Of(want))
}

// NewCache returns an empty cache for rows sequences.
func (m *Model) NewCache(rows int) []*nn.KVCache { return m.Layers.NewCache(rows) }
