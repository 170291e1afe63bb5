package rlpf

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// PredictorData is what a predictor is trained on: the events of the given users,
// questions that are drawn for them, and made-up users, of whom nothing is taken from
// anyone but, of the asker's training users, how much they like each genre, how many
// events they have, how popular items are, what each genre of an item counts and what
// follows what.
type PredictorData struct {
	Asker  *Asker
	Users  []int  // those it may see
	Tasks  []Task // those it learns
	Length int    // events of a history
	Seed   uint64
}

// leastHistory is how many events come before a question in training, where no
// more are asked for: the popularity of options is that of places as far on.
const leastHistory = 10

// example is a context and what is asked behind it.
type example struct {
	context   string
	questions []Question
}

// example returns training example i, which depends on the data's seed and i
// alone.
func (p *Predictor) example(d PredictorData, i int) example {
	g := stream(d.Seed, fmt.Sprintf("predictor example %d", i))
	r := rand.New(g)
	var e example
	least := max(leastHistory, d.Asker.Config.Least)
	for range 8 { // a user with too few events is passed over
		user := d.Users[r.IntN(len(d.Users))]
		t := d.Asker.timeline(user)
		if len(t.events) <= least {
			continue
		}
		pos := least + r.IntN(len(t.events)-least)
		if e = p.exampleAt(d, g, t, pos); len(e.questions) > 0 {
			return e
		}
	}
	return e
}

// exampleAt tells something of the events before pos and asks about the timeline;
// it has no questions if there are none to ask.
func (p *Predictor) exampleAt(d PredictorData, g *rand.PCG, t timeline, pos int) example {
	e := example{context: p.Lang.anyContext(g, t.events[max(0, pos-d.Length):pos])}
	for range 3 * p.Config.Questions {
		if len(e.questions) == p.Config.Questions {
			break
		}
		if q, ok := d.question(g, t, pos); ok {
			e.questions = append(e.questions, q)
		}
	}
	return e
}

// question asks about someone whose history ends before pos: three
// times of four for an activity to come, and a third of these for one within the
// gap, which no test asks for: there are more of them behind one context.
func (d PredictorData) question(g *rand.PCG, t timeline, pos int) (Question, bool) {
	r := rand.New(g)
	var future, other []Task
	for _, task := range d.Tasks {
		if task.Future() {
			future = append(future, task)
		} else if t.user != nobody || task == FavGenre {
			other = append(other, task)
		}
	}
	if len(other) > 0 && (len(future) == 0 || r.IntN(4) == 0) {
		return d.Asker.ask(r, other[r.IntN(len(other))], t, pos)
	}
	if len(future) == 0 {
		return Question{}, false
	}
	if r.IntN(3) > 0 {
		return d.Asker.ask(r, future[r.IntN(len(future))], t, pos)
	}
	q, ok := d.Asker.ask(r, FutureActivity, t, pos+1+r.IntN(gap))
	q.Ask = askSoon
	return q, ok
}

// askSoon is put of an activity some way ahead.
const askSoon = "Which comes soon?"

// anyContext tells something of a history: nothing, some of its activities, or
// a summary.
func (l *Language) anyContext(g *rand.PCG, events []history.Event) string {
	r := rand.New(g)
	n := 1 + r.IntN(len(events))
	if r.IntN(2) == 0 {
		n = min(12, len(events))
	}
	switch kind := r.Float64(); {
	case kind < 0.05:
		return ""
	case kind < 0.13:
		return l.Activities(events)
	case kind < 0.25:
		return l.Activities(events[len(events)-n:])
	case kind < 0.29:
		return l.Activities(events[:n])
	case kind < 0.35:
		return l.Activities(someOf(r, events, n))
	case kind < 0.80:
		return briefTemplate(r, r.IntN(5)).Write(l, events, g)
	}
	return RandomTemplate(g).Write(l, events, g)
}

// recentContext tells of a history, of lags events or more, what was last, and maybe
// more.
func (l *Language) recentContext(g *rand.PCG, events []history.Event) string {
	r := rand.New(g)
	n := min(len(events), lags+r.IntN(3))
	switch r.IntN(6) {
	case 0:
		return l.Activities(events)
	case 1:
		return l.Activities(events[len(events)-n:])
	}
	return briefTemplate(r, n).Write(l, events, g)
}

// someOf returns n of the events in their order.
func someOf(r *rand.Rand, events []history.Event, n int) []history.Event {
	var out []history.Event
	for _, k := range slices.Sorted(slices.Values(r.Perm(len(events))[:n])) {
		out = append(out, events[k])
	}
	return out
}
