// Package rl learns to act: environments, rollouts, returns and advantages,
// policies, and policy-gradient algorithms.
//
// An [Env] is a problem, with Gymnasium's meaning; package env holds some. A
// [Vector] steps several copies of it, and wrappers normalise what they show.
//
// The primitives are functions of their own, for other trainers to use: on
// slices of numbers [Returns], [GAE], [VTrace], [GroupAdvantages] and
// [LeaveOneOut]; on Vars, and differentiable, the distributions [Categorical]
// and [Gaussian], the losses [PPOLoss], [ClippedValueLoss] and [DPOLoss] and the
// estimators of the Kullback-Leibler divergence [K1], [K2] and [K3].
//
// A language model is a policy too, whose actions are tokens: [FineTune] trains
// one towards what its texts are worth.
//
// An algorithm is one file and one struct of settings whose zero value works:
// [REINFORCE], [A2C], [PPO], [GRPO] and [DPO]. Train runs until its steps are
// done or the context is cancelled, reports progress, and with a Dir writes
// checkpoints from which it goes on bit for bit. The result depends on the
// settings and the seed alone, not on the number of cores.
package rl
