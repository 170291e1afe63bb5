package userllm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// ModelConfig is the shape of a contextualised language model. Zero fields
// take the defaults.
type ModelConfig struct {
	Encoder    EncoderConfig `json:"encoder"`
	LM         lm.Config     `json:"lm"`
	Fusion     string        `json:"fusion"`      // "cross" (default) or "soft"; a soft prompt holds the last 64 events, unless there is a Perceiver
	Strategy   string        `json:"strategy"`    // what stage 2 trains: "full" (default), "lora", "enc" or "proj"
	Perceiver  int           `json:"perceiver"`   // latents that stand for the history; 0: every event stands for itself
	CrossEvery int           `json:"cross_every"` // a cross-attention in every k-th layer: 2
	Gated      bool          `json:"gated"`       // cross-attention enters through a gate from 0
	LoRARank   int           `json:"lora_rank"`   // of the strategy "lora": 8
}

// Fusions and Strategies are the values that a ModelConfig may name.
var (
	Fusions    = []string{"cross", "soft"}
	Strategies = []string{"full", "lora", "enc", "proj"}
)

func (c ModelConfig) withDefaults() ModelConfig {
	c.Encoder = c.Encoder.withDefaults()
	c.Fusion, c.Strategy = or(c.Fusion, "cross"), or(c.Strategy, "full")
	c.CrossEvery, c.LoRARank = or(c.CrossEvery, 2), or(c.LoRARank, 8)
	return c
}

// Validate returns an error that names a value out of its range.
func (c ModelConfig) Validate() error {
	c = c.withDefaults()
	switch {
	case !slices.Contains(Fusions, c.Fusion):
		return fmt.Errorf("fusion %q is none of %s", c.Fusion, strings.Join(Fusions, ", "))
	case !slices.Contains(Strategies, c.Strategy):
		return fmt.Errorf("strategy %q is none of %s", c.Strategy, strings.Join(Strategies, ", "))
	case c.LM.CrossEvery != 0, c.LM.MemoryDim != 0, c.LM.Gated:
		return errors.New("what the language model reads is set by fusion, cross_every and gated, not in lm")
	}
	for _, v := range []struct {
		name               string
		value, least, most int
	}{
		{"encoder dim", c.Encoder.Dim, 1, maxSize}, {"encoder layers", c.Encoder.Layers, 1, maxLayers},
		{"encoder heads", c.Encoder.Heads, 1, maxSize}, {"length", c.Encoder.Length, 1, maxSize},
		{"lm vocab", c.LM.Vocab, 0, maxSize}, {"lm dim", c.LM.Dim, 0, maxSize}, {"lm layers", c.LM.Layers, 0, maxLayers},
		{"lm heads", c.LM.Heads, 0, maxSize}, {"lm kv_heads", c.LM.KVHeads, 0, maxSize}, {"lm ffn", c.LM.FFN, 0, maxSize},
		{"perceiver", c.Perceiver, 0, maxSize}, {"cross_every", c.CrossEvery, 1, maxLayers}, {"lora_rank", c.LoRARank, 1, maxSize},
	} {
		if v.value < v.least || v.value > v.most {
			return fmt.Errorf("%s %d is not from %d to %d", v.name, v.value, v.least, v.most)
		}
	}
	block := nn.BlockConfig{Dim: c.Encoder.Dim, Heads: c.Encoder.Heads, Dropout: c.Encoder.Dropout}
	if err := block.Validate(); err != nil {
		return fmt.Errorf("encoder: %w", err)
	}
	return c.LM.Validate()
}

// Bounds of a model's sizes, so that none of their products overflows.
const (
	maxSize   = 1 << 20
	maxLayers = 1 << 10
)

// numParams returns about how many numbers the model's weights hold, and never
// more than that. It allocates nothing: a size that a file claims can be
// compared with the file's own before a model is made.
func (c ModelConfig) numParams(vocab, items, genres int) float64 {
	c, m := c.withDefaults(), c.LM.WithDefaults()
	d, layers := float64(c.Encoder.Dim), float64(c.Encoder.Layers)
	n := d*float64(items+genres+c.Encoder.Length+c.Perceiver) + 12*layers*d*d
	width, ffn, kv := float64(m.Dim), float64(m.FFN), float64(m.Dim)/float64(m.Heads)*float64(m.KVHeads)
	n += d*width + width*float64(items+vocab) + float64(m.Layers)*(2*width*width+2*width*kv+3*width*ffn)
	if c.Perceiver > 0 {
		n += 8 * d * d
	}
	if c.Fusion == "cross" {
		n += float64(m.Layers/c.CrossEvery) * (2*width*width + 2*width*kv)
	}
	if c.Strategy == "lora" {
		n += float64(m.Layers) * float64(c.LoRARank) * (6*width + 2*kv + 3*(width+ffn))
	}
	return n
}

// Model is User-LLM (arXiv 2402.13598, section 3): a user encoder whose
// embeddings a language model reads, through cross-attention in its layers or
// as a soft prompt in front of its text.
type Model struct {
	Encoder   *Encoder
	Place     *autograd.Param        // [length, dim], added to the encoder's embeddings
	Perceiver *nn.PerceiverResampler // nil: the events' own embeddings are read
	Proj      *nn.Linear             // from the encoder's width to the memory's
	LM        *lm.Model              `name:"lm"`

	soft bool
}

// NewModel joins an encoder and a language model, both pretrained or not. The
// language model gets cross-attention layers if the fusion wants them; they
// write nothing at first, so that it starts as it was.
func NewModel(r *rand.PCG, c ModelConfig, e *Encoder, m *lm.Model) *Model {
	c = c.withDefaults()
	u := &Model{Encoder: e, Place: ramp(r, e.Length(), e.Dim()), LM: m, soft: c.Fusion == "soft"}
	if c.Perceiver > 0 {
		u.Perceiver = nn.NewPerceiver(r, c.Perceiver, 1, nn.BlockConfig{Dim: e.Dim(), Heads: c.Encoder.Heads, FFN: 2 * e.Dim()})
	}
	u.Proj = nn.NewLinear(r, e.Dim(), m.Config.Dim, true)
	if t := e.Titles; t != nil && u.Perceiver == nil { // read what the history says of words
		tensor.Copy(u.Proj.Weight.Value, t.Head.Weight.Value)
		tensor.Copy(u.Proj.Bias.Value, t.Head.Bias.Value)
	}
	if !u.soft {
		m.AddCross(r, c.CrossEvery, m.Config.Dim, c.Gated)
		if !c.Gated {
			for _, l := range m.Layers {
				if l.Cross != nil {
					tensor.Fill(l.Cross.OProj.Weight.Value, 0)
					if l.Cross.KVHeads == l.Cross.Heads {
						tensor.Copy(l.Cross.VProj.Weight.Value, tensor.Eye(tensor.Float32, m.Config.Dim))
					}
				}
			}
		}
	}
	return u
}

// ramp returns places [length, dim] that grow along one random direction. A
// query that points that way prefers late events to early ones, however many
// there are: attention can find the last event, in which a causal encoder has
// gathered the others, without learning every place by itself.
func ramp(r *rand.PCG, length, dim int) *autograd.Param {
	p := nn.Zeros(length, dim)
	direction := tensor.Data[float32](nn.Normal(r, 1, dim).Value)
	x := tensor.Data[float32](p.Value)
	for i := range length {
		for j, d := range direction {
			x[i*dim+j] = d * float32(i-length/2) / rampStep
		}
	}
	return p
}

// rampStep is how many events lie between places that differ by one in each
// coordinate, as different embeddings do.
const rampStep = 8

// SetStrategy freezes what the strategy does not train and, for "lora", adds
// LoRA of the given rank to the language model's projections. Proj trains the
// projection, the places, the Perceiver and the language model's cross-attention; enc adds
// the encoder; lora adds LoRA in the language model; full trains everything.
// The encoder's heads serve pretraining only and are frozen in all of them.
func (u *Model) SetStrategy(r *rand.PCG, strategy string, rank int) error {
	train := []string{"place", "proj.**"}
	if u.Perceiver != nil {
		train = append(train, "perceiver.**")
	}
	if !u.soft {
		train = append(train, "lm.layers.*.cross.**")
	}
	switch strategy {
	case "proj":
	case "enc":
		train = append(train, "encoder.**")
	case "lora":
		if _, err := nn.AddLoRA(r, u.LM, rank, 2*float64(rank), "layers.*.attn.*", "layers.*.ffn.*"); err != nil {
			return fmt.Errorf("strategy lora: %w", err)
		}
		train = append(train, "encoder.**", "lm.**.lora.*")
	case "full":
		train = append(train, "encoder.**", "lm.**")
	default:
		return fmt.Errorf("strategy %q is none of %s", strategy, strings.Join(Strategies, ", "))
	}
	if err := nn.TrainOnly(u, train...); err != nil {
		return fmt.Errorf("strategy %s: %w", strategy, err)
	}
	heads := []*nn.Linear{u.Encoder.ItemHead, u.Encoder.RatingHead, u.Encoder.GapHead, u.Encoder.GenreHead}
	if u.Encoder.Titles != nil {
		heads = append(heads, u.Encoder.Titles.Head)
	}
	for _, head := range heads {
		if head != nil {
			head.Weight.Frozen, head.Bias.Frozen = true, true
		}
	}
	return nil
}

// maxPrefix is the most events that a soft prompt without a Perceiver holds.
const maxPrefix = 64

// memory is what the language model reads of a batch of timelines: vectors
// [rows, n, width], of which query q of a row sees [lo, hi).
type memory struct {
	vectors *autograd.Var
	span    func(row, q int) (lo, hi int)
}

// remember encodes timelines and returns the memory for queries of which query
// q of row r sees the first visible[r][q] events; each row has at most groups.
func (u *Model) remember(s *autograd.Scope, timelines [][]history.Event, visible [][]int, groups int) memory {
	emb, _ := u.Encoder.Forward(s, timelines) // (rows, n, dim)
	emb = autograd.Add(emb, autograd.Slice(s.Use(u.Place), 0, 0, emb.Dim(1)))
	if u.Perceiver == nil {
		return memory{u.Proj.Forward(s, emb), func(row, q int) (int, int) {
			hi := visible[row][q]
			if u.soft {
				return max(0, hi-maxPrefix), hi
			}
			return 0, hi
		}}
	}
	lens := make([]int32, len(timelines)*groups)
	for r, vs := range visible {
		for q, v := range vs {
			lens[r*groups+q] = int32(v)
		}
	}
	z := u.Proj.Forward(s, u.Perceiver.Forward(s, emb, lens, groups)) // (rows·groups, k, width)
	k := z.Dim(1)
	z = autograd.Reshape(z, len(timelines), groups*k, z.Dim(2))
	return memory{z, func(_, q int) (int, int) { return q * k, (q + 1) * k }}
}

// loss returns the summed cross-entropy of the answers to the windows'
// questions, and the number of their tokens.
func (u *Model) loss(s *autograd.Scope, c *Catalogue, ws []window) (*autograd.Var, float64) {
	g := rand.New(s.Rand)
	groups := 0
	queries, visible := make([][]query, len(ws)), make([][]int, len(ws))
	timelines := make([][]history.Event, len(ws))
	for r, w := range ws {
		queries[r], timelines[r] = c.queries(w, g), w.inputs()
		groups = max(groups, len(queries[r]))
		for _, q := range queries[r] {
			visible[r] = append(visible[r], q.visible)
		}
	}
	m := u.remember(s, timelines, visible, groups)
	texts := make([]*text, len(queries))
	for r, qs := range queries {
		var prefix func(int) (int, int)
		if u.soft {
			prefix = func(q int) (int, int) { return m.span(r, q) }
		}
		texts[r] = c.asked(qs, prefix)
	}
	return textLoss(s, u.LM, texts, &m)
}

// UserEmbedding returns one vector for a user: the encoder's state after the
// last event, [dim], or nil without events.
func (u *Model) UserEmbedding(timeline []history.Event) []float64 {
	if len(timeline) == 0 {
		return nil
	}
	s := autograd.Inference()
	defer s.Close()
	emb, lens := u.Encoder.Forward(s, [][]history.Event{timeline})
	last := autograd.Slice(emb, 1, int(lens[0])-1, int(lens[0]))
	return tensor.Data[float64](last.Detach().Cast(tensor.Float64))
}

// textLoss returns the summed cross-entropy of the rows' marked tokens and
// their number. m may be nil: no memory.
func textLoss(s *autograd.Scope, model *lm.Model, texts []*text, m *memory) (*autograd.Var, float64) {
	width := 1
	for _, t := range texts {
		width = max(width, len(t.tokens))
	}
	n := len(texts) * width
	tokens, pos, start := make([]int32, n), make([]int32, n), make([]int32, n)
	lo, hi := make([]int32, n), make([]int32, n)
	var soft []int32 // places of memory vectors, if there are any
	var learn, next []int32
	for r, t := range texts {
		for i, tok := range t.tokens {
			at := r*width + i
			tokens[at], pos[at], start[at] = max(tok, 0), t.pos[i], t.start[i]
			if tok < 0 && soft == nil {
				soft = make([]int32, n)
				for k := range soft {
					soft[k] = ignore
				}
			}
			if tok < 0 {
				soft[at] = int32(r*m.vectors.Dim(1)) + ^tok
			}
			if m != nil {
				l, h := m.span(r, int(t.query[i]))
				lo[at], hi[at] = int32(l), int32(h)
			}
			if t.next[i] != ignore {
				learn, next = append(learn, int32(at)), append(next, t.next[i])
			}
		}
		for i := len(t.tokens); i < width; i++ { // padding sees itself
			start[r*width+i] = int32(i)
		}
	}
	in := lm.Input{Tokens: tensor.Of(tokens, len(texts), width), Pos: pos, Start: start}
	switch {
	case soft != nil:
		in.Embeds = mix(s, model, in.Tokens, soft, m.vectors)
	case m != nil:
		in.Memory, in.MemoryStart, in.MemoryLen = m.vectors, lo, hi
	}
	h := model.Hidden(s, in)
	h = autograd.Reshape(h, n, h.Dim(-1))
	logits := model.Logits(s, autograd.IndexSelect(h, 0, tensor.Of(learn)))
	sum, count := nn.CrossEntropy(logits, tensor.Of(next), ignore, 0)
	return sum, float64(count)
}

// mix returns the tokens' embeddings [rows, width, dim] with the given memory
// vectors in the places where soft is not ignore.
func mix(s *autograd.Scope, model *lm.Model, tokens *tensor.Tensor, soft []int32, vectors *autograd.Var) *autograd.Var {
	dim := vectors.Dim(-1)
	emb := autograd.Reshape(model.Embed.Forward(s, tokens), tokens.Len(), dim)
	mem := autograd.Reshape(vectors, vectors.Len()/dim, dim)
	pick := make([]int32, tokens.Len())
	for i, m := range soft {
		pick[i] = int32(i)
		if m != ignore {
			pick[i] = int32(tokens.Len()) + m
		}
	}
	x := autograd.IndexSelect(autograd.Concat(0, emb, mem), 0, tensor.Of(pick))
	return autograd.Reshape(x, tokens.Dim(0), tokens.Dim(1), dim)
}
