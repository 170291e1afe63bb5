package rl

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
)

// tuner holds what FineTune trains, and does an update's work.
type tuner struct {
	c                    FineTune
	policy, reference    *lm.Model
	value                *textValue // nil: the method has none
	own                  bool       // the reference is a copy that belongs to the run
	policyOpt, valueOpt  *optim.Adam
	penalty              *penaltyState
	looking              *autograd.Scope // for passes without gradients
	learning, evaluating *autograd.Scope // for those of the policy and of the value model
}

func newTuner(c FineTune, policy, reference *lm.Model) *tuner {
	u := &tuner{
		c: c, policy: policy, reference: reference,
		policyOpt: &optim.Adam{}, valueOpt: &optim.Adam{}, penalty: &penaltyState{c.KL},
		looking: autograd.Inference(), learning: autograd.NewScope(true), evaluating: autograd.NewScope(true),
	}
	if reference == nil {
		u.reference, u.own = nn.Clone(policy), true
	}
	if c.Method == "reinforce" || c.Method == "ppo" {
		u.value = newTextValue(policy)
	}
	return u
}

func (u *tuner) close() {
	u.looking.Close()
	u.learning.Close()
	u.evaluating.Close()
}

// parts returns what a checkpoint keeps.
func (u *tuner) parts() map[string]train.Part {
	parts := map[string]train.Part{agentPart: train.Weights(u.policy), optimizerPart: u.policyOpt, penaltyPart: u.penalty}
	if u.value != nil {
		parts[valuePart], parts[valueOptimizerPart] = train.Weights(u.value), u.valueOpt
	}
	if u.own {
		parts[referenceModelPart] = train.Weights(u.reference)
	}
	return parts
}

func (u *tuner) setLR(left float64) {
	if u.c.ConstantLR {
		left = 1
	}
	u.policyOpt.SetLR(u.c.LR * left)
	u.valueOpt.SetLR(u.c.ValueLR * left)
}

// judged is a batch and what is known of its actions, [n] each.
type judged struct {
	*textBatch
	logp, ref, values  []float64 // under the policy that sampled, the reference and the value model
	advantage, returns []float64
}

// update trains on rows, prompts with all their samples and rewards.
func (u *tuner) update(rng *rand.PCG, rows []textRow) (map[string]float64, error) {
	steps := u.c.split(rng, rows)
	m := newMeans()
	// If there is but one step, its own pass can tell the log-probabilities and
	// values that the advantages need; PPO's need those of all batches.
	if u.c.Epochs*len(steps) > 1 || u.c.Method == "ppo" {
		for _, b := range slices.Concat(steps...) {
			u.look(b)
		}
	}
	if u.c.Method == "ppo" {
		standardize(slices.Concat(steps...))
	}
	for epoch := range u.c.Epochs {
		if epoch > 0 {
			rand.New(rng).Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		}
		moved := 0.0
		for _, step := range steps {
			kl, err := u.step(step, m)
			if err != nil {
				return nil, err
			}
			moved += kl / float64(len(steps))
		}
		if u.c.TargetKL > 0 && moved > u.c.TargetKL {
			break
		}
	}
	metrics := m.means()
	u.measure(slices.Concat(steps...), metrics)
	return metrics, nil
}

// split divides rows into steps and these into batches of rows of similar
// length. The batches of an update stay as they are: kernels give a row other
// bits beside other rows, and the ratio must begin as exactly 1.
func (c FineTune) split(rng *rand.PCG, rows []textRow) [][]*judged {
	if c.Minibatches > 1 {
		rows = slices.Clone(rows)
		rand.New(rng).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	steps := make([][]*judged, c.Minibatches)
	for k := range steps {
		part := slices.Clone(rows[k*len(rows)/c.Minibatches : (k+1)*len(rows)/c.Minibatches])
		slices.SortStableFunc(part, func(a, b textRow) int { return cmp.Compare(a.tokens(), b.tokens()) })
		first := 0
		for i := range part {
			if i+1 == len(part) || (i+2-first)*part[i+1].tokens() > c.Tokens {
				steps[k] = append(steps[k], &judged{textBatch: newTextBatch(part[first : i+1])})
				first = i + 1
			}
		}
	}
	return steps
}

// look computes all that is known of a batch before the policy changes.
func (u *tuner) look(b *judged) {
	u.looking.Reset()
	logp, _ := b.logProbs(u.looking, u.policy, u.c.Temperature, u.c.Entropy > 0)
	b.logp = numbers(logp.Detach())
	if u.value != nil {
		u.looking.Reset()
		b.values = numbers(u.value.values(u.looking, b.textBatch).Detach())
	}
	u.judge(b)
}

// judge fills in advantages and returns from the log-probabilities and values.
func (u *tuner) judge(b *judged) {
	u.looking.Reset()
	ref, _ := b.logProbs(u.looking, u.reference, u.c.Temperature, false)
	b.ref = numbers(ref.Detach())
	rewards := make([]float64, b.n())
	i := 0
	for _, r := range b.rows {
		for k, a := range r.actions {
			i += len(a)
			rewards[i-1] = r.rewards[k] * (1 - u.c.Alpha)
		}
	}
	if u.c.KLLoss == "reward" {
		for i := range rewards {
			rewards[i] -= u.penalty.Beta * (b.logp[i] - b.ref[i])
		}
	}
	switch u.c.Method {
	case "rloo":
		b.advantage = b.spread(LeaveOneOut(b.sums(rewards), u.c.Samples))
	case "grpo":
		b.advantage = b.spread(GroupAdvantages(b.sums(rewards), u.c.Samples, !u.c.NoScale))
	default:
		next := append(slices.Clone(b.values[1:]), 0)
		b.advantage = GAE(Trajectory{Rewards: rewards, Values: b.values, Next: next, Terminated: b.last}, u.c.Gamma, u.c.Lambda)
		b.returns = make([]float64, b.n())
		for i, v := range b.values {
			b.returns[i] = b.advantage[i] + v
		}
	}
}

// standardize gives the advantages of an update mean 0 and deviation 1.
func standardize(batches []*judged) {
	var all []float64
	for _, b := range batches {
		all = append(all, b.advantage...)
	}
	all = Standardize(all)
	for _, b := range batches {
		b.advantage, all = all[:b.n()], all[b.n():]
	}
}

// step takes a gradient step of the policy, and of the value model if there is
// one. It returns K3 of an action to the policy that sampled.
func (u *tuner) step(batches []*judged, m *means) (moved float64, err error) {
	completions, actions := 0, 0
	for _, b := range batches {
		actions += b.n()
		for _, r := range b.rows {
			completions += len(r.actions)
		}
	}
	sum := map[string]float64{}
	for _, b := range batches {
		u.gradient(b, completions, actions, sum)
	}
	if err := u.move(u.policyOpt, u.policy, "grad_norm", m); err != nil {
		return 0, err
	}
	if u.value != nil {
		if err := u.move(u.valueOpt, u.value, "value_grad_norm", m); err != nil {
			return 0, err
		}
	}
	for name, v := range sum {
		m.add(name, v)
	}
	return sum["update_kl"], nil
}

// move lets an optimizer step.
func (u *tuner) move(opt *optim.Adam, model any, name string, m *means) error {
	params := nn.Params(model)
	norm := optim.Update(opt, params, 1, u.c.ClipNorm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		optim.Zero(params)
		return fmt.Errorf("%s is %v", name, norm)
	}
	m.add(name, norm)
	return nil
}

// gradient adds a batch's gradients, of a step of so many completions and
// actions, and its shares of the losses.
func (u *tuner) gradient(b *judged, completions, actions int, sum map[string]float64) {
	c, s := u.c, u.learning
	s.Reset()
	logp, entropies := b.logProbs(s, u.policy, c.Temperature, c.Entropy > 0)
	now := numbers(logp.Detach())
	var values *autograd.Var
	if u.value != nil {
		u.evaluating.Reset()
		values = u.value.values(u.evaluating, b.textBatch)
	}
	if b.logp == nil {
		b.logp = now
		if values != nil {
			b.values = numbers(values.Detach())
		}
		u.judge(b)
	}

	each := constant(logp, b.weights(c.Method, completions, actions))
	mean := func(x *autograd.Var) *autograd.Var { return autograd.Sum(autograd.Mul(x, each)) }
	advantage, ref := constant(logp, b.advantage), constant(logp, b.ref)
	var policy *autograd.Var
	if c.Method == "ppo" || c.Method == "grpo" {
		policy = mean(PPOLoss(logp, constant(logp, b.logp).Value(), advantage.Value(), c.Clip))
	} else {
		policy = mean(PolicyGradient(logp, advantage.Value()))
	}
	sum["policy_loss"] += policy.Value().Item()
	loss := policy
	if k := map[string]func(p, q *autograd.Var) *autograd.Var{"k1": K1, "k2": K2, "k3": K3}[c.KLLoss]; k != nil {
		loss = autograd.Add(loss, autograd.Scale(mean(k(logp, ref)), u.penalty.Beta))
	}
	if c.Entropy > 0 {
		loss = autograd.Sub(loss, autograd.Scale(mean(entropies), c.Entropy))
		sum["entropy"] += autograd.Sum(entropies).Value().Item() / float64(actions)
	}
	loss.Backward()
	for i, p := range now {
		d := p - b.logp[i]
		sum["update_kl"] += (math.Expm1(d) - d) / float64(actions)
	}
	if values == nil {
		return
	}
	returns := constant(values, b.returns).Value()
	value := ValueLoss(values, returns)
	if c.Method == "ppo" && c.ValueClip > 0 {
		value = ClippedValueLoss(values, constant(values, b.values).Value(), returns, c.ValueClip)
	}
	value = autograd.Scale(autograd.Sum(value), 1/float64(actions))
	sum["value_loss"] += value.Value().Item()
	value.Backward()
}

// weights returns what each action weighs in the policy's loss: in ppo all the
// same, in grpo those of a completion together as much as those of another, and
// in the others 1 for each completion, which makes the gradient that of the
// expected reward.
func (b *judged) weights(method string, completions, actions int) []float64 {
	var w []float64
	for _, r := range b.rows {
		for _, a := range r.actions {
			each := 1 / float64(completions)
			switch method {
			case "ppo":
				each = 1 / float64(actions)
			case "grpo":
				each /= float64(len(a))
			}
			for range a {
				w = append(w, each)
			}
		}
	}
	return w
}

// measure adds to the metrics what the policy that sampled was like.
func (u *tuner) measure(batches []*judged, metrics map[string]float64) {
	var logp, kl, values []float64
	for _, b := range batches {
		logp, values = append(logp, b.logp...), append(values, b.values...)
		apart := make([]float64, b.n())
		for i := range apart {
			apart[i] = b.logp[i] - b.ref[i]
		}
		kl = append(kl, b.sums(apart)...)
	}
	metrics["beta"] = u.penalty.Beta
	metrics["kl"], _ = moments(kl)
	u.penalty.Update(metrics["kl"], len(kl))
	if _, exact := metrics["entropy"]; !exact {
		mean, _ := moments(logp)
		metrics["entropy"] = -mean
	}
	if u.value != nil {
		metrics["value"], _ = moments(values)
	}
}

// constant returns x as a Var beside v, of its dtype.
func constant(v *autograd.Var, x []float64) *autograd.Var {
	s := v.Scope()
	if v.DType() == tensor.Float32 {
		return s.Const(vector32(s, x))
	}
	return s.Const(tensor.Of(x))
}
