package rlpf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/noema-ml/noema/userllm/history"
)

// Asker makes questions about the users of a data set. What it knows of
// popularity comes from the training users alone. Several goroutines may use it.
type Asker struct {
	Config AskConfig
	Data   *history.Dataset
	Users  Users

	people     []history.Person
	popular    map[Task]*popularity
	genres     [][]int32             // of each item
	same       []int32               // of each item the first one with its title
	counted    []bool                // genres that count in FavGenre
	common     []float64             // how common each genre is among training events
	models     []int                 // training users after whom others are made up; see setModels
	rate       []float64             // how often each item is chosen by these, up to a factor
	chosen     []float64             // how often for each item that is met, at equal liking; see setChosen
	mixes      []mix                 // of each item, what its genres count
	usual      []float64             // how many of these have met each item, plus rare
	successors successors            // what follows what among training users
	leading    [lags][]int32         // items that have successors, ascending
	most       int                   // events of one who is made up: half of the titles, which leaves the others for options
	fits       []atomic.Pointer[fit] // of each user, nil until it is needed
}

// NewAsker prepares questions. people is what the users say of themselves,
// [users], or nil if nothing is known.
func NewAsker(d *history.Dataset, u Users, c AskConfig, people []history.Person) (*Asker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := u.check(d); err != nil {
		return nil, err
	}
	if people != nil && len(people) != len(d.Users) {
		return nil, fmt.Errorf("rlpf: %d people for %d users", len(people), len(d.Users))
	}
	a := &Asker{Config: c.WithDefaults(), Data: d, Users: u, people: people, popular: map[Task]*popularity{}, fits: make([]atomic.Pointer[fit], len(d.Users))}
	first := map[string]int32{}
	var flat []int32 // near each other in memory, as fits go through all
	for i := range d.Items {
		flat = append(flat, d.Items[i].Genres...)
	}
	for i := range d.Items {
		n := len(d.Items[i].Genres)
		a.genres, flat = append(a.genres, flat[:n:n]), flat[n:]
		title := d.Items[i].Title
		if _, ok := first[title]; !ok {
			first[title] = int32(i)
		}
		a.same = append(a.same, first[title])
	}
	a.countGenres()
	a.setModels()
	a.setChosen()
	a.setMixes()
	a.setSuccessors()
	for _, task := range []Task{FutureActivity, FutureActivityGap50} {
		if targets := a.targets(task); targets != nil {
			a.popular[task] = newPopularity(a.expected(targets), a.Config.Buckets)
		}
	}
	return a, nil
}

// Tasks returns the tasks that the data set has answers to.
func (a *Asker) Tasks() []Task {
	var tasks []Task
	for _, t := range Tasks {
		switch {
		case t.Future() && a.popular[t] == nil,
			t == FavGenre && len(a.Data.Genres) < 2,
			classes[t].of != nil && a.people == nil:
		default:
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// History returns the events that a question at pos about user is answered from,
// oldest first; they must not be changed.
func (a *Asker) History(user, pos int) []history.Event {
	return a.Data.Users[user].Events[max(0, pos-a.Config.History):pos:pos]
}

// Ask returns the question of a task about user after the first pos events. It
// depends on the arguments, on what r draws, on the training users and on the user's
// whole timeline, as wrong options are never met there. It is false if there is no
// such question: the timeline ends before, the target's title is one that the user has
// met by pos, too few items are left for options, or nothing is known of the user.
func (a *Asker) Ask(r *rand.PCG, task Task, user, pos int) (Question, bool) {
	return a.ask(rand.New(r), task, a.timeline(user), pos)
}

// ask is Ask about a timeline.
func (a *Asker) ask(r *rand.Rand, task Task, t timeline, pos int) (Question, bool) {
	q := Question{Task: task, User: t.user, Pos: pos, Ask: asks[task]}
	switch {
	case pos < 1 || pos > len(t.events):
		return q, false
	case task.Future():
		return a.future(r, q, t)
	case task == FavGenre:
		return a.favourite(r, q, t.events[max(0, pos-a.Config.History):pos])
	}
	c, ok := classes[task]
	if !ok || a.people == nil || t.user == nobody {
		return q, false
	}
	q.Options, q.Answer = c.names, []int{c.of(a.people[t.user])}
	return q, q.Answer[0] >= 0
}

// At is Ask with randomness of its own: the question depends on seed, task, user
// and pos alone.
func (a *Asker) At(seed uint64, task Task, user, pos int) (Question, bool) {
	return a.Ask(stream(seed, fmt.Sprint("question ", task, " ", user, " ", pos)), task, user, pos)
}

// Draw returns a question about one of the users at one of the places that
// Config allows, all equally likely. It gives up after many that cannot be asked.
func (a *Asker) Draw(r *rand.PCG, task Task, users []int) (Question, bool) {
	for range 1000 {
		user := users[rand.New(r).IntN(len(users))]
		if pos, ok := a.place(r, task, user); ok {
			if q, ok := a.Ask(r, task, user, pos); ok {
				return q, true
			}
		}
	}
	return Question{}, false
}

// Place returns one of the places that Config allows for user, all equally
// likely, false if there is none.
func (a *Asker) Place(r *rand.PCG, user int) (int, bool) { return a.place(r, "", user) }

// place is Place among those where the task has a target.
func (a *Asker) place(r *rand.PCG, task Task, user int) (int, bool) {
	n := len(a.Data.Users[user].Events)
	first, last := a.Config.span(n)
	last = min(last, n-1-task.ahead())
	if last < first {
		return 0, false
	}
	return first + rand.New(r).IntN(last-first+1), true
}

// Test returns the questions of a task at perUser places of each of the users,
// spread evenly over the timeline, by user and place; the places are the same
// for every task. Where one cannot be asked, the nearest one that can stands in
// for it; if there is none nearer to it than to the other places, it is left out.
func (a *Asker) Test(task Task, users []int, perUser int, seed uint64) []Question {
	var qs []Question
	for _, u := range users {
		n := len(a.Data.Users[u].Events)
		for _, place := range a.Config.Places(n, perUser) {
			for _, pos := range a.Config.around(n, perUser, place) {
				if q, ok := a.At(seed, task, u, pos); ok {
					qs = append(qs, q)
					break
				}
			}
		}
	}
	return qs
}

// Target returns the item that a question about the future asks for. It panics
// for other tasks.
func (q *Question) Target() int32 { return q.Items[q.Answer[0]] }

// expect returns what is to be expected of a worth that depends on the right answers: by
// the chance of each option to be the one, if these are known.
func (q *Question) expect(worth func(answer []int) float64) (mean float64) {
	if q.chances == nil {
		return worth(q.Answer)
	}
	for k, chance := range q.chances {
		mean += chance * worth([]int{k})
	}
	return mean
}

// LeakCheck reports whether a text that is to answer the question holds the
// target's title as a history would write it, in full, with its year if it has
// one, and up to the case of letters. Histories cannot hold it, but a summariser
// may write it by chance, or by skill. A title in brief is not looked for: films
// of other years have the same.
func LeakCheck(q Question, text string) bool {
	return q.Task.Future() && strings.Contains(strings.ToLower(text), strings.ToLower(written(q.Options[q.Answer[0]])))
}

// permute puts the options into a random order.
func (q *Question) permute(r *rand.Rand) {
	for i := len(q.Options) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		q.Options[i], q.Options[j] = q.Options[j], q.Options[i]
		if q.Items != nil {
			q.Items[i], q.Items[j] = q.Items[j], q.Items[i]
		}
		for k, x := range q.Answer {
			switch x {
			case i:
				q.Answer[k] = j
			case j:
				q.Answer[k] = i
			}
		}
	}
	slices.Sort(q.Answer)
}
