package rl

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
)

// Baseline is what REINFORCE subtracts from the returns: it lowers the variance
// of the gradient and does not bias it.
type Baseline int

const (
	// LearnedBaseline is the model's value of the state, trained beside the
	// policy.
	LearnedBaseline Baseline = iota
	// LeaveOneOutBaseline is the mean return, from the same step on, of the
	// other episodes that began in the same state (see LeaveOneOut). An
	// episode that is over returns 0.
	LeaveOneOutBaseline
	// NoBaseline subtracts nothing.
	NoBaseline
)

// REINFORCE is the policy gradient from whole episodes (Williams 1992, "Simple
// statistical gradient-following algorithms for connectionist reinforcement
// learning"), one gradient step for each batch of them. Of a number whose zero
// value has a meaning, a negative value means 0, if that is in its range.
type REINFORCE struct {
	Run
	Episodes int // of an update; 0 means 16
	Baseline Baseline
	Group    int // episodes from one start, with LeaveOneOutBaseline; 0 means 4

	LR         float64 // of Adam, falls linearly to 0 over the run; 0 means 5e-3
	ConstantLR bool    // LR does not fall
	ClipNorm   float64 // largest norm of a gradient; 0 means 0.5

	Gamma     float64 // discount, at most 1; 0 means 0.99
	ValueCoef float64 // weight of the value loss, with LearnedBaseline; 0 means 0.5
	Entropy   float64 // weight of the entropy bonus; 0 means none

	Hidden []int // sizes of hidden layers; nil means 64, 64
	// NewModel makes the model; nil means an ActorCritic with Hidden.
	NewModel func(r *rand.PCG, obs, actions Space) Model `json:"-"`
}

// Defaults returns c with what it leaves open filled in.
func (c REINFORCE) Defaults() REINFORCE {
	c.Steps = cmp.Or(c.Steps, 100_000)
	c.Episodes = cmp.Or(c.Episodes, 16)
	c.Group = cmp.Or(c.Group, 4)
	if c.Baseline != LeaveOneOutBaseline {
		c.Group = 1
	}
	c.LR = cmp.Or(c.LR, 5e-3)
	c.ClipNorm = cmp.Or(c.ClipNorm, 0.5)
	c.Gamma = cmp.Or(c.Gamma, 0.99)
	c.ValueCoef = cmp.Or(c.ValueCoef, 0.5)
	if c.Hidden == nil {
		c.Hidden = []int{64, 64}
	}
	return c
}

// Train learns to act in the environments that newEnv makes. An error says why
// training stopped early; it can go on from its checkpoint.
func (c REINFORCE) Train(ctx context.Context, newEnv func() Env) (*Agent, error) {
	c = c.Defaults()
	switch {
	case c.Episodes <= 0:
		return nil, errors.New("rl: REINFORCE needs Episodes above 0")
	case c.Group <= 0 || c.Episodes%c.Group != 0 || c.Baseline == LeaveOneOutBaseline && c.Group < 2:
		return nil, errors.New("rl: REINFORCE leaves one out of groups of two or more that divide Episodes")
	}
	if err := check("REINFORCE", setting{"LR", c.LR, aboveZero}, setting{"ClipNorm", c.ClipNorm, finite}, setting{"Gamma", c.Gamma, upToOne},
		setting{"ValueCoef", c.ValueCoef, finite}, setting{"Entropy", c.Entropy, finite}); err != nil {
		return nil, err
	}
	floor(&c.Gamma, &c.ValueCoef, &c.Entropy)
	envs := makeEnvs(c.Episodes, newEnv)
	agent := newAgent(c.Seed, envs[0].Observations(), envs[0].Actions(), c.NewModel, c.Hidden)
	opt := &optim.Adam{LR: c.LR, Eps: 1e-5}
	rng := rand.NewPCG(c.Seed, streamPolicy)
	run, err := begin(c.Run, "REINFORCE", c, rng, map[string]train.Part{agentPart: train.Weights(agent), optimizerPart: opt})
	if err != nil {
		return nil, err
	}
	acting, learning := autograd.Inference(), autograd.NewScope(true)
	defer acting.Close()
	defer learning.Close()
	params := nn.Params(agent)
	for {
		if more, err := run.more(ctx); !more {
			return agent, err
		}
		episodes, err := playGroups(ctx, agent, envs, c.Group, acting, rng)
		if err != nil {
			continue // run.more says why
		}
		o := flatten(agent.Actions, episodes)
		switch c.Baseline {
		case LearnedBaseline:
			o.estimate(agent, acting, c.Gamma, 1)
		case LeaveOneOutBaseline:
			o.advantage = leaveOneOutReturns(episodes, c.Group, c.Gamma)
		case NoBaseline:
			o.advantage = Returns(o.trajectory(), c.Gamma)
		}
		metrics := c.gradient(agent, o, learning)
		metrics["grad_norm"] = optim.ClipNorm(params, c.ClipNorm)
		if !c.ConstantLR {
			opt.SetLR(c.LR * run.left())
		}
		opt.Step(params)
		optim.Zero(params)
		if err := run.done(o.n, o.episodes, metrics); err != nil {
			return agent, err
		}
	}
}

// gradient computes the gradient of a batch of episodes.
func (c REINFORCE) gradient(agent *Agent, o *rollout, s *autograd.Scope) map[string]float64 {
	s.Reset()
	obs := matrix(s, o.obs, o.n)
	d := agent.Model.Policy(s, obs)
	logp := d.LogProb(actionTensor(o.space, o.actions, o.n))
	policy := autograd.Mean(PolicyGradient(logp, vector32(s, o.advantage)))
	entropy := autograd.Mean(d.Entropy())
	metrics := map[string]float64{"policy_loss": policy.Value().Item(), "entropy": entropy.Value().Item()}
	loss := autograd.Sub(policy, autograd.Scale(entropy, c.Entropy))
	if c.Baseline == LearnedBaseline {
		value := autograd.Mean(ValueLoss(agent.Model.Value(s, obs), vector32(s, o.returns)))
		metrics["value_loss"] = value.Value().Item()
		loss = autograd.Add(loss, autograd.Scale(value, c.ValueCoef))
	}
	loss.Backward()
	return metrics
}

// leaveOneOutReturns gives each step's return less the mean of the group's
// other episodes' at the same step.
func leaveOneOutReturns(episodes []played, size int, gamma float64) []float64 {
	var out []float64
	for first := 0; first < len(episodes); first += size {
		group := episodes[first : first+size]
		returns := make([][]float64, size)
		for i, e := range group {
			returns[i] = Returns(Trajectory{Rewards: e.rewards, Terminated: make([]bool, len(e.rewards))}, gamma)
		}
		for i := range group {
			for t := range returns[i] {
				now := make([]float64, size)
				for k, g := range returns {
					if t < len(g) {
						now[k] = g[t]
					}
				}
				out = append(out, LeaveOneOut(now, size)[i])
			}
		}
	}
	return out
}
