package userllm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// A whole User-LLM with narrow weights, titles and places included, answers
// close to what it did.
func TestStoredWeights(t *testing.T) {
	c, events := toyCatalogue(), toyEvents(0, 1, 2, 3, 5)
	for name, k := range map[string]ModelConfig{
		"cross": {Fusion: "cross"}, "cross perceiver": {Fusion: "cross", Perceiver: 2},
		"soft": {Fusion: "soft"}, "dual": {Kind: "dual"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, dt := range []tensor.DType{tensor.BFloat16, tensor.Float16, tensor.Q8_0} {
				u := toyModel(k, c.Data)
				u.Encoder.ReadTitles(pcg(), u.LM.Embed, c.titles)
				shake(u, 0.2)
				read := func() (embedding []float64, logits []float32) {
					a := newContextual(u, c, 4)
					logits = append(logits, a.question(NextItem, u.recall(a.s, events))...)
					ranking, err := a.next(t.Context(), logits, nil)
					require.NoError(t, err)
					require.NotEmpty(t, ranking)
					return u.UserEmbedding(events), logits
				}
				embedding, logits := read()
				nn.Cast(u, dt)
				if dt != tensor.Q8_0 { // rows of 4 are no block
					require.Equal(t, dt, u.Encoder.Genre.Weight.Value.DType())
					require.Equal(t, dt, u.Encoder.Pos.Weight.Value.DType())
				}
				gotEmbedding, gotLogits := read()
				require.InDeltaSlice(t, embedding, gotEmbedding, 0.05)
				require.InDeltaSlice(t, logits, gotLogits, 0.05)
			}
		})
	}
}
