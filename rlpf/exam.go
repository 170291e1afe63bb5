package rlpf

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// Methods are the names of RLPF and its rivals, in the order of results.
var Methods = []string{
	policyName, beforeName, greedyName, greedyBeforeName, "best-template", bestName,
	"all-activities", "first-x", "random-x", "last-x", "shuffled", "options-only", oracleName, tastesName, countsName, logisticName,
}

// The methods whose policy writes the most probable words, as Summarise does. They
// tell apart what reinforcement learning has taught from what comes of a policy
// that has grown surer and draws fewer improbable words.
const (
	greedyName       = policyName + "-greedy"
	greedyBeforeName = beforeName + "-greedy"
)

// The methods that answer without a language model.
const (
	oracleName   = "oracle"              // Run.Oracle
	tastesName   = "inferred-tastes"     // Run.Tastes
	countsName   = "genre-counts"        // Asker.GenreReader
	logisticName = "logistic-regression" // Asker.Logistic
)

// reads reports whether a predictor answers for the method, from a context.
func reads(method string) bool {
	return !slices.Contains([]string{oracleName, tastesName, countsName, logisticName}, method)
}

// given are the methods that know nothing of a policy: seeds that share their
// readers share what these come to.
var given = []string{"all-activities", "options-only", oracleName, tastesName, countsName, logisticName}

// answers reports whether a method answers a task.
func answers(method string, t Task) bool {
	switch method {
	case oracleName, tastesName, countsName:
		return t.Future()
	case logisticName:
		return classes[t].of != nil
	}
	return true
}

// Methods returns those of the Methods that the run can test.
func (r *Run) Methods() []string {
	return slices.DeleteFunc(slices.Clone(Methods), func(m string) bool {
		return m == oracleName && r.Oracle == nil || m == tastesName && r.Tastes == nil || m == countsName && len(r.Data.Genres) == 0 || m == logisticName && r.People == nil
	})
}

// A Case is a user at a place of the timeline: a history.
type Case struct {
	User int `json:"user"`
	Pos  int `json:"pos"`
}

// Exam is what all methods are asked about the test users.
type Exam struct {
	Questions []Question       // by user and place
	Cases     []Case           // the histories behind them, in the same order
	Moved     map[Task]float64 // share of the places where the task cannot be asked: one near by stands in, or none
	caseOf    []int            // of each question
	key       string           // a hash of the questions
}

// fewAsked: a task that can be asked about fewer than one of so many users is left
// out, as nothing is to be learned from so few.
const fewAsked = 10

// Exam returns the questions of all tasks about the test users, without tasks that
// hardly any of them can be asked about.
func (r *Run) Exam() *Exam {
	users := r.Users.Test
	if n := r.Config.Exam.Users; n > 0 && n < len(users) {
		some := make([]int, n)
		for i := range some {
			some[i] = users[i*len(users)/n]
		}
		users = some
	}
	return r.exam(r.Asker.Tasks(), users, r.Config.Exam.Places)
}

// exam asks the tasks at some places of each of the users, without tasks that hardly
// any of them can be asked about.
func (r *Run) exam(tasks []Task, users []int, perUser int) *Exam {
	e := &Exam{Moved: map[Task]float64{}}
	all := 0.0 // places
	for _, u := range users {
		all += float64(len(r.places(u, perUser)))
	}
	for _, t := range tasks {
		qs := r.Asker.Test(t, users, perUser, 1)
		asked, moved := map[int]bool{}, all
		for _, q := range qs {
			asked[q.User] = true
			if slices.Contains(r.places(q.User, perUser), q.Pos) {
				moved--
			}
		}
		if fewAsked*len(asked) < len(users) {
			r.Log(fmt.Sprintf("%s is left out: it can be asked about %d of %d users", t, len(asked), len(users)))
			continue
		}
		e.Questions, e.Moved[t] = append(e.Questions, qs...), moved/all
	}
	slices.SortStableFunc(e.Questions, func(a, b Question) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Pos, b.Pos))
	})
	for _, q := range e.Questions {
		c := Case{q.User, q.Pos}
		if n := len(e.Cases); n == 0 || e.Cases[n-1] != c {
			e.Cases = append(e.Cases, c)
		}
		e.caseOf = append(e.caseOf, len(e.Cases)-1)
	}
	h := sha256.New()
	for _, q := range e.Questions {
		fmt.Fprintf(h, "%s %d %d %q %q %d %d\n", q.Task, q.User, q.Pos, q.Ask, q.Options, q.Items, q.Answer)
	}
	e.key = fmt.Sprintf("%x", h.Sum(nil)[:8])
	return e
}

// places are those at which a user is to be asked.
func (r *Run) places(user, perUser int) []int {
	return r.Config.Ask.Places(len(r.Data.Users[user].Events), perUser)
}

// answered is what is kept of an exam in a file of its own: Outcomes or
// contexts.
type answered[T any] struct {
	Exam   string `json:"exam"` // the hash of its questions
	Values []T    `json:"values"`
}

// recall reads back the n values that were kept of the exam. If there is no such
// file, the error is an fs.ErrNotExist.
func recall[T any](path string, e *Exam, n int) ([]T, error) {
	var a answered[T]
	if err := readJSON(path, &a); err != nil {
		return nil, err
	}
	if a.Exam != e.key || len(a.Values) != n {
		return nil, fmt.Errorf("rlpf: %s is of another test (%d values of questions %s; want %d of %s): remove it to test again", path, len(a.Values), a.Exam, n, e.key)
	}
	return a.Values, nil
}

// histories returns the events of each case.
func (r *Run) histories(e *Exam) [][]history.Event {
	out := make([][]history.Event, len(e.Cases))
	for i, c := range e.Cases {
		out[i] = r.Asker.History(c.User, c.Pos)
	}
	return out
}

// outcomesFile is where the run folder keeps the outcomes of a method.
func outcomesFile(method string) string { return filepath.Join("outcomes", method+".json") }

// Test trains what the method needs, unless the run folder has it, and asks it
// the questions of the exam. Outcomes are kept in the run folder and read back.
// A method that does not answer a task has the zero Outcome there.
func (r *Run) Test(ctx context.Context, method string, e *Exam, progress func(done, all int)) ([]Outcome, error) {
	path := filepath.Join(r.Dir, outcomesFile(method))
	out, err := recall[Outcome](path, e, len(e.Questions))
	if !errors.Is(err, fs.ErrNotExist) {
		return out, err
	}
	if !reads(method) {
		if out, err = r.calculate(ctx, method, e); err != nil {
			return nil, fmt.Errorf("rlpf: testing %s: %w", method, err)
		}
		return out, writeJSON(path, answered[Outcome]{e.key, out})
	}
	contexts, err := r.Contexts(ctx, method, e)
	if err != nil {
		return nil, fmt.Errorf("rlpf: testing %s: %w", method, err)
	}
	first, err := r.Predictor(ctx)
	if err != nil {
		return nil, err
	}
	second, err := r.Second(ctx)
	if err != nil {
		return nil, err
	}
	if out, err = r.answer(ctx, e, contexts, first, second, progress); err != nil {
		return nil, fmt.Errorf("rlpf: testing %s: %w", method, err)
	}
	return out, writeJSON(path, answered[Outcome]{e.key, out})
}

// calculate answers the exam by a method without a predictor.
func (r *Run) calculate(ctx context.Context, method string, e *Exam) ([]Outcome, error) {
	out := make([]Outcome, len(e.Questions))
	scores := map[Task][][]float64{} // of the logistic regressions
	count := r.Asker.GenreReader()
	for i, q := range e.Questions {
		if !answers(method, q.Task) {
			continue
		}
		var s []float64
		switch method {
		case oracleName:
			s = r.Oracle(q)
		case tastesName:
			s = r.Tastes(q)
		case countsName:
			s = count(q)
		default:
			if scores[q.Task] == nil {
				var err error
				if scores[q.Task], err = r.Asker.Logistic(ctx, q.Task, r.late, 1); err != nil {
					return nil, err
				}
			}
			s = scores[q.Task][q.User]
		}
		out[i].Right = hit(s, q.Answer, q.Task.Recall())
	}
	return out, nil
}

// answer has the predictors answer the exam from the context of each case.
// second may be nil.
func (r *Run) answer(ctx context.Context, e *Exam, contexts []string, first, second *Predictor, progress func(done, all int)) ([]Outcome, error) {
	const part = 512 // questions between two reports of progress
	out := make([]Outcome, 0, len(e.Questions))
	for len(out) < len(e.Questions) {
		lo, hi := len(out), min(len(e.Questions), len(out)+part)
		qs, texts := e.Questions[lo:hi], make([]string, hi-lo)
		for i := range texts {
			texts[i] = contexts[e.caseOf[lo+i]]
		}
		scores, err := first.Score(ctx, texts, qs, 0)
		if err != nil {
			return nil, err
		}
		transfer := scores
		if second != nil {
			if transfer, err = second.Score(ctx, texts, qs, 0); err != nil {
				return nil, err
			}
		}
		for i := range qs {
			q := &qs[i]
			o := Outcome{
				Right: hit(scores[i], q.Answer, q.Task.Recall()), LogProb: grade("log-probability", scores[i], q.Answer), Transfer: hit(transfer[i], q.Answer, q.Task.Recall()),
				Leak: LeakCheck(*q, texts[i]),
			}
			if texts[i] != "" {
				o.Tokens = min(len(r.Lang.Encode(texts[i])), first.Config.MaxContext)
			}
			out = append(out, o)
		}
		if progress != nil {
			progress(len(out), len(e.Questions))
		}
	}
	return out, nil
}

// Contexts returns what the predictors read of each case by a method. Those of
// an exam are kept in the run folder and read back.
func (r *Run) Contexts(ctx context.Context, method string, e *Exam) ([]string, error) {
	path := filepath.Join(r.Dir, "contexts", method+".json")
	texts, err := recall[string](path, e, len(e.Cases))
	if !errors.Is(err, fs.ErrNotExist) {
		return texts, err
	}
	if texts, err = r.contexts(ctx, method, e); err != nil {
		return nil, err
	}
	for i := range texts {
		texts[i] = readable(texts[i])
	}
	return texts, writeJSON(path, answered[string]{e.key, texts})
}
