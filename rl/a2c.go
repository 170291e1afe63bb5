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

// A2C is advantage actor-critic: one gradient step for each short rollout, the
// synchronous form of A3C (Mnih et al. 2016, arXiv 1602.01783). It is PPO with
// one epoch, one minibatch and advantages as they are (Huang et al. 2022, arXiv
// 2205.09123). Of a number whose zero value has a meaning, a negative value
// means 0, if that is in its range.
type A2C struct {
	Run
	Envs    int // environments side by side; 0 means 16
	Rollout int // steps of each between updates; 0 means 16

	LR         float64 // of Adam, falls linearly to 0 over the run; 0 means 3e-3
	ConstantLR bool    // LR does not fall
	ClipNorm   float64 // largest norm of a gradient; 0 means 0.5

	Gamma     float64 // discount, at most 1; 0 means 0.99
	Lambda    float64 // of GAE; 0 means 1: returns of as many steps as there are
	ValueCoef float64 // weight of the value loss; 0 means 0.5
	Entropy   float64 // weight of the entropy bonus; 0 means none

	Hidden           []int // sizes of hidden layers; nil means 64, 64
	NormalizeObs     bool
	NormalizeRewards bool
	// NewModel makes the model; nil means an ActorCritic with Hidden.
	NewModel func(r *rand.PCG, obs, actions Space) Model `json:"-"`
}

// Defaults returns c with what it leaves open filled in.
func (c A2C) Defaults() A2C {
	c.Steps = cmp.Or(c.Steps, 100_000)
	c.Envs = cmp.Or(c.Envs, 16)
	c.Rollout = cmp.Or(c.Rollout, 16)
	c.LR = cmp.Or(c.LR, 3e-3)
	c.ClipNorm = cmp.Or(c.ClipNorm, 0.5)
	c.Gamma = cmp.Or(c.Gamma, 0.99)
	c.Lambda = cmp.Or(c.Lambda, 1)
	c.ValueCoef = cmp.Or(c.ValueCoef, 0.5)
	if c.Hidden == nil {
		c.Hidden = []int{64, 64}
	}
	return c
}

// Train learns to act in the environments that newEnv makes. An error says why
// training stopped early; it can go on from its checkpoint.
func (c A2C) Train(ctx context.Context, newEnv func() Env) (*Agent, error) {
	c = c.Defaults()
	if c.Envs <= 0 || c.Rollout <= 0 {
		return nil, errors.New("rl: A2C needs Envs and Rollout above 0")
	}
	if err := check("A2C", setting{"LR", c.LR, aboveZero}, setting{"ClipNorm", c.ClipNorm, finite},
		setting{"Gamma", c.Gamma, upToOne}, setting{"Lambda", c.Lambda, upToOne},
		setting{"ValueCoef", c.ValueCoef, finite}, setting{"Entropy", c.Entropy, finite}); err != nil {
		return nil, err
	}
	floor(&c.Gamma, &c.Lambda, &c.ValueCoef, &c.Entropy)
	v, agent := prepare(c.Seed, c.Envs, newEnv, c.NormalizeObs, c.NewModel, c.Hidden)
	if c.NormalizeRewards {
		v = NormalizeRewards(v, c.Gamma)
	}
	opt := &optim.Adam{LR: c.LR, Eps: 1e-5}
	rng := rand.NewPCG(c.Seed, streamPolicy)
	run, err := begin(c.Run, "A2C", c, rng, map[string]train.Part{agentPart: train.Weights(agent), optimizerPart: opt, envPart: v})
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
		o := collect(agent, v, acting, rng, c.Rollout)
		o.estimate(agent, acting, c.Gamma, c.Lambda)
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

// gradient computes the gradient of a rollout.
func (c A2C) gradient(agent *Agent, o *rollout, s *autograd.Scope) map[string]float64 {
	s.Reset()
	obs := matrix(s, o.obs, o.n)
	d := agent.Model.Policy(s, obs)
	logp := d.LogProb(actionTensor(o.space, o.actions, o.n))
	policy := autograd.Mean(PolicyGradient(logp, vector32(s, o.advantage)))
	value := autograd.Mean(ValueLoss(agent.Model.Value(s, obs), vector32(s, o.returns)))
	entropy := autograd.Mean(d.Entropy())
	metrics := map[string]float64{"policy_loss": policy.Value().Item(), "value_loss": value.Value().Item(), "entropy": entropy.Value().Item()}
	loss := autograd.Add(policy, autograd.Scale(value, c.ValueCoef))
	autograd.Sub(loss, autograd.Scale(entropy, c.Entropy)).Backward()
	return metrics
}
