package rlpf

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/nn/metric"
)

// Criterion is what a judge looks at.
type Criterion string

// The criteria of the paper's intrinsic evaluation (arXiv 2409.04421).
const (
	ByFactuality      Criterion = "factuality"
	ByAbstractiveness Criterion = "abstractiveness"
	ByReadability     Criterion = "readability"
)

// Criteria are all of them.
var Criteria = []Criterion{ByFactuality, ByAbstractiveness, ByReadability}

// Verdict is a judge's answer.
type Verdict int8

// Which summary is better.
const (
	PreferNeither Verdict = iota
	PreferFirst
	PreferSecond
)

// A Judge, such as a large language model, says which of two summaries of the
// same history is better by one criterion. The history is given as text.
type Judge interface {
	Prefer(ctx context.Context, by Criterion, history, first, second string) (Verdict, error)
}

// WinRate is how often a judge preferred method a to method b by one criterion.
type WinRate struct {
	Criterion          Criterion
	Wins, Ties, Losses int
	Rate               metric.Interval // of wins, a tie being half a win, with a bootstrap interval over the histories
}

// Compare has a judge compare two methods: summaries a[i] and b[i] of the history
// contexts[i], by each of Criteria. Language models tend to prefer what they read
// first, so in each criterion a comes first for half of the histories (rounded
// up), drawn by r, and second for the others: a judge that looks at the place
// alone gives a rate of one half. It returns an error if the lengths differ, there
// is nothing to compare, or the judge fails.
func Compare(ctx context.Context, j Judge, a, b, contexts []string, r *rand.PCG) ([]WinRate, error) {
	n := len(contexts)
	if n == 0 || len(a) != n || len(b) != n {
		return nil, fmt.Errorf("rlpf: judge: %d and %d summaries of %d histories", len(a), len(b), n)
	}
	var out []WinRate
	for _, by := range Criteria {
		rate := WinRate{Criterion: by}
		values := make([]float64, n)
		for place, i := range rand.New(r).Perm(n) {
			win, loss, first, second := PreferFirst, PreferSecond, a[i], b[i]
			if 2*place >= n {
				win, loss, first, second = loss, win, second, first
			}
			v, err := j.Prefer(ctx, by, contexts[i], first, second)
			if err == nil && (v < PreferNeither || v > PreferSecond) {
				err = errors.New("not a verdict")
			}
			if err != nil {
				return nil, fmt.Errorf("rlpf: judge: %s of history %d: %w", by, i, err)
			}
			switch v {
			case win:
				rate.Wins++
				values[i] = 1
			case loss:
				rate.Losses++
			default:
				rate.Ties++
				values[i] = .5
			}
		}
		rate.Rate = metric.Bootstrap(values, nil, r, 1000)
		out = append(out, rate)
	}
	return out, nil
}

// ScoreReward is the reward of direct RLAIF (Lee et al., arXiv 2309.00267), which
// the paper compares with: a language model is asked to score a summary from 1 to
// 10, and logProbs[i] is its log-probability of answering i+1. The reward is the
// mean score Σ i·P(i)/ΣP(i), scaled so that the lowest score is −1 and the highest
// 1. It is NaN if no score has a probability. It panics if there are fewer than
// two scores.
func ScoreReward(logProbs []float64) float64 {
	if len(logProbs) < 2 {
		panic(fmt.Sprintf("rlpf: %d scores to weigh", len(logProbs)))
	}
	most := math.Inf(-1)
	for _, p := range logProbs {
		most = max(most, p)
	}
	var sum, mass float64
	for i, p := range logProbs {
		w := math.Exp(p - most)
		sum += w * float64(i)
		mass += w
	}
	return 2*sum/mass/float64(len(logProbs)-1) - 1
}
