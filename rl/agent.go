package rl

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// An Agent is what training returns: a model, and how it sees and acts. It is a
// module, so train.SaveModel and train.LoadModel keep it, normalisation
// included.
type Agent struct {
	Model   Model
	Obs     *Running // normalises observations; nil: they are taken as they are
	Actions Space
}

// Act returns the actions for observations obs [n, dim]: [n, action]. They are
// drawn from the policy by r, or are the likeliest ones if r is nil. s is a
// scope of the caller's, which Act resets.
func (a *Agent) Act(s *autograd.Scope, obs []float64, n int, r *rand.PCG) []float64 {
	if a.Obs != nil {
		seen := make([]float64, len(obs))
		a.Obs.Normalize(seen, obs, normalLimit)
		obs = seen
	}
	actions := a.draw(s, obs, n, r)
	clipActions(a.Actions, actions, n)
	return actions
}

// draw is Act for observations that are normalised, without clipping.
func (a *Agent) draw(s *autograd.Scope, obs []float64, n int, r *rand.PCG) []float64 {
	s.Reset()
	d := a.Model.Policy(s, matrix(s, obs, n))
	if r == nil {
		return numbers(d.Mode())
	}
	return numbers(d.Sample(r))
}

func clipActions(space Space, actions []float64, n int) {
	for i := range n {
		space.Clip(row(actions, i, n))
	}
}

// matrix returns x as float32 [n, dim], which lives until s is reset.
func matrix(s *autograd.Scope, x []float64, n int) *autograd.Var {
	t := s.New(tensor.Float32, n, len(x)/n)
	d := tensor.Data[float32](t)
	for i, v := range x {
		d[i] = float32(v)
	}
	return s.Const(t)
}

// vector32 returns x as float32 [len(x)], which lives until s is reset.
func vector32(s *autograd.Scope, x []float64) *tensor.Tensor {
	return matrix(s, x, 1).Value().Reshape(len(x))
}

// numbers returns the elements of t.
func numbers(t *tensor.Tensor) []float64 { return tensor.Data[float64](t.Cast(tensor.Float64)) }

// actionTensor returns n actions as Distribution.LogProb takes them.
func actionTensor(space Space, actions []float64, n int) *tensor.Tensor {
	if !space.IsDiscrete() {
		return tensor.Of(actions, n, space.Size()).Cast(tensor.Float32)
	}
	return tensor.Of(actions, n).Cast(tensor.Int32)
}

// Evaluate plays so many episodes of environments made by newEnv, greedily, and
// returns what came out. Their seeds follow from seed.
func (a *Agent) Evaluate(ctx context.Context, newEnv func() Env, episodes int, seed uint64) ([]Episode, error) {
	envs, seeds := makeEnvs(episodes, newEnv), make([]uint64, episodes)
	r := rand.NewPCG(seed, streamEvaluate)
	for i := range seeds {
		seeds[i] = r.Uint64()
	}
	s := autograd.Inference()
	defer s.Close()
	played, err := play(ctx, envs, seeds, func(obs []float64, n int) []float64 { return a.Act(s, obs, n, nil) })
	if err != nil {
		return nil, fmt.Errorf("rl: evaluation: %w", err)
	}
	out := make([]Episode, episodes)
	for i, p := range played {
		out[i] = Episode{i, p.total(), len(p.rewards)}
	}
	return out, nil
}

// The streams of a seed's randomness.
const (
	streamModel uint64 = iota + 1
	streamEnvs
	streamPolicy
	streamEvaluate
)
