package rlpf

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/nn/metric"
)

// Outcome is how one question was answered.
type Outcome struct {
	Right    float64 `json:"right"`    // 1 or 0: the best option is right; of a task with a Recall one of that many best
	LogProb  float64 `json:"log_prob"` // of the right answer among the options
	Transfer float64 `json:"transfer"` // Right by the second predictor
	Tokens   int     `json:"tokens"`   // of the context that the first predictor reads, its MaxContext at most
	Leak     bool    `json:"leak"`     // the context names the answer, which the history does not
}

// Figure is a number of the results, the mean over all seeds, with its 95 %
// bootstrap interval, clustered by user. The interval tells of the chance that
// lies in the users; what lies in the seeds is to be seen in Seeds, and of what
// lies in predictors that the seeds share nothing tells.
type Figure struct {
	Task, Method, Metric string
	metric.Interval
	N     int       // questions or summaries
	Seeds []float64 // the value of each seed; nil for what measures summaries
	P     float64
	Other string // of a paired difference: the method taken off
}

// WayMetric is the metric of a figure that says how much of the way from before
// RL to the oracle RLPF goes: 1 is all of it. There is none where no oracle is, nor
// where it is not above before RL by more than chance.
const WayMetric = "way-to-oracle"

// resamples is how many bootstrap resamples an interval takes.
const resamples = 2000

// compared are the methods whose differences are taken: the first minus the
// second.
var compared = [][2]string{
	{policyName, beforeName}, {policyName, "best-template"}, {policyName, bestName}, {policyName, "all-activities"}, {policyName, "last-x"},
	{greedyName, greedyBeforeName},
}

// Figures sums up the outcomes of all methods: outcomes[method] holds one slice
// for each seed, of one outcome a question. Differences are those of rlpf to
// its rivals, and of both policies' most probable texts, question by question. What
// cannot be measured is left out, as [WayMetric] is without an oracle.
func Figures(seed uint64, questions []Question, outcomes map[string][][]Outcome) (figures, differences []Figure) {
	for _, task := range Tasks {
		var at []int
		var users []int32
		for i, q := range questions {
			if q.Task == task {
				at, users = append(at, i), append(users, int32(q.User))
			}
		}
		if len(at) == 0 {
			continue
		}
		all := measures(task)
		for _, method := range Methods {
			seeds := outcomes[method]
			if len(seeds) == 0 || !answers(method, task) {
				continue
			}
			for _, m := range all {
				if m.read && !reads(method) {
					continue
				}
				figures = append(figures, Figure{
					Task: string(task), Method: method, Metric: m.name, N: len(at),
					Interval: metric.Bootstrap(mean(seeds, at, m.of), users, stream(seed, "bootstrap"), resamples),
					Seeds:    each(seeds, at, m.of),
				})
			}
		}
		if f, ok := way(task, outcomes, at, users, all[0].of, stream(seed, "way")); ok {
			figures = append(figures, f)
		}
		for _, pair := range compared {
			method, other := pair[0], pair[1]
			if len(outcomes[other]) == 0 || len(outcomes[method]) == 0 {
				continue
			}
			for _, m := range all[:2] {
				d := metric.Paired(mean(outcomes[method], at, m.of), mean(outcomes[other], at, m.of), users, stream(seed, "paired"), resamples)
				seeds := each(outcomes[method], at, m.of)
				for k, v := range each(outcomes[other], at, m.of) {
					seeds[k] -= v
				}
				differences = append(differences, Figure{
					Task: string(task), Method: method, Other: other, Metric: m.name, Interval: d.Interval, P: d.P, N: len(at), Seeds: seeds,
				})
			}
		}
	}
	return figures, differences
}

// way measures the way from before RL to the oracle that RLPF goes, the ratio of what
// both gain. It is false if there is no oracle, or if this is not above before RL in
// each seed and by more than the chance of who is asked, as a ratio's interval needs.
func way(task Task, outcomes map[string][][]Outcome, at []int, users []int32, of func(Outcome) float64, r *rand.PCG) (Figure, bool) {
	from, to, oracle := outcomes[beforeName], outcomes[policyName], outcomes[oracleName]
	if len(from) == 0 || len(to) == 0 || len(oracle) == 0 || !answers(oracleName, task) {
		return Figure{}, false
	}
	gone, whole := mean(to, at, of), mean(oracle, at, of)
	for i, v := range mean(from, at, of) {
		gone[i] -= v
		whole[i] -= v
	}
	same := *r // draws the resamples that the ratio's interval is of
	if !(metric.Bootstrap(whole, users, &same, resamples).Low > 0) {
		return Figure{}, false
	}
	f := Figure{
		Task: string(task), Method: policyName, Metric: WayMetric, N: len(at), Seeds: each(to, at, of),
		Interval: metric.BootstrapRatio(gone, whole, users, r, resamples),
	}
	top := each(oracle, at, of)
	for k, v := range each(from, at, of) {
		if top[k] <= v {
			return Figure{}, false
		}
		f.Seeds[k] = (f.Seeds[k] - v) / (top[k] - v)
	}
	return f, true
}

// each returns the mean of a measure of the given questions for each seed.
func each(seeds [][]Outcome, at []int, of func(Outcome) float64) []float64 {
	means := make([]float64, len(seeds))
	for k := range seeds {
		for _, v := range mean(seeds[k:k+1], at, of) {
			means[k] += v / float64(len(at))
		}
	}
	return means
}

type measure struct {
	name string
	read bool // it says something of methods alone whose contexts a predictor reads
	of   func(Outcome) float64
}

// measures are a task's metrics; the first is the one by which methods are
// compared, the second the same by the second predictor.
func measures(t Task) []measure {
	name := "accuracy"
	if k := t.Recall(); k > 1 {
		name = fmt.Sprintf("recall@%d", k)
	}
	return []measure{
		{name, false, func(o Outcome) float64 { return o.Right }},
		{name + "-transfer", true, func(o Outcome) float64 { return o.Transfer }},
		{"log-probability", true, func(o Outcome) float64 { return o.LogProb }},
		{"tokens", true, func(o Outcome) float64 { return float64(o.Tokens) }},
	}
}

// mean returns a measure of each of the given questions, averaged over the
// seeds.
func mean(seeds [][]Outcome, at []int, of func(Outcome) float64) []float64 {
	values := make([]float64, len(at))
	for _, outcomes := range seeds {
		for k, i := range at {
			values[k] += of(outcomes[i]) / float64(len(seeds))
		}
	}
	return values
}
