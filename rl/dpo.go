package rl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
)

// A Preference says that in the situation Obs the action Chosen is better than
// Rejected.
type Preference struct {
	Obs, Chosen, Rejected []float64
}

// DPO is direct preference optimisation (Rafailov et al. 2023, arXiv
// 2305.18290): it trains a policy on pairs, without a reward model or an
// environment. The reference is the policy that it begins with.
type DPO struct {
	// Run says how long, what is reported and what is saved; see train.Run.
	Run   train.Config
	Batch int     // pairs of a step; 0 means 64
	LR    float64 // of Adam; 0 means 1e-3. Run.Schedule goes before it
	Beta  float64 // how dear it is to leave the reference; 0 means 0.1
	Seed  uint64  // of the order of the pairs
}

// Train trains agent on pairs. To go on from a checkpoint it needs the agent
// as it was at the beginning only in its shape: the reference's
// log-probabilities are in the checkpoint.
func (c DPO) Train(ctx context.Context, agent *Agent, pairs []Preference) error {
	if len(pairs) == 0 {
		return errors.New("rl: DPO has no pairs")
	}
	for i, p := range pairs {
		if len(p.Obs) != len(pairs[0].Obs) || len(p.Chosen) != agent.Actions.Size() || len(p.Rejected) != agent.Actions.Size() {
			return fmt.Errorf("rl: preference %d is not shaped as the first one and the actions are", i)
		}
		if agent.Actions.IsDiscrete() && !(agent.Actions.Contains(p.Chosen) && agent.Actions.Contains(p.Rejected)) {
			return fmt.Errorf("rl: preference %d is between %v and %v, which are not both among the %d actions", i, p.Chosen, p.Rejected, agent.Actions.N)
		}
	}
	return c.train(ctx, agent, len(pairs), func(s *autograd.Scope, rows []int) (chosen, rejected *autograd.Var) {
		var obs, yes, no []float64
		for _, i := range rows {
			obs, yes, no = append(obs, pairs[i].Obs...), append(yes, pairs[i].Chosen...), append(no, pairs[i].Rejected...)
		}
		if agent.Obs != nil {
			agent.Obs.Normalize(obs, obs, normalLimit)
		}
		d := agent.Model.Policy(s, matrix(s, obs, len(rows)))
		take := func(a []float64) *tensor.Tensor { return actionTensor(agent.Actions, a, len(rows)) }
		return d.LogProb(take(yes)), d.LogProb(take(no))
	})
}

// train trains model on n pairs, of which logProbs gives the log-probabilities
// of those that rows names, under the model as it is.
func (c DPO) train(ctx context.Context, model any, n int, logProbs func(s *autograd.Scope, rows []int) (chosen, rejected *autograd.Var)) error {
	batch, lr, beta := cmp.Or(c.Batch, 64), cmp.Or(c.LR, 1e-3), cmp.Or(c.Beta, 0.1)
	if batch < 1 {
		return errors.New("rl: DPO needs a Batch above 0")
	}
	if err := check("DPO", setting{"LR", lr, aboveZero}, setting{"Beta", beta, aboveZero}); err != nil {
		return err
	}
	all, ref := make([]int, n), &reference{}
	for i := range all {
		all[i] = i
	}
	s := autograd.Inference()
	defer s.Close()
	for rows := range slices.Chunk(all, batch) {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("rl: DPO: %w", err)
		}
		s.Reset()
		chosen, rejected := logProbs(s, rows)
		ref.Chosen, ref.Rejected = append(ref.Chosen, numbers(chosen.Value())...), append(ref.Rejected, numbers(rejected.Value())...)
	}
	run := c.Run
	run.Parts = maps.Clone(run.Parts)
	if run.Parts == nil {
		run.Parts = map[string]train.Part{}
	}
	run.Parts[referencePart] = ref
	return train.Run(ctx, run, train.Task[int]{
		Model: model,
		Opt:   &optim.Adam{LR: lr},
		Data:  &train.Loader[int]{Items: all, Batch: batch, Seed: c.Seed},
		Loss: func(s *autograd.Scope, rows []int) (*autograd.Var, float64) {
			chosen, rejected := logProbs(s, rows)
			refChosen, refRejected := constant(chosen, gather(ref.Chosen, rows, n)), constant(chosen, gather(ref.Rejected, rows, n))
			return autograd.Sum(DPOLoss(chosen, rejected, refChosen.Value(), refRejected.Value(), beta)), float64(len(rows))
		},
	})
}

// reference holds the log-probabilities of all pairs under the reference.
type reference struct{ Chosen, Rejected []float64 }

// MarshalBinary returns the log-probabilities as gob.
func (r *reference) MarshalBinary() ([]byte, error) {
	return toGob([2][]float64{r.Chosen, r.Rejected})
}

// UnmarshalBinary reads what MarshalBinary returned.
func (r *reference) UnmarshalBinary(b []byte) error {
	var both [2][]float64
	if err := fromGob(b, &both); err != nil {
		return fmt.Errorf("rl: reference log-probabilities: %w", err)
	}
	if len(both[0]) != len(r.Chosen) || len(both[1]) != len(r.Rejected) {
		return fmt.Errorf("rl: the reference is of %d pairs, not %d", len(both[0]), len(r.Chosen))
	}
	r.Chosen, r.Rejected = both[0], both[1]
	return nil
}
