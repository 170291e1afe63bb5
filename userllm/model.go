package userllm

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// Model is User-LLM (arXiv 2402.13598, section 3): a user encoder whose
// embeddings a language model reads, through cross-attention in its layers or
// as a soft prompt in front of its text.
type Model struct {
	Encoder   *Encoder
	Place     *autograd.Param        // [length, dim], added to the encoder's embeddings
	Perceiver *nn.PerceiverResampler // nil: the events' own embeddings are read
	Proj      *nn.Linear             // from the encoder's width to the memory's
	LM        *lm.Model              `name:"lm"`

	soft   bool
	single bool // the last embedding only is read
}

// NewModel joins an encoder and a language model, both pretrained or not. The
// language model gets cross-attention layers if the fusion wants them; they
// write nothing at first, so that it starts as it was.
func NewModel(r *rand.PCG, c ModelConfig, e *Encoder, m *lm.Model) *Model {
	c = c.withDefaults()
	u := &Model{Encoder: e, Place: ramp(r, e.Length(), e.Dim()), LM: m, soft: c.Fusion == "soft", single: c.Kind == "dual"}
	if c.Perceiver > 0 {
		u.Perceiver = nn.NewPerceiver(r, c.Perceiver, 1, nn.BlockConfig{Dim: e.Dim(), Heads: c.Encoder.Heads, FFN: 2 * e.Dim()})
	}
	u.Proj = nn.NewLinear(r, e.Dim(), m.Config.Dim, true)
	if !u.soft {
		m.AddCross(r, c.CrossEvery, m.Config.Dim, c.Gated)
		if !c.Gated {
			for _, l := range m.Layers {
				if l.Cross != nil {
					tensor.Fill(l.Cross.OProj.Weight.Value, 0)
				}
			}
		}
	}
	return u
}

// ramp returns places [length, dim] that grow along one random direction. A
// query that points that way prefers late events to early ones, however many
// there are, and so may find the last one, in which a causal encoder has
// gathered the others, without learning every place by itself. In the one
// comparison made it changed nothing.
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
			if u.single {
				return max(0, hi-1), hi
			}
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
