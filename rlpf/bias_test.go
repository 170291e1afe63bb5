package rlpf

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// biasReader learns to answer from the options alone: how often each item is
// right when it is an option, and whether the oldest, the newest, the commonest
// of them is, and by how many genres it shares with the others, which was the
// strongest hint while wrong options were drawn alike for all users. It is a logistic
// regression, trained by AdaGrad.
type biasReader struct {
	a     *Asker
	items []float64
	ranks [3][4]float64
	alike [8]float64
	past  map[*float64]float64
}

// terms returns the weights that an option's score is the sum of.
func (b *biasReader) terms(q Question, i int) []*float64 {
	item := &b.a.Data.Items[q.Items[i]]
	weight := b.a.popular[q.Task].weight
	var year, popular, length, alike int
	for _, j := range q.Items {
		other := &b.a.Data.Items[j]
		if other.Year < item.Year {
			year++
		}
		if weight[j] < weight[item.ID] {
			popular++
		}
		if j != item.ID {
			for _, g := range other.Genres {
				if slices.Contains(item.Genres, g) {
					alike++
				}
			}
		}
		if len(other.Title) < len(item.Title) {
			length++
		}
	}
	return []*float64{&b.items[item.ID], &b.ranks[0][year], &b.ranks[1][popular], &b.ranks[2][length], &b.alike[min(alike, len(b.alike)-1)]}
}

func (b *biasReader) scores(q Question) []float64 {
	s := make([]float64, len(q.Items))
	for i := range s {
		for _, w := range b.terms(q, i) {
			s[i] += *w
		}
	}
	return s
}

func (b *biasReader) train(q Question) {
	for i, p := range shares(b.scores(q)) {
		if q.Right(i) {
			p--
		}
		for _, w := range b.terms(q, i) {
			b.past[w] += p * p
			*w -= .1 * p / math.Sqrt(b.past[w]+1)
		}
	}
}

// ratioReader answers from the options alone: the likelier, the more often an item comes
// than it is drawn as an option. Given what comes in the events of users who teach, it
// is asked about others.
func ratioReader(a *Asker, comes []float64) Reader {
	return func(q Question) []float64 {
		s := make([]float64, len(q.Items))
		for k, i := range q.Items {
			s[k] = comes[i] / a.popular[q.Task].weight[i]
		}
		return s
	}
}

// common returns how often each item is among all events of training users.
func common(a *Asker) []float64 {
	count := make([]float64, len(a.Data.Items))
	for i := range count {
		count[i] = rare
	}
	for _, u := range a.Users.Train {
		for _, e := range a.Data.Users[u].Events {
			count[e.Item]++
		}
	}
	return count
}

// optionsOnly makes sure that the users' questions are not answered from the options
// alone, by a biasReader who has learnt from n questions about training users, nor by
// how common items are among these, nor by how often they are their targets.
func optionsOnly(t *testing.T, a *Asker, task Task, users []int, perUser, n int) {
	t.Helper()
	b := &biasReader{a: a, items: make([]float64, len(a.Data.Items)), past: map[*float64]float64{}}
	r := rand.NewPCG(7, 7)
	for range n {
		q, ok := a.Draw(r, task, a.Users.Train)
		require.True(t, ok)
		b.train(q)
	}
	qs := a.Test(task, users, perUser, 1)
	widened := make([]float64, len(a.popular[task].steps))
	for _, q := range qs {
		widened[q.Widened] += 1 / float64(len(qs))
	}
	learnt, common, targets := reached(qs, b.scores), reached(qs, ratioReader(a, common(a))), reached(qs, ratioReader(a, a.targets(task)))
	t.Logf("%s: %.4f, %.4f and %.4f of %d questions (%d places) by the options alone; widened %.3f", task, learnt, common, targets, len(qs), askedAt(a, users, perUser), widened)
	require.LessOrEqual(t, max(learnt, common, targets), .28)
}

// askedAt returns how many questions perUser places for each user come to.
func askedAt(a *Asker, users []int, perUser int) (n int) {
	for _, u := range users {
		n += len(a.Config.Places(len(a.Data.Users[u].Events), perUser))
	}
	return n
}

func TestOptionsOnly(t *testing.T) {
	d := history.Synthetic(history.SyntheticConfig{Seed: 3, Users: 1600, Items: 600, Events: 110, Drift: -1})
	c := AskConfig{History: 20}
	u, err := DivideUsers(d, c, 8, 1)
	require.NoError(t, err)
	u.Train, u.Test = u.Test, u.Train // few learn, many test
	a, err := NewAsker(d, u, c, nil)
	require.NoError(t, err)
	for _, task := range []Task{FutureActivity, FutureActivityGap50} {
		optionsOnly(t, a, task, a.Users.Test, 12, 20000)
	}
}

func TestRealOptionsOnly(t *testing.T) {
	for name, c := range map[string]AskConfig{
		"movielens-1m":        {},
		"yelp-2019-sequences": {History: 20, Least: 10, Ahead: 1, SkipGenres: 4},
	} {
		t.Run(name, func(t *testing.T) {
			a := realAsker(t, name, c)
			t.Logf("%d train, %d valid, %d test users", len(a.Users.Train), len(a.Users.Valid), len(a.Users.Test))
			for _, task := range []Task{FutureActivity, FutureActivityGap50} {
				if task == FutureActivityGap50 && c.Ahead == 1 {
					continue // hardly any timeline is long enough
				}
				optionsOnly(t, a, task, a.Users.Test, 40, 150000)
			}
		})
	}
}

func realAsker(t *testing.T, name string, c AskConfig) *Asker {
	t.Helper()
	if testing.Short() {
		t.Skip("real data take long")
	}
	dir := filepath.Join(os.Getenv("NOEMA_DATA"), name)
	if _, err := os.Stat(dir); os.Getenv("NOEMA_DATA") == "" || err != nil {
		t.Skip("NOEMA_DATA does not have ", name)
	}
	known, err := history.Detect(dir)
	require.NoError(t, err)
	d, err := history.Open(dir, known)
	require.NoError(t, err)
	perUser := 8
	if c.Ahead == 1 {
		perUser = 1
	}
	var people []history.Person
	if known == "ml-1m" {
		people, err = history.People(dir, d)
		require.NoError(t, err)
	}
	u, err := DivideUsers(d, c, perUser, 1)
	require.NoError(t, err)
	a, err := NewAsker(d, u, c, people)
	require.NoError(t, err)
	return a
}
