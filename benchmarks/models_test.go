package benchmarks

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// A model computes its summed loss and the number of terms in it.
type model interface {
	loss(s *autograd.Scope) (sum *autograd.Var, n int)
}

// training returns a whole step of it: reset, forward, backward, optimizer; and
// the arena that its intermediate values live in.
func training(m model, opt optim.Optimizer) (step func(), arena *tensor.Arena) {
	s, ps := autograd.Training(rand.NewPCG(1, 2)), nn.Params(m)
	return func() {
		s.Reset()
		sum, n := m.loss(s)
		autograd.Scale(sum, 1/float64(n)).Backward()
		opt.Step(ps)
		optim.Zero(ps)
	}, s.Arena()
}

// gpt is a language model in the manner of GPT-2: learned positions, LayerNorm
// before each sublayer, GELU by tanh, an output layer of its own.
type gpt struct {
	Tokens    *nn.Embedding // [vocab, dim]
	Positions *nn.Embedding // [seq, dim]
	Decoder   *nn.Transformer
	Head      *nn.Linear // [vocab, dim]

	size          gptSize
	input, target *tensor.Tensor // [batch, seq]
	places        *tensor.Tensor // [seq]
}

type gptSize struct{ vocab, dim, heads, layers, seq, batch int }

// The size of the published comparison: 5.3 M parameters.
var gptBench = gptSize{vocab: 4096, dim: 256, heads: 8, layers: 4, seq: 128, batch: 8}

func newGPT(c gptSize) *gpt {
	r := rand.NewPCG(1, 2)
	return &gpt{
		Tokens: nn.NewEmbedding(r, c.vocab, c.dim), Positions: nn.NewEmbedding(r, c.seq, c.dim),
		Decoder: nn.NewTransformer(r, c.layers, nn.BlockConfig{Dim: c.dim, Heads: c.heads, Act: nn.GELUTanh}),
		Head:    nn.NewLinear(r, c.dim, c.vocab, false),
		size:    c, input: below(c.vocab, c.batch, c.seq), target: below(c.vocab, c.batch, c.seq),
		places: tensor.Arange(tensor.Int32, c.seq),
	}
}

// flops of a step: the usual count, six for each weight of a product and each
// token, and attention without regard to the mask.
func (c gptSize) flops() int {
	weights := c.layers*12*c.dim*c.dim + c.dim*c.vocab
	return 6*weights*c.batch*c.seq + 3*c.layers*4*c.batch*c.seq*c.seq*c.dim
}

// states of tokens [B, S] at the given places [S]: [B, S, dim].
func (m *gpt) states(s *autograd.Scope, tokens, places *tensor.Tensor, caches []*nn.KVCache) *autograd.Var {
	x := autograd.Add(m.Tokens.Forward(s, tokens), m.Positions.Forward(s, places))
	in := nn.BlockInput{Mask: autograd.AttnMask{Causal: true}}
	return m.Decoder.Forward(s, x, in, caches)
}

func (m *gpt) loss(s *autograd.Scope) (sum *autograd.Var, n int) {
	return m.Head.CrossEntropy(s, m.states(s, m.input, m.places, nil), m.target, -1, 0)
}

// decode adds n tokens, the most probable ones, to token 1.
func (m *gpt) decode(s *autograd.Scope, n int) []int32 {
	caches, token := m.Decoder.Layers.NewCache(1), tensor.Full(tensor.Int32, 1, 1, 1)
	var out []int32
	for i := range n {
		s.Reset()
		h := m.states(s, token, m.places.Slice(0, i, i+1), caches)
		y := m.Head.Forward(s, h).Value() // [1, 1, vocab]
		best := greatest(tensor.Data[float32](y))
		tensor.Data[int32](token)[0] = best
		out = append(out, best)
	}
	return out
}

func greatest(x []float32) (at int32) {
	for i, v := range x {
		if v > x[at] {
			at = int32(i)
		}
	}
	return at
}

// mlp classifies 128 images of 28×28.
type mlp struct {
	A, B, C *nn.Linear

	x, target *tensor.Tensor
}

func newMLP() *mlp {
	r := rand.NewPCG(1, 2)
	return &mlp{
		A: nn.NewLinear(r, 784, 512, true), B: nn.NewLinear(r, 512, 512, true), C: nn.NewLinear(r, 512, 10, true),
		x: normal32(128, 784), target: below(10, 128),
	}
}

func (m *mlp) loss(s *autograd.Scope) (sum *autograd.Var, n int) {
	h := m.A.ForwardAct(s, s.Const(m.x), nn.ReLU)
	h = m.B.ForwardAct(s, h, nn.ReLU)
	return m.C.CrossEntropy(s, h, m.target, -1, 0)
}

// encoder classifies 8 sequences of 64 vectors by the mean of a Transformer's
// states.
type encoder struct {
	Encoder *nn.Transformer
	Head    *nn.Linear

	x, target *tensor.Tensor
}

func newEncoder() *encoder {
	r := rand.NewPCG(1, 2)
	return &encoder{
		Encoder: nn.NewTransformer(r, 2, nn.BlockConfig{Dim: 128, Heads: 4, FFN: 512}),
		Head:    nn.NewLinear(r, 128, 10, true),
		x:       normal32(8, 64, 128), target: below(10, 8),
	}
}

func (m *encoder) loss(s *autograd.Scope) (sum *autograd.Var, n int) {
	h := m.Encoder.Forward(s, s.Const(m.x), nn.BlockInput{}, nil)
	return m.Head.CrossEntropy(s, autograd.Mean(h, 1), m.target, -1, 0)
}
