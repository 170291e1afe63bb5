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

// PPO is proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347)
// with the details that Huang et al. (2022, "The 37 implementation details of
// proximal policy optimization") found to matter. Of a number whose zero value
// has a meaning, a negative value means 0, if that is in its range.
type PPO struct {
	Run
	Envs      int // environments side by side; 0 means 8
	Rollout   int // steps of each between updates; 0 means 64
	Epochs    int // passes over them; 0 means 10
	Minibatch int // samples in a gradient step; 0 means 128

	LR         float64 // of Adam, falls linearly to 0 over the run; 0 means 1e-3
	ConstantLR bool    // LR does not fall
	ClipNorm   float64 // largest norm of a gradient; 0 means 0.5

	Gamma     float64 // discount, at most 1; 0 means 0.99
	Lambda    float64 // of GAE; 0 means 0.95
	Clip      float64 // of the ratio; 0 means 0.2
	ValueClip float64 // of the values; 0 means none
	ValueCoef float64 // weight of the value loss; 0 means 0.5
	Entropy   float64 // weight of the entropy bonus; 0 means none
	TargetKL  float64 // an update ends with the epoch in which K3 exceeds this; 0 means never

	Hidden           []int // sizes of hidden layers; nil means 64, 64
	NormalizeObs     bool
	NormalizeRewards bool
	// NewModel makes the model; nil means an ActorCritic with Hidden.
	NewModel func(r *rand.PCG, obs, actions Space) Model `json:"-"`
}

// Defaults returns c with what it leaves open filled in.
func (c PPO) Defaults() PPO {
	c.Steps = cmp.Or(c.Steps, 100_000)
	c.Envs = cmp.Or(c.Envs, 8)
	c.Rollout = cmp.Or(c.Rollout, 64)
	c.Epochs = cmp.Or(c.Epochs, 10)
	c.Minibatch = cmp.Or(c.Minibatch, 128)
	c.LR = cmp.Or(c.LR, 1e-3)
	c.ClipNorm = cmp.Or(c.ClipNorm, 0.5)
	c.Gamma = cmp.Or(c.Gamma, 0.99)
	c.Lambda = cmp.Or(c.Lambda, 0.95)
	c.Clip = cmp.Or(c.Clip, 0.2)
	c.ValueCoef = cmp.Or(c.ValueCoef, 0.5)
	if c.Hidden == nil {
		c.Hidden = []int{64, 64}
	}
	return c
}

// Train learns to act in the environments that newEnv makes. An error says why
// training stopped early; it can go on from its checkpoint.
func (c PPO) Train(ctx context.Context, newEnv func() Env) (*Agent, error) {
	c = c.Defaults()
	if c.Envs <= 0 || c.Rollout <= 0 || c.Epochs <= 0 || c.Minibatch <= 0 {
		return nil, errors.New("rl: PPO needs Envs, Rollout, Epochs and Minibatch above 0")
	}
	if err := check("PPO", setting{"LR", c.LR, aboveZero}, setting{"ClipNorm", c.ClipNorm, finite},
		setting{"Gamma", c.Gamma, upToOne}, setting{"Lambda", c.Lambda, upToOne},
		setting{"Clip", c.Clip, finite}, setting{"ValueClip", c.ValueClip, finite}, setting{"ValueCoef", c.ValueCoef, finite},
		setting{"Entropy", c.Entropy, finite}, setting{"TargetKL", c.TargetKL, finite}); err != nil {
		return nil, err
	}
	floor(&c.Gamma, &c.Lambda, &c.Clip, &c.ValueCoef, &c.Entropy)
	v, agent := prepare(c.Seed, c.Envs, newEnv, c.NormalizeObs, c.NewModel, c.Hidden)
	if c.NormalizeRewards {
		v = NormalizeRewards(v, c.Gamma)
	}
	opt := &optim.Adam{LR: c.LR, Eps: 1e-5}
	rng := rand.NewPCG(c.Seed, streamPolicy)
	run, err := begin(c.Run, "PPO", c, rng, map[string]train.Part{agentPart: train.Weights(agent), optimizerPart: opt, envPart: v})
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
		if !c.ConstantLR {
			opt.SetLR(c.LR * run.left())
		}
		m := newMeans()
		for range c.Epochs {
			kl := 0.0
			order := shuffled(rng, o.n)
			for lo := 0; lo < o.n; lo += c.Minibatch {
				rows := order[lo:min(o.n, lo+c.Minibatch)]
				kl += c.step(agent, o, rows, learning, m) * float64(len(rows)) / float64(o.n)
				m.add("grad_norm", optim.ClipNorm(params, c.ClipNorm))
				opt.Step(params)
				optim.Zero(params)
			}
			if c.TargetKL > 0 && kl > c.TargetKL {
				break
			}
		}
		if err := run.done(o.n, o.episodes, m.means()); err != nil {
			return agent, err
		}
	}
}

// step computes the gradient of a minibatch and returns its KL to the policy
// that acted.
func (c PPO) step(agent *Agent, o *rollout, rows []int, s *autograd.Scope, m *means) float64 {
	s.Reset()
	b := o.batch(s, rows)
	d := agent.Model.Policy(s, b.obs)
	logp, values := d.LogProb(b.actions), agent.Model.Value(s, b.obs)
	advantages := vector32(s, Standardize(gather(o.advantage, rows, o.n)))
	policy := autograd.Mean(PPOLoss(logp, b.logp, advantages, c.Clip))
	value := autograd.Mean(ValueLoss(values, b.returns))
	if c.ValueClip > 0 {
		value = autograd.Mean(ClippedValueLoss(values, b.values, b.returns, c.ValueClip))
	}
	entropy := autograd.Mean(d.Entropy())
	kl := meanK3(logp.Value(), b.logp)
	m.add("policy_loss", policy.Value().Item())
	m.add("value_loss", value.Value().Item())
	m.add("entropy", entropy.Value().Item())
	m.add("kl", kl)
	loss := autograd.Add(policy, autograd.Scale(value, c.ValueCoef))
	autograd.Sub(loss, autograd.Scale(entropy, c.Entropy)).Backward()
	return kl
}
