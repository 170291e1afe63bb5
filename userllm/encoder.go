package userllm

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// EncoderConfig sizes the user encoder. Zero fields take the defaults.
type EncoderConfig struct {
	Dim     int     `json:"dim"`     // 64
	Layers  int     `json:"layers"`  // 2
	Heads   int     `json:"heads"`   // 4
	Length  int     `json:"length"`  // the most events it reads: 50
	Dropout float64 `json:"dropout"` // as given
}

func (c EncoderConfig) withDefaults() EncoderConfig {
	c.Dim, c.Layers = or(c.Dim, 64), or(c.Layers, 2)
	c.Heads, c.Length = or(c.Heads, 4), or(c.Length, 50)
	return c
}

// or returns v, or def if v is the zero value.
func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Encoder is the autoregressive user encoder of User-LLM (arXiv 2402.13598,
// section 3.1): each event's features are embedded, concatenated and
// projected, and a causal Transformer turns them into one embedding an event.
// Pretraining predicts the next event, with one head a feature but the title,
// which the item tells.
type Encoder struct {
	Item   *nn.Embedding // [items+1, dim]; 0 is padding
	Rating *nn.Embedding // nil where the data has no ratings
	Gap    *nn.Embedding // nil where it has no times
	Genre  *nn.Linear    // of the item's genres as shares; nil without genres
	Titles *Titles       // of the item's title; nil: not read
	Fuse   *nn.Linear
	Pos    *nn.Embedding
	Drop   nn.Dropout
	Layers nn.Stack
	Norm   nn.Norm

	ItemHead   *nn.Linear // to the item embedding's space, which scores by dot product
	RatingHead *nn.Linear
	GapHead    *nn.Linear
	GenreHead  *nn.Linear

	features *history.Features
	items    []history.Item
	sampled  int // how many items stand in for a catalogue more than twice as large
}

// sampled is how many items stand in for the catalogue in the item head's
// softmax when the catalogue is larger than twice that.
const sampled = 4096

// featureDim is the width of an event's small features.
const featureDim = 16

// NewEncoder returns an encoder with random weights for the events of d.
func NewEncoder(r *rand.PCG, c EncoderConfig, d *history.Dataset) *Encoder {
	c = c.withDefaults()
	f := history.NewFeatures(d)
	e := &Encoder{Item: nn.NewEmbedding(r, f.NumItems, c.Dim), Drop: nn.Dropout(c.Dropout), features: f, items: d.Items, sampled: sampled}
	width := c.Dim
	if d.HasRatings {
		e.Rating = nn.NewEmbedding(r, f.NumRatings, featureDim)
		e.RatingHead = nn.NewLinear(r, c.Dim, f.NumRatings, true)
		width += featureDim
	}
	if d.HasTimes {
		e.Gap = nn.NewEmbedding(r, f.NumGaps, featureDim)
		e.GapHead = nn.NewLinear(r, c.Dim, f.NumGaps, true)
		width += featureDim
	}
	if n := len(d.Genres); n > 0 {
		e.Genre = nn.NewLinear(r, n, featureDim, false)
		e.GenreHead = nn.NewLinear(r, c.Dim, n, true)
		width += featureDim
	}
	e.Fuse = nn.NewLinear(r, width, c.Dim, true)
	e.Pos = nn.NewEmbedding(r, c.Length, c.Dim)
	e.Layers = nn.NewStack(r, c.Layers, nn.BlockConfig{Dim: c.Dim, Heads: c.Heads, Dropout: c.Dropout})
	e.Norm = nn.NewLayerNorm(c.Dim, true)
	e.ItemHead = nn.NewLinear(r, c.Dim, c.Dim, true)
	return e
}

// dropHeads takes off the heads, which serve pretraining only.
func (e *Encoder) dropHeads() {
	e.ItemHead, e.RatingHead, e.GapHead, e.GenreHead = nil, nil, nil, nil
}

// Length returns the most events that the encoder reads.
func (e *Encoder) Length() int { return e.Pos.Weight.Value.Dim(0) }

// Dim returns the width of an embedding.
func (e *Encoder) Dim() int { return e.Fuse.Weight.Value.Dim(0) }

// events are timelines as padded indices, [rows, n].
type events struct {
	rows, n              int
	lens                 []int32 // of each row
	items, ratings, gaps *tensor.Tensor
}

// encode turns timelines, each cut to its last Length events, into indices
// padded to the longest.
func (e *Encoder) encode(timelines [][]history.Event) *events {
	n := 1
	for _, t := range timelines {
		n = max(n, min(len(t), e.Length()))
	}
	b := &events{rows: len(timelines), n: n}
	items, ratings, gaps := make([]int32, 0, b.rows*n), make([]int32, 0, b.rows*n), make([]int32, 0, b.rows*n)
	for _, t := range timelines {
		x := e.features.Encode(t, n)
		b.lens = append(b.lens, int32(x.Len))
		items, ratings, gaps = append(items, x.Items...), append(ratings, x.Ratings...), append(gaps, x.Gaps...)
	}
	b.items, b.ratings, b.gaps = tensor.Of(items, b.rows, n), tensor.Of(ratings, b.rows, n), tensor.Of(gaps, b.rows, n)
	return b
}

// Forward returns the embeddings E_su of the timelines' last Length events,
// [rows, n, dim] with n the longest, and how many of them each row has. The
// embedding of an event depends on it and the events before it only.
func (e *Encoder) Forward(s *autograd.Scope, timelines [][]history.Event) (emb *autograd.Var, lens []int32) {
	b := e.encode(timelines)
	return e.forward(s, b), b.lens
}

func (e *Encoder) forward(s *autograd.Scope, b *events) *autograd.Var {
	parts := []*autograd.Var{e.Item.Forward(s, b.items)} // (rows, n, dim)
	if e.Rating != nil {
		parts = append(parts, e.Rating.Forward(s, b.ratings))
	}
	if e.Gap != nil {
		parts = append(parts, e.Gap.Forward(s, b.gaps))
	}
	if e.Genre != nil {
		parts = append(parts, e.Genre.Forward(s, s.Const(e.sharesOf(b.items))))
	}
	x := e.Fuse.Forward(s, autograd.Concat(-1, parts...))
	if e.Titles != nil { // the same as one more part of the concatenation
		x = autograd.Add(x, e.Titles.In.Forward(s, e.Titles.of(s, b.items)))
	}
	x = autograd.Add(x, e.Pos.Forward(s, tensor.Arange(tensor.Int32, b.n)))
	x = e.Drop.Forward(s, x)
	x = e.Layers.Forward(s, x, nn.BlockInput{Mask: autograd.AttnMask{Causal: true}}, nil)
	return e.Norm.Forward(s, x)
}

// sharesOf returns the genres of items (1-based; 0 has none) as shares: 1/k for
// each of an item's k genres, [..., genres].
func (e *Encoder) sharesOf(items *tensor.Tensor) *tensor.Tensor {
	n := e.Genre.Weight.Value.Dim(1)
	shares := make([]float64, items.Len()*n)
	for row, id := range tensor.Data[int32](items) {
		if id == 0 {
			continue
		}
		genres := e.items[id-1].Genres
		for _, g := range genres {
			shares[row*n+int(g)] = 1 / float64(len(genres))
		}
	}
	return tensor.Of(shares, append(items.Shape(), n)...).Cast(computed(e.Genre.Weight))
}

// computed returns the dtype that a weight, which may be stored narrow, is
// multiplied in.
func computed(w *autograd.Param) tensor.DType {
	if dt := w.Value.DType(); dt.IsFloat() {
		return dt
	}
	return tensor.Float32
}

// PretrainLoss returns the summed loss of predicting each event from those
// before it, over all features, and the number of predicted events. A timeline
// of n events has n-1 of them.
func (e *Encoder) PretrainLoss(s *autograd.Scope, timelines [][]history.Event) (*autograd.Var, float64) {
	inputs, nexts := make([][]history.Event, len(timelines)), make([][]history.Event, len(timelines))
	for i, t := range timelines {
		t = t[max(0, len(t)-e.Length()-1):]
		inputs[i], nexts[i] = t[:max(0, len(t)-1)], t[min(1, len(t)):]
	}
	b, next := e.encode(inputs), e.encode(nexts)
	var at []int32 // the places that are not padding
	for r, n := range b.lens {
		for i := range n {
			at = append(at, int32(r*b.n)+i)
		}
	}
	if len(at) == 0 {
		return autograd.Scale(autograd.Sum(s.Use(e.ItemHead.Bias)), 0), 0
	}
	rows := tensor.Of(at)
	pick := func(x *tensor.Tensor) *tensor.Tensor {
		return tensor.IndexSelect(x.Reshape(x.Len()), 0, rows)
	}
	h := autograd.IndexSelect(autograd.Reshape(e.forward(s, b), b.rows*b.n, e.Dim()), 0, rows)
	items := pick(next.items)
	loss := e.itemLoss(s, h, items)
	if e.Rating != nil {
		l, _ := e.RatingHead.CrossEntropy(s, h, pick(next.ratings), 0, 0)
		loss = autograd.Add(loss, l)
	}
	if e.Gap != nil { // the first gap of a window is unknown, 0, and ignored
		l, _ := e.GapHead.CrossEntropy(s, h, pick(next.gaps), 0, 0)
		loss = autograd.Add(loss, l)
	}
	if e.Genre != nil {
		logp := autograd.LogSoftmax(e.GenreHead.Forward(s, h), -1)
		loss = autograd.Sub(loss, autograd.Sum(autograd.Mul(logp, s.Const(e.sharesOf(items)))))
	}
	return loss, float64(len(at))
}

// itemLoss is the cross-entropy of the next items (1-based, [rows]) over the
// catalogue, or over a sample of it.
func (e *Encoder) itemLoss(s *autograd.Scope, h *autograd.Var, items *tensor.Tensor) *autograd.Var {
	q := e.ItemHead.Forward(s, h)
	table := s.Use(e.Item.Weight)
	n := e.features.NumItems - 1
	if n <= 2*e.sampled {
		return autograd.Sum(autograd.LinearCrossEntropy(q, table, nil, items, 0, 0))
	}
	negatives := make([]int32, e.sampled)
	r := rand.New(s.Rand)
	for i := range negatives {
		negatives[i] = 1 + r.Int32N(int32(n))
	}
	uniform := tensor.New(tensor.Float32, n+1) // every item is as likely to be drawn
	loss, _ := nn.SampledSoftmax(q, table, items, tensor.Of(negatives), uniform, 0)
	return loss
}
