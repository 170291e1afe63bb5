package rlpf

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/floats"

	"github.com/noema-ml/noema/userllm/history"
)

const (
	folds         = 5
	logisticRate  = 0.1
	logisticSteps = 100
)

// penalties are the weights of the L2 penalty that a regression chooses from, of
// the sum over the users. A fixed one would have it learn by heart what tells
// nothing, and answer worse than the majority.
var penalties = []float64{80, 12, 2, 0.3}

// Logistic shows what a history tells about a person to a reader who knows
// nothing else: a multinomial logistic regression with an L2 penalty on which
// items are in it and how its genres are mixed. read returns what is read of a
// user. The result, [users, classes], is up to a constant the log-probability of
// each of the options of task (Age, Gender or Occupation), by a regression that
// was fitted to the other four of five folds of all users, drawn by seed. One of
// the four chooses the weight of the penalty first.
func (a *Asker) Logistic(ctx context.Context, task Task, read func(user int) []history.Event, seed uint64) ([][]float64, error) {
	of := func(user int) person { return a.person(read(user)) }
	return a.crossFit(ctx, task, len(a.Data.Items)+len(a.Data.Genres)+1, of, seed)
}

// crossFit returns scores of the classes of everybody, [users, classes], by
// regressions on so many features, those of a user, that were fitted to the
// other folds.
func (a *Asker) crossFit(ctx context.Context, task Task, features int, describe func(user int) person, seed uint64) ([][]float64, error) {
	c, ok := classes[task]
	if !ok || a.people == nil {
		return nil, fmt.Errorf("rlpf: %s knows nothing of %s", a.Data.Name, task)
	}
	people, labels := make([]person, len(a.people)), make([]int, len(a.people))
	for u := range people {
		people[u] = describe(u)
		if labels[u] = c.of(a.people[u]); labels[u] < 0 {
			return nil, fmt.Errorf("rlpf: user %s has no %s", a.Data.Users[u].Key, task)
		}
	}
	foldOf := divide(len(people), seed)
	scores := make([][]float64, len(people))
	g, ctx := errgroup.WithContext(ctx)
	for fold := range folds {
		g.Go(func() error {
			of := func(take func(fold int) bool) regression {
				m := regression{features: features, classes: len(c.names)}
				for u, x := range people {
					if take(foldOf[u]) {
						m.rows, m.labels = append(m.rows, x), append(m.labels, labels[u])
					}
				}
				return m
			}
			aside := (fold + 1) % folds
			some := of(func(f int) bool { return f != fold && f != aside })
			l2, err := some.choose(ctx, of(func(f int) bool { return f == aside }))
			if err != nil {
				return err
			}
			m := of(func(f int) bool { return f != fold })
			w, err := m.fit(ctx, l2)
			if err != nil {
				return err
			}
			for u := range people {
				if foldOf[u] == fold {
					scores[u] = make([]float64, m.classes)
					m.score(w, &people[u], scores[u])
				}
			}
			return nil
		})
	}
	return scores, g.Wait()
}

// divide draws each user's fold; folds are of one size, but for one user.
func divide(users int, seed uint64) []int {
	foldOf := make([]int, users)
	for i, u := range rand.New(stream(seed, "folds")).Perm(users) {
		foldOf[u] = i % folds
	}
	return foldOf
}

// person is what a reader has of somebody: the features that are not 0.
type person struct {
	at    []int
	value []float64
}

// person describes events by items, genres and a constant. Long and short histories
// are of one length.
func (a *Asker) person(events []history.Event) person {
	var x person
	genres := make([]float64, len(a.Data.Genres))
	for _, e := range events {
		x.at = append(x.at, int(e.Item))
		x.value = append(x.value, 1/math.Sqrt(float64(len(events))))
		for _, g := range a.Data.Items[e.Item].Genres {
			genres[g] += 1 / float64(len(events))
		}
	}
	for g, share := range genres {
		x.at = append(x.at, len(a.Data.Items)+g)
		x.value = append(x.value, share)
	}
	x.at = append(x.at, len(a.Data.Items)+len(genres))
	x.value = append(x.value, 1)
	return x
}

// regression is a multinomial logistic regression. Its weights are
// [features, classes].
type regression struct {
	features, classes int
	rows              []person
	labels            []int // of the rows
}

// score writes the scores of the classes.
func (m *regression) score(w []float64, x *person, scores []float64) {
	clear(scores)
	for k, f := range x.at {
		floats.AddScaled(scores, x.value[k], w[f*m.classes:(f+1)*m.classes])
	}
}

// choose returns the penalty with which others are told best. Weaker ones are
// tried for as long as that helps.
func (m *regression) choose(ctx context.Context, others regression) (float64, error) {
	best, least := penalties[0], math.Inf(1)
	none := make([]float64, m.features*m.classes)
	for _, l2 := range penalties {
		w, err := m.fit(ctx, l2)
		if err != nil {
			return 0, err
		}
		loss := others.loss(w, none, 0)
		if loss >= least {
			break
		}
		best, least = l2, loss
	}
	return best, nil
}

// loss returns the sum of the cross-entropies and the penalty, and writes its
// gradient.
func (m *regression) loss(w, grad []float64, l2 float64) float64 {
	loss := l2 / 2 * floats.Dot(w, w)
	floats.ScaleTo(grad, l2, w)
	p := make([]float64, m.classes)
	for i := range m.rows {
		x := &m.rows[i]
		m.score(w, x, p)
		norm := floats.LogSumExp(p)
		loss += norm - p[m.labels[i]]
		for c := range p {
			p[c] = math.Exp(p[c] - norm)
		}
		p[m.labels[i]]--
		for k, f := range x.at {
			floats.AddScaled(grad[f*m.classes:(f+1)*m.classes], x.value[k], p)
		}
	}
	return loss
}

// fit returns weights of nearly the least loss, by Adam on all rows at a time
// with a rate that falls to 0.
func (m *regression) fit(ctx context.Context, l2 float64) ([]float64, error) {
	w := make([]float64, m.features*m.classes)
	grad, mean, square := make([]float64, len(w)), make([]float64, len(w)), make([]float64, len(w))
	b1, b2 := 1., 1.
	for step := range logisticSteps {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("rlpf: logistic regression: %w", err)
		}
		m.loss(w, grad, l2)
		b1, b2 = b1*.9, b2*.99
		rate := logisticRate * (1 - float64(step)/logisticSteps)
		for i, g := range grad {
			mean[i] += .1 * (g - mean[i])
			square[i] += .01 * (g*g - square[i])
			w[i] -= rate * mean[i] / (1 - b1) / (math.Sqrt(square[i]/(1-b2)) + 1e-8)
		}
	}
	return w, nil
}
