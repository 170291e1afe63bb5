package userllm

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// Titles makes the words of an item's title a feature of its events: as the
// mean of their embeddings in a pretrained language model, and as what the
// encoder's title head predicts. User-LLM's events have a title (arXiv
// 2402.13598, section 4.1); in the language model's own space the head also
// learns a map from user embeddings to words, which the projection of stage 2
// starts from.
type Titles struct {
	Table *tensor.Tensor // [items+1, width], of root mean square 1; row 0 is padding
	In    *nn.Linear     // [dim, width]
	Head  *nn.Linear     // [width, dim]; its output is compared with the words' embeddings

	words *tensor.Tensor // [vocab, width]; nil: the title is not predicted
	bags  [][]int32      // the different words of each item's title
}

// newTitles returns the feature with an empty table, to be filled.
func newTitles(r *rand.PCG, items, width, dim int) *Titles {
	return &Titles{
		Table: tensor.New(tensor.Float32, items+1, width),
		In:    nn.NewLinear(r, width, dim, false),
		Head:  nn.NewLinear(r, dim, width, true),
	}
}

// ReadTitles gives the encoder the titles of its items, as the tokens of a
// language model with the embeddings embed. The last token of each, which ends
// it, is no word.
func (e *Encoder) ReadTitles(r *rand.PCG, embed *nn.Embedding, titles [][]int32) {
	words := embed.Weight.Value.Clone().Cast(tensor.Float32)
	width := words.Dim(1)
	t := newTitles(r, len(titles), width, e.Dim())
	t.words = words
	table, w := tensor.Data[float32](t.Table), tensor.Data[float32](words)
	sum := 0.0
	for i, title := range titles {
		bag := slices.Compact(slices.Sorted(slices.Values(title[:len(title)-1])))
		t.bags = append(t.bags, bag)
		row := table[(i+1)*width : (i+2)*width]
		for _, tok := range bag {
			for j := range row {
				row[j] += w[int(tok)*width+j] / float32(len(bag))
			}
		}
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
	}
	if sum > 0 {
		tensor.ScaleTo(t.Table, math.Sqrt(float64(t.Table.Len())/sum))
	}
	e.Titles = t
}

// of returns the title vectors of items (1-based), [..., width].
func (t *Titles) of(s *autograd.Scope, items *tensor.Tensor) *autograd.Var {
	table := s.Const(t.Table.Cast(t.In.Weight.Value.DType()))
	return autograd.Embedding(table, items)
}

// loss is the summed cross-entropy of the words of the next items' titles
// (1-based, [rows]) given states [rows, dim]; a title's words share its weight.
func (t *Titles) loss(s *autograd.Scope, h *autograd.Var, items *tensor.Tensor) *autograd.Var {
	words := s.Const(t.words.Cast(h.DType()))
	logp := autograd.LogSoftmax(autograd.Linear(t.Head.Forward(s, h), words, nil), -1) // (rows, vocab)
	vocab := logp.Dim(1)
	var at []int32
	var share []float64
	for row, id := range tensor.Data[int32](items) {
		for _, tok := range t.bags[id-1] {
			at = append(at, int32(row*vocab)+tok)
			share = append(share, -1/float64(len(t.bags[id-1])))
		}
	}
	picked := autograd.IndexSelect(autograd.Reshape(logp, logp.Len()), 0, tensor.Of(at))
	return autograd.Sum(autograd.Mul(picked, s.Const(tensor.Of(share).Cast(h.DType()))))
}
