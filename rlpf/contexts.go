package rlpf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/userllm/history"
)

// contexts makes what the predictors read of each case by a method.
func (r *Run) contexts(ctx context.Context, method string, e *Exam) ([]string, error) {
	if method == "shuffled" {
		return r.shuffled(ctx, e)
	}
	return r.told(ctx, method, r.histories(e), e, nil)
}

// shuffled gives each case the summary of another user.
func (r *Run) shuffled(ctx context.Context, e *Exam) ([]string, error) {
	summaries, err := r.Contexts(ctx, policyName, e)
	if err != nil {
		return nil, err
	}
	// Moving all on by about a half gives everyone the summary of another user;
	// where the cases of one user are that many, there is no other.
	n := len(e.Cases)
	texts := make([]string, n)
	for i := range texts {
		j := (i + n/2) % n
		for k := 0; k < n && e.Cases[j].User == e.Cases[i].User; k++ {
			j = (j + 1) % n
		}
		texts[i] = summaries[j]
	}
	return texts, nil
}

// told returns what a method says of histories. Rivals of RLPF's length have
// that of its summaries of the exam's cases.
func (r *Run) told(ctx context.Context, method string, histories [][]history.Event, e *Exam, progress func(done, all int)) ([]string, error) {
	texts := make([]string, len(histories))
	switch method {
	case policyName:
		return r.summaries(ctx, r.Policy, r.sampling(), histories, progress)
	case beforeName:
		return r.summaries(ctx, r.BeforeRL, r.sampling(), histories, progress)
	case greedyName:
		return r.summaries(ctx, r.Policy, lm.Sampling{}, histories, progress)
	case greedyBeforeName:
		return r.summaries(ctx, r.BeforeRL, lm.Sampling{}, histories, progress)
	case bestName:
		return r.summaries(ctx, r.BestOfN, r.sampling(), histories, progress)
	case "options-only":
		return texts, nil
	case "all-activities":
		for i, events := range histories {
			texts[i] = r.Lang.Activities(events)
		}
		return texts, nil
	}
	summaries, err := r.Contexts(ctx, policyName, e)
	if err != nil {
		return nil, err
	}
	tokens := r.meanTokens(summaries)
	switch method {
	case "best-template":
		t, err := r.bestTemplate(ctx, tokens)
		if err != nil {
			return nil, err
		}
		return r.templated(t, histories), nil
	case "first-x", "last-x", "random-x":
		g := rand.New(stream(r.Config.Seed, "random-x"))
		for i, events := range histories {
			order := make([]int, len(events))
			for k := range order {
				switch order[k] = k; method {
				case "last-x":
					order[k] = len(events) - 1 - k
				}
			}
			if method == "random-x" {
				order = g.Perm(len(events))
			}
			texts[i] = r.fitting(events, order, tokens)
		}
		return texts, nil
	}
	return nil, fmt.Errorf("rlpf: no method %q", method)
}

// summaries trains a policy, or reads it back, and has it sum up histories.
// Methods sample as in RL, if their name says nothing else: what L and the reward
// are about is what is tested.
func (r *Run) summaries(ctx context.Context, policy func(context.Context) (*lm.Model, error), how lm.Sampling, histories [][]history.Event, progress func(done, all int)) ([]string, error) {
	m, err := policy(ctx)
	if err != nil {
		return nil, err
	}
	return r.Summariser(m).summarise(ctx, stream(r.Config.Seed, "summaries"), histories, how, progress)
}

// meanTokens returns the mean number of tokens of texts.
func (r *Run) meanTokens(texts []string) float64 {
	n := 0
	for _, t := range texts {
		n += len(r.Lang.Encode(t))
	}
	return float64(n) / float64(max(1, len(texts)))
}

// fitting tells as many of the events, taken in the given order, as come nearest
// to so many tokens, one at least. They are told oldest first.
func (r *Run) fitting(events []history.Event, order []int, tokens float64) string {
	text, length := "", 0
	for n := 1; n <= len(order); n++ {
		var some []history.Event
		for _, k := range slices.Sorted(slices.Values(order[:n])) {
			some = append(some, events[k])
		}
		longer := r.Lang.Activities(some)
		more := len(r.Lang.Encode(longer))
		if n > 1 && float64(more)-tokens > tokens-float64(length) {
			break
		}
		text, length = longer, more
	}
	return text
}

// tried is a fixed template and what it came to on validation users.
type tried struct {
	Number   int     `json:"number"` // index into Templates
	Limit    int     `json:"limit"`
	Tokens   float64 `json:"tokens"`
	Accuracy float64 `json:"accuracy"`
}

// trials are the fixed templates with so many tokens on average at most.
type trials struct {
	Tokens float64 `json:"tokens"`
	Best   tried   `json:"best"`
	All    []tried `json:"all"`
}

// bestTemplate returns the fixed template that is best for the tasks of the
// reward on validation users, each with as many tokens as the texts may have on
// average. The run folder keeps how all did.
func (r *Run) bestTemplate(ctx context.Context, tokens float64) (Template, error) {
	path := filepath.Join(r.Dir, "templates.json")
	var kept trials
	known := func(number int) bool { return number >= 0 && number < len(Templates()) }
	if err := readJSON(path, &kept); err != nil || kept.Tokens != tokens || !known(kept.Best.Number) {
		if kept, err = r.tryTemplates(ctx, tokens); err != nil {
			return Template{}, err
		}
		if err := writeJSON(path, kept); err != nil {
			return Template{}, err
		}
	}
	t := Templates()[kept.Best.Number]
	t.Limit = kept.Best.Limit
	return t, nil
}

// tryTemplates tests the fixed templates on validation users.
func (r *Run) tryTemplates(ctx context.Context, tokens float64) (trials, error) {
	found := trials{Tokens: tokens}
	p, err := r.Predictor(ctx)
	if err != nil {
		return found, err
	}
	users := r.Users.Valid
	e := r.exam(r.Config.Reward.Tasks, users[:min(len(users), 100)], 4)
	histories := r.histories(e)
	for k, t := range Templates() {
		t.Limit = r.limit(t, histories, tokens)
		texts := r.templated(t, histories)
		out, err := r.answer(ctx, e, texts, p, nil, nil)
		if err != nil {
			return found, err
		}
		one := tried{Number: k, Limit: t.Limit, Tokens: r.meanTokens(texts)}
		for _, o := range out {
			one.Accuracy += o.Right / float64(len(out))
		}
		if found.All = append(found.All, one); k == 0 || one.Accuracy > found.Best.Accuracy {
			found.Best = one
		}
	}
	b := found.Best
	r.Log(fmt.Sprintf("best-template: number %d of %d, %.1f tokens and %.3f right on validation users", b.Number, len(found.All), b.Tokens, b.Accuracy))
	return found, nil
}

// limit returns the limit at which a template's texts come nearest to so many
// tokens on average, and not above: somewhat more than these, since a text ends
// before its limit where the next title does not fit.
func (r *Run) limit(t Template, histories [][]history.Event, tokens float64) int {
	const enough, slack = 100, 20
	var some [][]history.Event
	for i := 0; i < len(histories); i += 1 + len(histories)/enough {
		some = append(some, histories[i])
	}
	least := max(1, int(tokens))
	over := sort.Search(slack, func(more int) bool {
		t.Limit = least + more + 1
		return r.meanTokens(r.templated(t, some)) > tokens
	})
	return min(least+over, r.Config.Tokens)
}

// templated returns what a template says of histories.
func (r *Run) templated(t Template, histories [][]history.Event) []string {
	g := stream(r.Config.Seed, "template")
	texts := make([]string, len(histories))
	for i, events := range histories {
		texts[i] = t.Write(r.Lang, events, g)
	}
	return texts
}
