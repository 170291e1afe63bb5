package userllm

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/noema-ml/noema/nn"
)

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
	for _, head := range heads {
		if head != nil {
			head.Weight.Frozen, head.Bias.Frozen = true, true
		}
	}
	return nil
}
