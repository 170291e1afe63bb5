package userllm

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
)

// Config is everything that decides the outcome of a run on a data set. Zero
// fields take the defaults.
type Config struct {
	Seed   uint64      `json:"seed"`
	Model  ModelConfig `json:"model"`
	Vocab  int         `json:"vocab"`  // of the tokenizer: 2048
	Beam   int         `json:"beam"`   // hypotheses of a search for titles: 24
	Titles int         `json:"titles"` // titles that TextPrompt reads: 10
	Batch  int         `json:"batch"`  // windows in a step of stage 2: 4
	LR     float64     `json:"lr"`     // peak learning rate of the language model in stage 2: 2e-3
	Plan   Plan        `json:"plan"`
}

// Plan is how much each stage trains. Every method trains on the same windows
// of stage 2, in the same order.
type Plan struct {
	LMItems        int `json:"lm_items"`        // titles that the language model is pretrained on, drawn by popularity
	EncoderWindows int `json:"encoder_windows"` // histories that the encoder is pretrained on
	Windows        int `json:"windows"`         // of stage 2, of up to Targets questions each
}

// Targets is the most next items that a window asks for.
const Targets = 25

// The items of a training step.
const (
	lmBatch      = 32
	encoderBatch = 16
	dualBatch    = 8 // its negatives are the other targets of the batch
)

// Peak learning rates; that of stage 2 is Config.LR.
const (
	lmRate      = 5e-3
	encoderRate = 3e-3
	dualRate    = 2e-3
)

// WithDefaults returns c with its zeros replaced, but for the plan's.
func (c Config) WithDefaults() Config {
	c.Model = c.Model.withDefaults()
	c.Vocab, c.Beam, c.Titles = or(c.Vocab, 2048), or(c.Beam, 24), or(c.Titles, 10)
	c.Batch, c.LR = or(c.Batch, 4), or(c.LR, 2e-3)
	return c
}

// Validate returns an error that names a value out of its range.
func (c Config) Validate() error {
	if c.Vocab < 0 || c.Beam < 0 || c.Titles < 0 || c.Plan.LMItems < 0 || c.Plan.EncoderWindows < 0 || c.Plan.Windows < 0 {
		return errors.New("a size is negative")
	}
	if c.Batch < 0 || c.Batch > maxSize || !(c.LR >= 0 && c.LR < 1) {
		return fmt.Errorf("batch %d or lr %v is out of range", c.Batch, c.LR)
	}
	return c.Model.Validate()
}

// ModelConfig is the shape of a contextualised language model. Zero fields
// take the defaults.
type ModelConfig struct {
	Encoder    EncoderConfig `json:"encoder"`
	LM         lm.Config     `json:"lm"`
	Kind       string        `json:"kind"`        // of the encoder: "autoregressive" (default), or "dual", whose one embedding stands for the history
	Fusion     string        `json:"fusion"`      // "cross" (default) or "soft"; a soft prompt holds the last 64 events, unless there is a Perceiver
	Strategy   string        `json:"strategy"`    // what stage 2 trains: "full" (default), "lora", "enc" or "proj"
	Perceiver  int           `json:"perceiver"`   // latents that stand for the history; 0: every event stands for itself
	CrossEvery int           `json:"cross_every"` // a cross-attention in every k-th layer: 2
	Gated      bool          `json:"gated"`       // cross-attention enters through a gate from 0
	LoRARank   int           `json:"lora_rank"`   // of the strategy "lora": 8
}

// Kinds, Fusions and Strategies are the values that a ModelConfig may name.
var (
	Kinds      = []string{"autoregressive", "dual"}
	Fusions    = []string{"cross", "soft"}
	Strategies = []string{"full", "lora", "enc", "proj"}
)

func (c ModelConfig) withDefaults() ModelConfig {
	c.Encoder = c.Encoder.withDefaults()
	c.Kind, c.Fusion, c.Strategy = or(c.Kind, "autoregressive"), or(c.Fusion, "cross"), or(c.Strategy, "full")
	c.CrossEvery, c.LoRARank = or(c.CrossEvery, 2), or(c.LoRARank, 8)
	return c
}

// Validate returns an error that names a value out of its range.
func (c ModelConfig) Validate() error {
	c = c.withDefaults()
	switch {
	case !slices.Contains(Kinds, c.Kind):
		return fmt.Errorf("kind %q is none of %s", c.Kind, strings.Join(Kinds, ", "))
	case c.Kind == "dual" && c.Perceiver > 0:
		return fmt.Errorf("a dual encoder gives one embedding: there is nothing for a Perceiver of %d latents to sum up", c.Perceiver)
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
