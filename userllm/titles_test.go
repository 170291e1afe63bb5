package userllm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// The table holds the mean embedding of each title's different words, the end
// left out, scaled as a whole.
func TestTitles(t *testing.T) {
	c, e, m := toyCatalogue(), toyEncoder(toyCatalogue().Data), toyLM()
	e.ReadTitles(pcg(), m.Embed, c.titles)
	table := e.Titles.Table
	require.Equal(t, []int{7, 4}, table.Shape())
	words := tensor.Data[float32](m.Embed.Weight.Value)
	mean := func(tokens ...int) []float64 {
		v := make([]float64, 4)
		for _, tok := range tokens {
			for j := range v {
				v[j] += float64(words[tok*4+j]) / float64(len(tokens))
			}
		}
		return v
	}
	scale, square := table.At(1, 0)/mean(4, 5)[0], 0.0
	for item, tokens := range [][]int{{4, 5}, {4, 6, 7}, {8}, {9, 10}, {4, 6, 7}, {4, 6, 8}} {
		for j, v := range mean(tokens...) {
			require.InDelta(t, scale*v, table.At(item+1, j), 1e-5)
			square += table.At(item+1, j) * table.At(item+1, j)
		}
	}
	require.InDelta(t, 1, math.Sqrt(square/28), 1e-5)
	for j := range 4 {
		require.Zero(t, table.At(0, j))
	}
	u := NewModel(pcg(), ModelConfig{Encoder: EncoderConfig{Dim: 4, Layers: 1, Heads: 2, Length: 4}}, e, m)
	names := map[string]bool{}
	for _, b := range nn.Buffers(u) {
		names[b.Name] = true
	}
	require.True(t, names["encoder.titles.table"], "saved with the model: %v", names)
}
