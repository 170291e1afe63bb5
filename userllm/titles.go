package userllm

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// Titles makes the words of an item's title a feature of its events (User-LLM,
// arXiv 2402.13598, section 4.1): as the mean of their embeddings in a
// pretrained language model.
type Titles struct {
	Table *tensor.Tensor // [items+1, width], of root mean square 1; row 0 is padding
	In    *nn.Linear     // [dim, width]
}

// newTitles returns the feature with an empty table, to be filled.
func newTitles(r *rand.PCG, items, width, dim int) *Titles {
	return &Titles{
		Table: tensor.New(tensor.Float32, items+1, width),
		In:    nn.NewLinear(r, width, dim, false),
	}
}

// ReadTitles gives the encoder the titles of its items, as the tokens of a
// language model with the embeddings embed. The last token of each, which ends
// it, is no word.
func (e *Encoder) ReadTitles(r *rand.PCG, embed *nn.Embedding, titles [][]int32) {
	words := embed.Weight.Value.Clone().Cast(tensor.Float32)
	width := words.Dim(1)
	t := newTitles(r, len(titles), width, e.Dim())
	table, w := tensor.Data[float32](t.Table), tensor.Data[float32](words)
	sum := 0.0
	for i, title := range titles {
		bag := slices.Compact(slices.Sorted(slices.Values(title[:len(title)-1])))
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
	table := s.Const(t.Table.Cast(computed(t.In.Weight)))
	return autograd.Embedding(table, items)
}
