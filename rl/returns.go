package rl

import "math"

// A Trajectory is what some envs did over some steps, in slices [steps, envs]:
// element t·Envs+e belongs to step t of env e.
type Trajectory struct {
	Envs    int // 0 means 1
	Rewards []float64
	// Values are V(s) of the state that each step began in, and Next of the
	// one that it led to: where an episode was truncated of its last state,
	// not of the first one after it. Next is not read where Terminated is.
	Values, Next []float64
	Terminated   []bool
	Truncated    []bool // nil means nowhere
}

// ended reports whether an episode ended at element i.
func (t Trajectory) ended(i int) bool {
	return t.Terminated[i] || t.Truncated != nil && t.Truncated[i]
}

// after returns the discounted value of what comes after element i.
func (t Trajectory) after(i int, gamma float64) float64 {
	if t.Terminated[i] {
		return 0
	}
	return gamma * t.Next[i]
}

// Returns gives the discounted return from each step on:
//
//	G_t = r_t + γ·G_{t+1}
//
// G after an episode's end is 0 where it terminated, and Next where it was
// truncated or the trajectory ends. A nil Next counts as 0.
func Returns(t Trajectory, gamma float64) []float64 {
	if t.Next == nil {
		t.Next = make([]float64, len(t.Rewards))
	}
	return backwards(t, func(i int, later float64, last bool) float64 {
		if last || t.ended(i) {
			return t.Rewards[i] + t.after(i, gamma)
		}
		return t.Rewards[i] + gamma*later
	})
}

// GAE gives the generalised advantage estimates of Schulman et al. (2016, arXiv
// 1506.02438, equation 16):
//
//	δ_t = r_t + γ·V(s_{t+1}) - V(s_t)
//	A_t = δ_t + γλ·A_{t+1}
//
// with A = 0 after an episode's end, and V = 0 after a termination but not
// after a truncation. A + Values are the returns that the values are trained on.
func GAE(t Trajectory, gamma, lambda float64) []float64 {
	return backwards(t, func(i int, later float64, last bool) float64 {
		delta := t.Rewards[i] + t.after(i, gamma) - t.Values[i]
		if last || t.ended(i) {
			return delta
		}
		return delta + gamma*lambda*later
	})
}

// VTrace corrects for actions of another policy (Espeholt et al. 2018, arXiv
// 1802.01561, section 4.1). logRatio is log π(a|s) - log μ(a|s), μ being the
// policy that acted, and with ρ_t = min(rhoMax, π/μ), c_t = λ·min(cMax, π/μ):
//
//	v_t = V(s_t) + ρ_t·(r_t + γ·V(s_{t+1}) - V(s_t)) + γ·c_t·(v_{t+1} - V(s_{t+1}))
//	A_t = ρ_t·(r_t + γ·v_{t+1} - V(s_t))
//
// It returns the targets v of the values and the advantages A of the policy
// gradient. After an episode's end v_{t+1} is V of the last state, 0 if it
// terminated. The paper's choice is rhoMax = cMax = λ = 1.
func VTrace(t Trajectory, logRatio []float64, gamma, lambda, rhoMax, cMax float64) (targets, advantages []float64) {
	envs := max(1, t.Envs)
	ratio := func(i int, most float64) float64 { return min(most, math.Exp(logRatio[i])) }
	off := backwards(t, func(i int, later float64, last bool) float64 { // v - V
		delta := ratio(i, rhoMax) * (t.Rewards[i] + t.after(i, gamma) - t.Values[i])
		if last || t.ended(i) {
			return delta
		}
		return delta + gamma*lambda*ratio(i, cMax)*later
	})
	targets, advantages = make([]float64, len(off)), make([]float64, len(off))
	for i := range off {
		targets[i] = t.Values[i] + off[i]
		next := t.after(i, gamma)
		if j := i + envs; j < len(off) && !t.ended(i) {
			next = gamma * (t.Next[i] + off[j])
		}
		advantages[i] = ratio(i, rhoMax) * (t.Rewards[i] + next - t.Values[i])
	}
	return targets, advantages
}

// backwards fills a result from the last step to the first: f gets an element,
// the result at the same env's next step, and whether there is none.
func backwards(t Trajectory, f func(i int, later float64, last bool) float64) []float64 {
	envs := max(1, t.Envs)
	out := make([]float64, len(t.Rewards))
	for i := len(out) - 1; i >= 0; i-- {
		if j := i + envs; j < len(out) {
			out[i] = f(i, out[j], false)
		} else {
			out[i] = f(i, 0, true)
		}
	}
	return out
}
