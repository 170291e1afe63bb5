package rl

import "math"

// An Env is one copy of a problem, with Gymnasium's meaning (Towers et al.
// 2024, arXiv 2407.17032). It serves one goroutine.
//
// An episode is a function of its seed and its actions: everything that is
// random in it must follow from the seed given to Reset. That is what makes
// runs repeatable, and lets a [Vector] save a running episode as its seed and
// actions.
type Env interface {
	// Observations and Actions describe what the env shows and takes.
	Observations() Space
	Actions() Space
	// Reset begins the episode of a seed and returns its first observation.
	Reset(seed uint64) (obs []float64)
	// Step takes an action: of a discrete space the index as the only
	// element, of a continuous one a number for each dimension. terminated
	// says that the episode has come to an end of the problem's own, after
	// which nothing more is to be earned; truncated that it was cut off from
	// outside, such as by a time limit. After either only Reset may follow.
	// obs is the caller's to keep.
	Step(action []float64) (obs []float64, reward float64, terminated, truncated bool)
}

// A Space is a set of observations or actions: the numbers 0 … N-1 if N is
// positive, else the box between Low and High.
type Space struct {
	N         int
	Low, High []float64 // of each dimension; may be infinite
}

// Discrete returns the space of n alternatives.
func Discrete(n int) Space { return Space{N: n} }

// Box returns the space of len(low) numbers, each between its low and high.
func Box(low, high []float64) Space { return Space{Low: low, High: high} }

// Unbounded returns the space of n numbers of any size.
func Unbounded(n int) Space {
	s := Space{Low: make([]float64, n), High: make([]float64, n)}
	for i := range n {
		s.Low[i], s.High[i] = math.Inf(-1), math.Inf(1)
	}
	return s
}

// IsDiscrete reports whether the space is one of alternatives.
func (s Space) IsDiscrete() bool { return s.N > 0 }

// Size returns how many numbers one element is written with: 1 for a discrete
// space, else its dimensions.
func (s Space) Size() int {
	if s.IsDiscrete() {
		return 1
	}
	return len(s.Low)
}

// Clip moves x to the nearest point of a continuous space, in place.
func (s Space) Clip(x []float64) {
	if s.IsDiscrete() {
		return
	}
	for i, v := range x {
		x[i] = min(max(v, s.Low[i]), s.High[i])
	}
}

// Contains reports whether x is an element of the space.
func (s Space) Contains(x []float64) bool {
	if len(x) != s.Size() {
		return false
	}
	for i, v := range x {
		if s.IsDiscrete() && (v != math.Trunc(v) || v < 0 || v >= float64(s.N)) {
			return false
		}
		if !s.IsDiscrete() && !(v >= s.Low[i] && v <= s.High[i]) {
			return false
		}
	}
	return true
}

// TimeLimit returns env with episodes that are truncated after steps steps.
func TimeLimit(env Env, steps int) Env { return &timeLimit{Env: env, limit: steps} }

type timeLimit struct {
	Env
	limit, step int
}

func (l *timeLimit) Reset(seed uint64) []float64 {
	l.step = 0
	return l.Env.Reset(seed)
}

func (l *timeLimit) Step(action []float64) ([]float64, float64, bool, bool) {
	obs, reward, terminated, truncated := l.Env.Step(action)
	l.step++
	return obs, reward, terminated, truncated || l.step >= l.limit
}
