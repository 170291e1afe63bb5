package rl

import (
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// rollout is what a Vector did for some steps under one policy. Its slices are
// [steps, envs, …].
type rollout struct {
	envs, n   int // n = steps·envs
	space     Space
	obs       []float64
	actions   []float64
	rewards   []float64
	ended     []bool // terminated or truncated
	term      []bool
	next      []float64 // [envs, observation]: what follows the last step
	cut       []int     // elements whose episode was truncated, not terminated
	cutObs    []float64 // [len(cut), observation]: what they led to
	episodes  []Episode
	logp      []float64 // of the actions, under the policy that chose them
	values    []float64
	advantage []float64
	returns   []float64
}

// collect lets an agent act in v.
func collect(a *Agent, v Vector, s *autograd.Scope, r *rand.PCG, steps int) *rollout {
	envs := v.Len()
	o := &rollout{envs: envs, n: steps * envs, space: v.Actions()}
	for range steps {
		obs := v.Current()
		o.obs = append(o.obs, obs...)
		actions := a.draw(s, obs, envs, r)
		o.actions = append(o.actions, actions...)
		clipActions(o.space, actions, envs)
		t := v.Step(actions)
		for i := range envs {
			if t.Truncated[i] && !t.Terminated[i] {
				o.cut = append(o.cut, len(o.term)+i)
				o.cutObs = append(o.cutObs, row(t.Next, i, envs)...)
			}
			o.ended = append(o.ended, t.Ended(i))
		}
		o.rewards = append(o.rewards, t.Rewards...)
		o.term = append(o.term, t.Terminated...)
		o.episodes = append(o.episodes, t.Episodes...)
	}
	o.next = append(o.next, v.Current()...)
	return o
}

// estimate fills in values, log-probabilities, advantages and returns. All
// values are computed in one pass, for every state that an advantage needs.
func (o *rollout) estimate(a *Agent, s *autograd.Scope, gamma, lambda float64) {
	s.Reset()
	d := a.Model.Policy(s, matrix(s, o.obs, o.n))
	o.logp = numbers(d.LogProb(actionTensor(o.space, o.actions, o.n)).Value())
	states := append(append(append([]float64(nil), o.obs...), o.next...), o.cutObs...)
	all := numbers(a.Model.Value(s, matrix(s, states, o.n+o.envs+len(o.cut))).Value())
	o.values = all[:o.n]
	next := append([]float64(nil), all[o.envs:o.n+o.envs]...)
	for k, i := range o.cut {
		next[i] = all[o.n+o.envs+k]
	}
	t := o.trajectory()
	t.Values, t.Next = o.values, next
	o.advantage = GAE(t, gamma, lambda)
	o.returns = make([]float64, o.n)
	for i := range o.returns {
		o.returns[i] = o.advantage[i] + o.values[i]
	}
}

// trajectory returns o without values.
func (o *rollout) trajectory() Trajectory {
	return Trajectory{Envs: o.envs, Rewards: o.rewards, Terminated: o.term, Truncated: o.ended}
}

// batch is some samples of a rollout, in s's memory.
type batch struct {
	obs                               *autograd.Var  // [n, observation]
	actions                           *tensor.Tensor // as LogProb takes them
	logp, values, advantages, returns *tensor.Tensor // [n]
}

// batch returns the samples that rows names.
func (o *rollout) batch(s *autograd.Scope, rows []int) batch {
	pick := func(x []float64) *tensor.Tensor { return vector32(s, gather(x, rows, o.n)) }
	return batch{
		matrix(s, gather(o.obs, rows, o.n), len(rows)),
		actionTensor(o.space, gather(o.actions, rows, o.n), len(rows)),
		pick(o.logp), pick(o.values), pick(o.advantage), pick(o.returns),
	}
}

// gather returns those of the n parts of x that rows names.
func gather(x []float64, rows []int, n int) []float64 {
	out := make([]float64, 0, len(rows)*(len(x)/n))
	for _, i := range rows {
		out = append(out, row(x, i, n)...)
	}
	return out
}

// shuffled returns 0 … n-1 in random order.
func shuffled(r *rand.PCG, n int) []int { return rand.New(r).Perm(n) }
