package userllm

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

func pcg() *rand.PCG { return rand.NewPCG(1, 2) }

// The tokens of toyCatalogue.
const (
	toyEnd   = 0
	toyNext  = 1 // and the two tokens of the genre tasks
	toyVocab = 12
)

// toyCatalogue is a catalogue of six items and three genres, made by hand. Items
// 1 and 4 share a title.
func toyCatalogue() *Catalogue {
	d := &history.Dataset{Name: "toy", Genres: []string{"a", "b", "c"}, HasRatings: true, HasTimes: true}
	for i, genres := range [][]int32{{0}, {0, 1}, {1}, {2}, {0, 2}, nil} {
		d.Items = append(d.Items, history.Item{ID: int32(i), Key: string(rune('A' + i)), Title: "title", Genres: genres})
	}
	c := &Catalogue{
		Data:   d,
		titles: [][]int32{{4, 5, 0}, {4, 6, 7, 0}, {8, 0}, {9, 10, 0}, {4, 6, 7, 0}, {4, 6, 8, 0}},
		genres: [][]int32{{4, 0}, {5, 6, 0}, {5, 7, 0}},
		prompt: [numTasks]int32{1, 2, 3},
		end:    toyEnd,
	}
	if err := c.plant(); err != nil {
		panic(err)
	}
	return c
}

// toyEvents is a timeline of the given items, rated and timed.
func toyEvents(items ...int32) []history.Event {
	var events []history.Event
	for i, item := range items {
		events = append(events, history.Event{Item: item, Rating: float32(1+i%5) - 0.5*float32(i%2), Time: 1000 + int64(i*i*40)})
	}
	return events
}

// toyWindows have rows of different length; the first asks for more than one
// item, the third about a timeline of two events.
func toyWindows() []window {
	return []window{
		{toyEvents(0, 1, 2, 3), nil, 2},
		{toyEvents(5, 4, 0), nil, 1},
		{toyEvents(2, 1), toyEvents(1), 3},
	}
}

func toyEncoder(d *history.Dataset) *Encoder {
	return NewEncoder(pcg(), EncoderConfig{Dim: 4, Layers: 1, Heads: 2, Length: 4}, d)
}

func toyLM() *lm.Model {
	return lm.New(pcg(), lm.Config{Vocab: toyVocab, Dim: 4, Layers: 2, Heads: 2, FFN: 3})
}

// toyModel joins toyEncoder and toyLM.
func toyModel(c ModelConfig, d *history.Dataset) *Model {
	c.Encoder = EncoderConfig{Dim: 4, Layers: 1, Heads: 2, Length: 4}
	return NewModel(rand.NewPCG(3, 4), c, toyEncoder(d), toyLM())
}

// shake moves every parameter off the zeros and ones that it starts from.
func shake(m any, by float64) {
	for i, p := range nn.Params(m) {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		noise := tensor.New(tensor.Float64, p.Param.Value.Shape()...)
		for k, d := 0, tensor.Data[float64](noise); k < len(d); k++ {
			d[k] = r.NormFloat64()
		}
		tensor.AddScaled(p.Param.Value, noise.Cast(p.Param.Value.DType()), by)
	}
}

// values copies the parameters, by name.
func values(m any) map[string]*tensor.Tensor {
	v := map[string]*tensor.Tensor{}
	for _, p := range nn.Params(m) {
		v[p.Name] = p.Param.Value.Clone()
	}
	return v
}

func equalBits(a, b *tensor.Tensor) bool {
	x, y := tensor.Data[float32](a), tensor.Data[float32](b)
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return len(x) == len(y)
}

// seeded gives f a scope with randomness that starts afresh each time.
func seeded(f func(s *autograd.Scope) *autograd.Var) func(s *autograd.Scope) *autograd.Var {
	return func(s *autograd.Scope) *autograd.Var {
		s.Rand = rand.NewPCG(5, 6)
		return f(s)
	}
}
