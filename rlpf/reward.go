package rlpf

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// A Reward judges texts: completions[i] is what the policy wrote after
// prompts[i]. It returns one number for each, and is called by one goroutine at
// a time.
type Reward func(ctx context.Context, prompts, completions []string) ([]float64, error)

// LengthReward pays for short summaries (section 3.2 of the paper):
//
//	w·min(C, β·(L − length))
//
// with the length in the policy's tokens. The reward for being short has a
// ceiling; the penalty for being long has no floor. The paper's values are not
// public. The zero value pays nothing.
type LengthReward struct {
	Weight float64 `json:"weight"` // w
	Cap    float64 `json:"cap"`    // C
	Slope  float64 `json:"slope"`  // β
	Length float64 `json:"length"` // L, tokens
}

// Of returns the reward of a summary of the given number of tokens.
func (l LengthReward) Of(tokens int) float64 {
	if l.Weight == 0 {
		return 0
	}
	return l.Weight * min(l.Cap, l.Slope*(l.Length-float64(tokens)))
}

// Grades are the ways to pay for an answer: 0 or 1, as the paper does; the
// probability of the right answer; its logarithm.
var Grades = []string{"right", "probability", "log-probability"}

// grade pays for an answer. scores are the log-probabilities of the options, up
// to a constant, and answer the indices of the right ones.
func grade(how string, scores []float64, answer []int) float64 {
	if how == "right" {
		return hit(scores, answer, 1)
	}
	p := 0.0
	for i, q := range shares(scores) {
		if slices.Contains(answer, i) {
			p += q
		}
	}
	if how == "probability" {
		return p
	}
	return math.Log(max(p, 1e-6)) // a lost cause must not outweigh all others
}

// shares are the probabilities that scores come to among themselves.
func shares(scores []float64) []float64 {
	most, sum := slices.Max(scores), 0.0
	p := make([]float64, len(scores))
	for i, s := range scores {
		p[i] = math.Exp(s - most)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// hit returns 1 if one of the k best options is right, else 0. Of equal scores
// the first is the better, which is no hint: options are in random order.
func hit(scores []float64, answer []int, k int) float64 {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	for _, i := range order[:min(k, len(order))] {
		if slices.Contains(answer, i) {
			return 1
		}
	}
	return 0
}
