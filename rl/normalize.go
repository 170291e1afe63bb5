package rl

import (
	"fmt"
	"math"

	"github.com/noema-ml/noema/tensor"
)

// normalLimit is where normalised observations and rewards are clipped.
const normalLimit = 10

// NormalizeObservations returns v with observations that stats makes zero mean
// and unit variance, clipped to ±10. stats takes in every observation first that
// is to be answered, but not the last one of an episode; the agent that learns
// from them needs it to act elsewhere. It is not part of the Vector's state: it
// is saved with the agent.
func NormalizeObservations(v Vector, stats *Running) Vector {
	n := &normalObs{Vector: v, stats: stats, t: Transition{Obs: make([]float64, len(v.Current())), Next: make([]float64, len(v.Current()))}}
	n.see(v.Current())
	return n
}

type normalObs struct {
	Vector
	stats *Running
	t     Transition
}

func (n *normalObs) see(obs []float64) {
	n.stats.Update(obs)
	n.stats.Normalize(n.t.Obs, obs, normalLimit)
}

func (n *normalObs) Observations() Space { return Unbounded(n.Vector.Observations().Size()) }
func (n *normalObs) Current() []float64  { return n.t.Obs }

func (n *normalObs) Reset(seed uint64) []float64 {
	n.see(n.Vector.Reset(seed))
	return n.t.Obs
}

func (n *normalObs) Step(actions []float64) *Transition {
	t := n.Vector.Step(actions)
	n.see(t.Obs)
	obs, next := n.t.Obs, n.t.Next
	n.stats.Normalize(next, t.Next, normalLimit)
	n.t = *t
	n.t.Obs, n.t.Next = obs, next
	return &n.t
}

type normalObsState struct {
	Current []float64 // as normalised when it was seen
	Inner   []byte
}

func (n *normalObs) MarshalBinary() ([]byte, error) {
	inner, err := n.Vector.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return toGob(normalObsState{n.t.Obs, inner})
}

func (n *normalObs) UnmarshalBinary(b []byte) error {
	var st normalObsState
	if err := fromGob(b, &st); err != nil {
		return fmt.Errorf("rl: state of normalised observations: %w", err)
	}
	if len(st.Current) != len(n.t.Obs) {
		return fmt.Errorf("rl: the state has %d observed numbers, not %d", len(st.Current), len(n.t.Obs))
	}
	copy(n.t.Obs, st.Current)
	return n.Vector.UnmarshalBinary(st.Inner)
}

// NormalizeRewards returns v with rewards divided by the standard deviation of
// the discounted return so far, clipped to ±10 (Engstrom et al. 2020, arXiv
// 2005.12729, section 2). The mean stays: its sign is the problem's.
func NormalizeRewards(v Vector, gamma float64) Vector {
	return &normalRewards{Vector: v, gamma: gamma, stats: NewRunning(1), returns: make([]float64, v.Len()), rewards: make([]float64, v.Len())}
}

type normalRewards struct {
	Vector
	gamma            float64
	stats            *Running
	returns, rewards []float64 // [envs]
	t                Transition
}

func (n *normalRewards) Reset(seed uint64) []float64 {
	clear(n.returns)
	return n.Vector.Reset(seed)
}

func (n *normalRewards) Step(actions []float64) *Transition {
	t := n.Vector.Step(actions)
	for i, r := range t.Rewards {
		n.returns[i] = n.gamma*n.returns[i] + r
	}
	n.stats.Update(n.returns)
	scale := 1 / math.Sqrt(n.stats.Var.At(0)+varianceFloor)
	for i, r := range t.Rewards {
		n.rewards[i] = min(max(r*scale, -normalLimit), normalLimit)
		if t.Ended(i) {
			n.returns[i] = 0
		}
	}
	n.t = *t
	n.t.Rewards = n.rewards
	return &n.t
}

type normalRewardsState struct {
	Mean, Var, Count float64
	Returns          []float64
	Inner            []byte
}

func (n *normalRewards) MarshalBinary() ([]byte, error) {
	inner, err := n.Vector.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return toGob(normalRewardsState{n.stats.Mean.At(0), n.stats.Var.At(0), n.stats.Count.At(0), n.returns, inner})
}

func (n *normalRewards) UnmarshalBinary(b []byte) error {
	var st normalRewardsState
	if err := fromGob(b, &st); err != nil {
		return fmt.Errorf("rl: state of normalised rewards: %w", err)
	}
	if len(st.Returns) != len(n.returns) {
		return fmt.Errorf("rl: the state is of %d environments, not %d", len(st.Returns), len(n.returns))
	}
	tensor.Fill(n.stats.Mean, st.Mean)
	tensor.Fill(n.stats.Var, st.Var)
	tensor.Fill(n.stats.Count, st.Count)
	copy(n.returns, st.Returns)
	return n.Vector.UnmarshalBinary(st.Inner)
}
