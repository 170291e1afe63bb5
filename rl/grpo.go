package rl

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
)

// GRPO is group relative policy optimisation with outcome supervision (Shao et
// al. 2024, arXiv 2402.03300, section 4.1): several episodes from each start,
// each of whose steps has for its advantage the episode's return relative to
// its group's, PPO's clipped loss, and a penalty on the divergence from a
// reference policy. There is no value function. Of a number whose zero value
// has a meaning, a negative value means 0, if that is in its range.
type GRPO struct {
	Run
	Groups  int  // starts of an update; 0 means 16
	Size    int  // episodes from each; 0 means 8
	NoScale bool // advantages are not divided by the group's deviation (Dr. GRPO)
	Epochs  int  // gradient steps on the episodes of an update; 0 means 1

	LR         float64 // of Adam, falls linearly to 0 over the run; 0 means 3e-3
	ConstantLR bool    // LR does not fall
	ClipNorm   float64 // largest norm of a gradient; 0 means 0.5

	Clip float64 // of the ratio; 0 means 0.2
	// Penalty weighs K3 of the policy to the reference, and adapts the weight
	// if it has a Target; Beta 0 means none. The paper's Beta is 0.04.
	Penalty KLController
	Entropy float64 // weight of the entropy bonus; 0 means none

	Hidden []int // sizes of hidden layers; nil means 64, 64
	// NewModel makes the model; nil means an ActorCritic with Hidden, whose
	// values are not trained.
	NewModel func(r *rand.PCG, obs, actions Space) Model `json:"-"`
	// Reference is the policy to stay close to; nil means the one that
	// training begins with.
	Reference Model `json:"-"`
}

// Defaults returns c with what it leaves open filled in.
func (c GRPO) Defaults() GRPO {
	c.Steps = cmp.Or(c.Steps, 100_000)
	c.Groups = cmp.Or(c.Groups, 16)
	c.Size = cmp.Or(c.Size, 8)
	c.Epochs = cmp.Or(c.Epochs, 1)
	c.LR = cmp.Or(c.LR, 3e-3)
	c.ClipNorm = cmp.Or(c.ClipNorm, 0.5)
	c.Clip = cmp.Or(c.Clip, 0.2)
	if c.Hidden == nil {
		c.Hidden = []int{64, 64}
	}
	return c
}

// Train learns to act in the environments that newEnv makes. An error says why
// training stopped early; it can go on from its checkpoint.
func (c GRPO) Train(ctx context.Context, newEnv func() Env) (*Agent, error) {
	c = c.Defaults()
	if c.Groups <= 0 || c.Epochs <= 0 || c.Size < 2 {
		return nil, errors.New("rl: GRPO needs Groups and Epochs above 0 and a Size of 2 or more")
	}
	if err := check("GRPO", append(c.Penalty.settings("Penalty"), setting{"LR", c.LR, aboveZero}, setting{"ClipNorm", c.ClipNorm, finite},
		setting{"Clip", c.Clip, finite}, setting{"Entropy", c.Entropy, finite})...); err != nil {
		return nil, err
	}
	floor(&c.Clip, &c.Entropy)
	envs := makeEnvs(c.Groups*c.Size, newEnv)
	obs, actions := envs[0].Observations(), envs[0].Actions()
	agent := newAgent(c.Seed, obs, actions, c.NewModel, c.Hidden)
	reference := c.Reference
	if reference == nil {
		reference = newAgent(c.Seed, obs, actions, c.NewModel, c.Hidden).Model
	}
	opt := &optim.Adam{LR: c.LR, Eps: 1e-5}
	rng := rand.NewPCG(c.Seed, streamPolicy)
	penalty := &penaltyState{c.Penalty}
	run, err := begin(c.Run, "GRPO", c, rng, map[string]train.Part{agentPart: train.Weights(agent), optimizerPart: opt, penaltyPart: penalty})
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
		episodes, err := playGroups(ctx, agent, envs, c.Size, acting, rng)
		if err != nil {
			continue // run.more says why
		}
		o := flatten(agent.Actions, episodes)
		returns := make([]float64, len(episodes))
		for i, e := range episodes {
			returns[i] = e.total()
		}
		weight := make([]float64, 0, o.n) // all episodes weigh the same, however long
		for i, a := range GroupAdvantages(returns, c.Size, !c.NoScale) {
			for range episodes[i].rewards {
				o.advantage = append(o.advantage, a)
				weight = append(weight, 1/float64(len(episodes)*len(episodes[i].rewards)))
			}
		}
		old, ref := logProbs(agent.Model, o, acting), logProbs(reference, o, acting)
		if !c.ConstantLR {
			opt.SetLR(c.LR * run.left())
		}
		m := newMeans()
		for range c.Epochs {
			c.step(agent, o, weight, old, ref, penalty.Beta, learning, m)
			m.add("grad_norm", optim.ClipNorm(params, c.ClipNorm))
			opt.Step(params)
			optim.Zero(params)
		}
		metrics := m.means()
		penalty.Update(metrics["kl"], len(episodes))
		if err := run.done(o.n, o.episodes, metrics); err != nil {
			return agent, err
		}
	}
}

// step computes a gradient.
func (c GRPO) step(agent *Agent, o *rollout, weight []float64, old, ref *tensor.Tensor, beta float64, s *autograd.Scope, m *means) {
	s.Reset()
	d := agent.Model.Policy(s, matrix(s, o.obs, o.n))
	logp := d.LogProb(actionTensor(o.space, o.actions, o.n))
	w := s.Const(vector32(s, weight))
	mean := func(x *autograd.Var) *autograd.Var { return autograd.Sum(autograd.Mul(x, w)) }
	policy := mean(PPOLoss(logp, old, vector32(s, o.advantage), c.Clip))
	kl := mean(K3(logp, s.Const(ref)))
	entropy := mean(d.Entropy())
	m.add("policy_loss", policy.Value().Item())
	m.add("kl", kl.Value().Item())
	m.add("entropy", entropy.Value().Item())
	loss := autograd.Add(policy, autograd.Scale(kl, beta))
	autograd.Sub(loss, autograd.Scale(entropy, c.Entropy)).Backward()
}

// logProbs returns the log-probabilities of o's actions under m: [n], on the
// heap.
func logProbs(m Model, o *rollout, s *autograd.Scope) *tensor.Tensor {
	s.Reset()
	return m.Policy(s, matrix(s, o.obs, o.n)).LogProb(actionTensor(o.space, o.actions, o.n)).Detach()
}

// penaltyState is the weight of the penalty as a part of a checkpoint.
type penaltyState struct{ KLController }

// MarshalBinary returns the controller as JSON.
func (p *penaltyState) MarshalBinary() ([]byte, error) { return json.Marshal(p.KLController) }

// UnmarshalBinary reads what MarshalBinary returned.
func (p *penaltyState) UnmarshalBinary(b []byte) error { return json.Unmarshal(b, &p.KLController) }
