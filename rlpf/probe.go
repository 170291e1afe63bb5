package rlpf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/noema-ml/noema/nn/metric"
	"github.com/noema-ml/noema/userllm/history"
)

// Probe shows what texts tell about people without any predictor, as probes of
// representations do (Alain and Bengio, arXiv 1610.01644): the regression of
// Logistic, on how often each token of l is in the text. texts has one for each
// user, and the result is Logistic's.
//
// The predictor is asked about users that it was not trained on, which are a
// part of all; the probe is fitted anew to each kind of text, and so has an
// answer for everybody.
func (a *Asker) Probe(ctx context.Context, task Task, l *Language, texts []string, seed uint64) ([][]float64, error) {
	if len(texts) != len(a.people) {
		return nil, fmt.Errorf("rlpf: %d texts about %d people", len(texts), len(a.people))
	}
	of := func(user int) person { return l.bag(texts[user]) }
	return a.crossFit(ctx, task, l.Tok.Vocab()+1, of, seed)
}

// bag describes a text by the logarithms of the counts of its tokens, as a vector
// of length 1, and a constant.
func (l *Language) bag(text string) person {
	tokens := l.Encode(text)
	slices.Sort(tokens)
	var x person
	for i, t := range tokens {
		if i == 0 || t != tokens[i-1] {
			x.at, x.value = append(x.at, int(t)), append(x.value, 0)
		}
		x.value[len(x.value)-1]++
	}
	for k, n := range x.value {
		x.value[k] = math.Log1p(n)
	}
	if len(x.value) > 0 {
		floats.Scale(1/floats.Norm(x.value, 2), x.value)
	}
	x.at, x.value = append(x.at, l.Tok.Vocab()), append(x.value, 1)
	return x
}

// late returns what is read of a user to tell who it is: the last events that
// leave the future unseen. Those of whom the future is never asked, since they
// have too few events, are read from their first ones, as many as a question
// needs at least.
func (r *Run) late(user int) []history.Event {
	n := len(r.Data.Users[user].Events)
	first, last := r.Config.Ask.span(n)
	return r.Asker.History(user, max(last, min(first, n)))
}

// Probes reports whether Probe can be asked about a method: something is known
// of the users, and the method says something of them all, if only nothing; but
// not about greedy policies, whose texts of everybody take minutes more.
func (r *Run) Probes(method string) bool {
	return r.People != nil && (method == logisticName || reads(method) && !slices.Contains([]string{"shuffled", greedyName, greedyBeforeName}, method))
}

// Probe tells for each user of the data set, 1 or 0, whether a probe gets age,
// gender and occupation right from what the method says of them (see
// Asker.Probe), or a logistic regression from what they did. Both are fitted in
// five folds over all users, those among them that a policy trained here learned
// to sum up; their age, gender and occupation it never learned. Rivals of RLPF's
// length have that of its summaries in the exam. Texts and results are kept in
// the run folder and read back. progress, if not nil, is told how many texts a
// policy has written.
func (r *Run) Probe(ctx context.Context, method string, e *Exam, progress func(done, all int)) ([]map[Task]float64, error) {
	path := filepath.Join(r.Dir, "probes", method+".json")
	var tasks []Task
	for _, t := range r.Asker.Tasks() {
		if classes[t].of != nil {
			tasks = append(tasks, t)
		}
	}
	right, err := recall[map[Task]float64](path, e, len(r.Data.Users))
	if err == nil {
		return right, checkProbes(path, right, tasks)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	r.Log(fmt.Sprintf("probe of %s: all %d users", method, len(r.Data.Users)))
	var texts []string
	if method != logisticName {
		if texts, err = r.everyone(ctx, method, e, progress); err != nil {
			return nil, fmt.Errorf("rlpf: probing %s: %w", method, err)
		}
	}
	right = make([]map[Task]float64, len(r.Data.Users))
	for u := range right {
		right[u] = map[Task]float64{}
	}
	for _, task := range tasks {
		c := classes[task]
		var scores [][]float64
		if method == logisticName {
			scores, err = r.Asker.Logistic(ctx, task, r.late, 1)
		} else {
			scores, err = r.Asker.Probe(ctx, task, r.Lang, texts, 1)
		}
		if err != nil {
			return nil, fmt.Errorf("rlpf: probing %s: %w", method, err)
		}
		for u, s := range scores {
			right[u][task] = hit(s, []int{c.of(r.People[u])}, task.Recall())
		}
	}
	return right, writeJSON(path, answered[map[Task]float64]{e.key, right})
}

// checkProbes returns an error unless there is an answer about every user for
// each of the tasks and for nothing else.
func checkProbes(path string, right []map[Task]float64, tasks []Task) error {
	for u, answers := range right {
		for _, t := range tasks {
			if _, ok := answers[t]; !ok || len(answers) != len(tasks) {
				return fmt.Errorf("rlpf: %s is damaged: of user %d it has %d answers, not those to %v: remove it to probe again", path, u, len(answers), tasks)
			}
		}
	}
	return nil
}

// everyone returns what a method says of all users.
func (r *Run) everyone(ctx context.Context, method string, e *Exam, progress func(done, all int)) ([]string, error) {
	path := filepath.Join(r.Dir, "everyone", method+".json")
	texts, err := recall[string](path, e, len(r.Data.Users))
	if !errors.Is(err, fs.ErrNotExist) {
		return texts, err
	}
	histories := make([][]history.Event, len(r.Data.Users))
	for u := range histories {
		histories[u] = r.late(u)
	}
	if texts, err = r.told(ctx, method, histories, e, progress); err != nil {
		return nil, err
	}
	for u := range texts {
		texts[u] = readable(texts[u])
	}
	return texts, writeJSON(path, answered[string]{e.key, texts})
}

// ProbeMetric returns the metric of the figures of a task's probes.
func ProbeMetric(t Task) string { return measures(t)[0].name + "-probe" }

// ProbeFigures sums up the probes of all methods: probes[method] holds what
// Probe returned for each seed. Differences are those of rlpf to its rivals,
// user by user.
func ProbeFigures(seed uint64, probes map[string][][]map[Task]float64) (figures, differences []Figure) {
	for _, task := range Tasks {
		of := func(seeds [][]map[Task]float64) (users, each []float64) {
			for _, right := range seeds {
				var one []float64
				for _, user := range right {
					if v, asked := user[task]; asked {
						one = append(one, v)
					}
				}
				if len(one) == 0 {
					return nil, nil
				}
				users = append(users, make([]float64, len(one)-len(users))...)
				floats.AddScaled(users, 1/float64(len(seeds)), one)
				each = append(each, floats.Sum(one)/float64(len(one)))
			}
			return users, each
		}
		ours, each := of(probes[policyName])
		for _, method := range Methods {
			users, seeds := of(probes[method])
			if len(users) == 0 {
				continue
			}
			f := Figure{Task: string(task), Method: method, Metric: ProbeMetric(task), N: len(users), Seeds: seeds}
			f.Interval = metric.Bootstrap(users, nil, stream(seed, "bootstrap"), resamples)
			figures = append(figures, f)
			if slices.Contains(compared, [2]string{policyName, method}) && len(ours) > 0 {
				d := metric.Paired(ours, users, nil, stream(seed, "paired"), resamples)
				f.Method, f.Other, f.Interval, f.P, f.Seeds = policyName, method, d.Interval, d.P, slices.Clone(each)
				floats.Sub(f.Seeds, seeds)
				differences = append(differences, f)
			}
		}
	}
	return figures, differences
}
