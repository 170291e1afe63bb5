package rlpf

import (
	"fmt"

	"github.com/noema-ml/noema/nn/metric"
)

// Outcome is how one question was answered.
type Outcome struct {
	Right    float64 `json:"right"`    // 1 or 0: the best option is right; of a task with a Recall one of that many best
	LogProb  float64 `json:"log_prob"` // of the right answer among the options
	Transfer float64 `json:"transfer"` // Right by the second predictor
	Tokens   int     `json:"tokens"`   // of the context, counted by the policy's tokenizer
	Leak     bool    `json:"leak"`     // the context names the answer, which the history does not
}

// Figure is a number of the results with its 95 % bootstrap interval, clustered
// by user, over all seeds.
type Figure struct {
	Task, Method, Metric string
	metric.Interval
	N     int // questions or summaries
	P     float64
	Other string // of a paired difference: the method taken off
}

// resamples is how many bootstrap resamples an interval takes.
const resamples = 2000

// compared are the methods that RLPF's differences are taken to.
var compared = []string{"before-rl", "best-template", "best-of-n-sft", "all-activities", "last-x"}

// Figures sums up the outcomes of all methods: outcomes[method] holds one slice
// for each seed, of one outcome a question. Differences are those of rlpf to
// its rivals, question by question.
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
				})
			}
		}
		for _, other := range compared {
			if len(outcomes[other]) == 0 || len(outcomes["rlpf"]) == 0 {
				continue
			}
			for _, m := range all[:2] {
				d := metric.Paired(mean(outcomes["rlpf"], at, m.of), mean(outcomes[other], at, m.of), users, stream(seed, "paired"), resamples)
				differences = append(differences, Figure{
					Task: string(task), Method: "rlpf", Other: other, Metric: m.name, Interval: d.Interval, P: d.P, N: len(at),
				})
			}
		}
	}
	return figures, differences
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
