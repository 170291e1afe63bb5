package userllm

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// checkGradients compares the gradients of every parameter of m with
// differences, in float64, and returns how many numbers that were.
func checkGradients(t *testing.T, m any, loss func(s *autograd.Scope) *autograd.Var) (checked int) {
	t.Helper()
	nn.Cast(m, tensor.Float64)
	shake(m, 0.2)
	var ps []*autograd.Param
	for _, p := range nn.Params(m) {
		ps = append(ps, p.Param)
		checked += p.Param.Value.Len()
	}
	require.NoError(t, autograd.GradCheckParams(seeded(loss), 1e-6, ps...))
	return checked
}

// The gradients of every loss of this package, in all its forms, against
// differences.
func TestGradients(t *testing.T) {
	if testing.Short() {
		t.Skip("seventeen thousand of them")
	}
	c := toyCatalogue()
	timelines := [][]history.Event{toyEvents(0, 1, 2, 3, 5), toyEvents(4), toyEvents(2, 2, 1)}
	plain := &history.Dataset{Items: slices.Clone(c.Data.Items)} // no genres, ratings or times
	for i := range plain.Items {
		plain.Items[i].Genres = nil
	}
	total := 0
	check := func(name string, m any, loss func(s *autograd.Scope) (*autograd.Var, float64)) {
		t.Run(name, func(t *testing.T) {
			total += checkGradients(t, m, func(s *autograd.Scope) *autograd.Var {
				sum, n := loss(s)
				require.Positive(t, n)
				return sum
			})
		})
	}
	for name, d := range map[string]*history.Dataset{"all features": c.Data, "items only": plain} {
		e := toyEncoder(d)
		check("encoder/full softmax/"+name, e, func(s *autograd.Scope) (*autograd.Var, float64) { return e.PretrainLoss(s, timelines) })
		few := toyEncoder(d)
		few.sampled = 2
		check("encoder/sampled softmax/"+name, few, func(s *autograd.Scope) (*autograd.Var, float64) { return few.PretrainLoss(s, timelines) })
		dual := NewDualEncoder(pcg(), EncoderConfig{Dim: 4, Layers: 1, Heads: 2, Length: 4}, d, []int{1, 2, 3, 0, 4, 1})
		check("dual encoder/"+name, dual, func(s *autograd.Scope) (*autograd.Var, float64) { return dual.windowLoss(s, toyWindows()) })
		titled := toyEncoder(d)
		titled.ReadTitles(pcg(), toyLM().Embed, c.titles)
		check("encoder/titles/"+name, titled, func(s *autograd.Scope) (*autograd.Var, float64) { return titled.PretrainLoss(s, timelines) })
		read := NewDualEncoder(pcg(), EncoderConfig{Dim: 4, Layers: 1, Heads: 2, Length: 4}, d, []int{1, 2, 3, 0, 4, 1})
		read.ReadTitles(pcg(), toyLM().Embed, c.titles)
		check("dual encoder/titles/"+name, read, func(s *autograd.Scope) (*autograd.Var, float64) { return read.windowLoss(s, toyWindows()) })
	}
	for _, cfg := range []ModelConfig{
		{Fusion: "cross"}, {Fusion: "cross", Gated: true, CrossEvery: 1}, {Fusion: "soft"},
		{Fusion: "cross", Perceiver: 2}, {Fusion: "cross", Perceiver: 2, Gated: true}, {Fusion: "soft", Perceiver: 2},
		{Fusion: "cross", Strategy: "lora"},
	} {
		u := toyModel(cfg, c.Data)
		if cfg.Strategy == "lora" {
			require.NoError(t, u.SetStrategy(pcg(), "lora", 2))
			for _, p := range nn.Params(u) {
				p.Param.Frozen = false
			}
		}
		// The heads serve pretraining only.
		u.Encoder.ItemHead, u.Encoder.RatingHead, u.Encoder.GapHead, u.Encoder.GenreHead = nil, nil, nil, nil
		name := fmt.Sprintf("user-llm/%s perceiver=%d gated=%v %s", cfg.Fusion, cfg.Perceiver, cfg.Gated, cfg.Strategy)
		check(name, u, func(s *autograd.Scope) (*autograd.Var, float64) { return u.loss(s, c, toyWindows()) })
	}
	m := toyLM()
	check("textprompt", m, func(s *autograd.Scope) (*autograd.Var, float64) {
		g := rand.New(s.Rand)
		return textLoss(s, m, []*text{c.told(toyWindows()[0], 2, g), c.told(toyWindows()[2], 2, g), c.described([]int32{0, 5, 1}, g)}, nil)
	})
	// Nothing to predict is no loss.
	e, s := toyEncoder(c.Data), autograd.NewScope(true)
	none, n := e.PretrainLoss(s, [][]history.Event{nil, toyEvents(3)})
	require.Zero(t, n)
	none.Backward()
	t.Logf("%d gradients checked", total)
	require.Greater(t, total, 10_000)
}
