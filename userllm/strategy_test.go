package userllm

import (
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// logitsOf returns what m says of a few tokens, with a memory if mem is not nil.
func logitsOf(m *lm.Model, mem *tensor.Tensor) *tensor.Tensor {
	s := autograd.Inference()
	in := lm.Input{Tokens: tensor.Of([]int32{1, 4, 6, 7}, 1, 4)}
	if mem != nil {
		in.Memory = s.Const(mem)
	}
	return m.Logits(s, m.Hidden(s, in)).Detach()
}

// What joins the language model writes nothing at first, through a closed gate
// or a zero output projection: the logits are those of the plain model, bit for
// bit. Behind a closed gate the encoder has no gradient yet.
func TestFusionStartsSilent(t *testing.T) {
	c := toyCatalogue()
	for _, cfg := range []ModelConfig{{}, {Gated: true}, {Gated: true, Perceiver: 2}, {CrossEvery: 1}} {
		want := logitsOf(toyLM(), nil)
		u := toyModel(cfg, c.Data)
		if cfg.Gated { // not for want of something to say
			for _, l := range u.LM.Layers {
				if l.Cross != nil {
					shake(l.Cross.OProj, 1)
				}
			}
		}
		mem := u.recall(autograd.Inference(), toyEvents(0, 1, 2))
		require.True(t, equalBits(want, logitsOf(u.LM, mem)), "%+v", cfg)

		s := autograd.Training(pcg())
		loss, n := u.loss(s, c, toyWindows())
		require.Positive(t, n)
		loss.Backward()
		for _, p := range nn.Params(u.Encoder) {
			if p.Param.Grad != nil {
				require.Zero(t, optim.Norm([]nn.Named{p}), p.Name)
			}
		}
		// One step opens it.
		optim.ClipNorm(nn.Params(u), 1)
		(&optim.AdamW{LR: 0.1}).Step(nn.Params(u))
		require.False(t, equalBits(logitsOf(u.LM, nil), logitsOf(u.LM, u.recall(autograd.Inference(), toyEvents(0, 1, 2)))), "%+v", cfg)
	}
}

// trainToy makes a few steps on the toy's windows.
func trainToy(u *Model, c *Catalogue, steps int) {
	opt := &optim.AdamW{LR: 0.01, Decay: 0.1}
	s := autograd.Training(pcg())
	for range steps {
		s.Reset()
		loss, _ := u.loss(s, c, toyWindows())
		loss.Backward()
		opt.Step(nn.Params(u))
		optim.Zero(nn.Params(u))
	}
}

// A strategy changes what it trains, every kind of it, and nothing else.
func TestStrategies(t *testing.T) {
	c := toyCatalogue()
	cross := []string{"proj.weight", "proj.bias", "lm.layers.1.cross.q_proj.weight", "lm.layers.1.cross.k_proj.weight", "lm.layers.1.cross.v_proj.weight", "lm.layers.1.cross.o_proj.weight", "lm.layers.1.cross.norm.weight"}
	gate := []string{"lm.layers.1.cross.gate"}
	perceiver := []string{"perceiver.latents", "perceiver.layers.0.cross.q_proj.weight", "perceiver.layers.0.ffn.*.weight", "perceiver.norm.weight"}
	encoder := []string{"encoder.item.weight", "encoder.rating.weight", "encoder.gap.weight", "encoder.genre.weight", "encoder.fuse.weight", "encoder.pos.weight", "encoder.layers.0.attn.q_proj.weight", "encoder.norm.weight"}
	lora := []string{"lm.layers.0.attn.q_proj.lora.a", "lm.layers.0.attn.o_proj.lora.b", "lm.layers.1.ffn.*.lora.a"}
	words := []string{"lm.embed.weight", "lm.layers.0.attn.q_proj.weight", "lm.layers.1.ffn.*.weight", "lm.norm.weight", "lm.layers.0.attn_norm.weight"}
	heads := []string{"encoder.item_head.*", "encoder.rating_head.*", "encoder.gap_head.*", "encoder.genre_head.*"}
	for _, k := range []struct {
		strategy       string
		trains, leaves [][]string
	}{
		{"proj", nil, [][]string{encoder, words}},
		{"enc", [][]string{encoder}, [][]string{words}},
		{"lora", [][]string{encoder, lora}, [][]string{words}},
		{"full", [][]string{encoder, words}, nil},
	} {
		for _, cfg := range []ModelConfig{{}, {Gated: true}, {Perceiver: 2}, {Fusion: "soft"}, {Fusion: "soft", Perceiver: 2}} {
			u := toyModel(cfg, c.Data)
			require.NoError(t, u.SetStrategy(pcg(), k.strategy, 2))
			name := strings.Join([]string{k.strategy, cfg.Fusion}, " ")
			before, plain := values(u), logitsOf(u.LM, nil)
			trainToy(u, c, 5)
			trains := append([][]string{cross[:2]}, k.trains...)
			if cfg.Fusion != "soft" {
				trains = append(trains, cross)
			}
			if cfg.Gated {
				trains = append(trains, gate)
			}
			if cfg.Perceiver > 0 {
				trains = append(trains, perceiver)
			}
			changed := map[string]bool{}
			for _, p := range nn.Params(u) {
				changed[p.Name] = !equalBits(before[p.Name], p.Param.Value)
				require.Equal(t, p.Param.Frozen, !changed[p.Name], "%s: %s", name, p.Name)
			}
			for _, kind := range trains {
				for _, pattern := range kind {
					require.True(t, some(t, changed, pattern), "%s does not train %s", name, pattern)
				}
			}
			for _, kind := range append(k.leaves, heads) {
				for _, pattern := range kind {
					require.False(t, some(t, changed, pattern), "%s trains %s", name, pattern)
				}
			}
			if k.strategy == "proj" || k.strategy == "enc" { // a frozen model keeps its language
				require.True(t, equalBits(plain, logitsOf(u.LM, nil)), name)
			}
		}
	}
	require.ErrorContains(t, toyModel(ModelConfig{}, c.Data).SetStrategy(pcg(), "adapter", 2), `"adapter"`)
	require.Error(t, toyModel(ModelConfig{}, c.Data).SetStrategy(pcg(), "lora", 0))
}

// some reports whether a parameter whose name fits the pattern changed.
func some(t *testing.T, changed map[string]bool, pattern string) (any bool) {
	found := false
	for name, did := range changed {
		if ok, _ := path.Match(pattern, name); ok {
			found, any = true, any || did
		}
	}
	require.True(t, found, "no parameter is named %s", pattern)
	return any
}

// The perplexity of the titles without a memory, before and after the training
// of what reads the user.
func TestFrozenModelKeepsItsPerplexity(t *testing.T) {
	c := toyCatalogue()
	perplexity := func(m *lm.Model) float64 {
		s := autograd.Inference()
		s.Rand = pcg()
		sum, n := textLoss(s, m, []*text{c.described([]int32{0, 1, 2, 3, 4, 5}, rand.New(s.Rand))}, nil)
		return sum.Value().Item() / n
	}
	want := perplexity(toyLM())
	for _, strategy := range []string{"proj", "enc"} {
		u := toyModel(ModelConfig{}, c.Data)
		require.NoError(t, u.SetStrategy(pcg(), strategy, 2))
		trainToy(u, c, 5)
		require.Equal(t, want, perplexity(u.LM), strategy)
	}
	u := toyModel(ModelConfig{}, c.Data)
	require.NoError(t, u.SetStrategy(pcg(), "full", 2))
	trainToy(u, c, 5)
	require.NotEqual(t, want, perplexity(u.LM))
}
