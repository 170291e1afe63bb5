package lm

import (
	"fmt"
	"math"

	"github.com/noema-ml/noema/nn"
)

// Config is the shape of a Model. Zeros stand for the defaults.
type Config struct {
	Vocab      int     `json:"vocab"`       // tokens; 0: 256
	Dim        int     `json:"dim"`         // 0: 128
	Layers     int     `json:"layers"`      // 0: 4
	Heads      int     `json:"heads"`       // 0: one for 32 of Dim
	KVHeads    int     `json:"kv_heads"`    // 0: Heads
	FFN        int     `json:"ffn"`         // hidden width; 0: 8/3·Dim, in steps of 32
	MaxLen     int     `json:"max_len"`     // positions that Generate fills at most; 0: 512
	RopeTheta  float64 `json:"rope_theta"`  // 0: 10000
	Dropout    float64 `json:"dropout"`     //
	Untied     bool    `json:"untied"`      // the output has weights of its own, not the embedding's
	CrossEvery int     `json:"cross_every"` // cross-attention in every k-th layer; 0: none
	MemoryDim  int     `json:"memory_dim"`  // width of the memory; 0: Dim
	Gated      bool    `json:"gated"`       // cross-attention enters through a gate that starts at 0
}

// WithDefaults returns c with its zeros replaced.
func (c Config) WithDefaults() Config {
	set := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	set(&c.Vocab, 256)
	set(&c.Dim, 128)
	set(&c.Layers, 4)
	set(&c.Heads, max(1, c.Dim/32))
	set(&c.KVHeads, c.Heads)
	set(&c.FFN, (c.Dim*8/3+31)/32*32)
	set(&c.MaxLen, 512)
	set(&c.MemoryDim, c.Dim)
	if c.RopeTheta == 0 {
		c.RopeTheta = 10000
	}
	return c
}

// Validate returns an error if the sizes, with the defaults filled in, do not
// fit each other. A Config read from a file should be asked before New.
func (c Config) Validate() error {
	c = c.WithDefaults()
	if c.Vocab < 1 || c.Layers < 1 || c.MaxLen < 1 || c.FFN < 1 || c.CrossEvery < 0 || c.MemoryDim < 1 || c.Vocab > math.MaxInt32 {
		return fmt.Errorf("lm: a size is out of range: vocab %d, layers %d, ffn %d, max_len %d, cross_every %d, memory_dim %d", c.Vocab, c.Layers, c.FFN, c.MaxLen, c.CrossEvery, c.MemoryDim)
	}
	if err := c.block().Validate(); err != nil {
		return fmt.Errorf("lm: %w", err)
	}
	return nil
}

// block returns the configuration of a layer without cross-attention.
func (c Config) block() nn.BlockConfig {
	return nn.BlockConfig{
		Dim: c.Dim, Heads: c.Heads, KVHeads: c.KVHeads, FFN: c.FFN,
		Act: nn.SiLU, Gated: true, RMSNorm: true, NoBias: true,
		RopeTheta: c.RopeTheta, Dropout: c.Dropout,
	}
}
