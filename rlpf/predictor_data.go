package rlpf

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// PredictorData is what a predictor is trained on: the events of the given
// users alone, and questions that are drawn for them alone.
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
		events := p.Lang.Data.Users[user].Events
		if len(events) <= least {
			continue
		}
		pos := least + r.IntN(len(events)-least)
		e.context = p.Lang.anyContext(g, events[max(0, pos-d.Length):pos])
		for range 3 * p.Config.Questions {
			if len(e.questions) == p.Config.Questions {
				break
			}
			if q, ok := d.question(g, user, pos); ok {
				e.questions = append(e.questions, q)
			}
		}
		if len(e.questions) > 0 {
			return e
		}
	}
	return e
}

// question asks about a user whose history ends before pos: three times of four
// for an activity to come, and a third of these for one within the gap, which no
// test asks for: there are more of them behind one context.
func (d PredictorData) question(g *rand.PCG, user, pos int) (Question, bool) {
	r := rand.New(g)
	var future, other []Task
	for _, t := range d.Tasks {
		if t.Future() {
			future = append(future, t)
		} else {
			other = append(other, t)
		}
	}
	if len(future) == 0 || len(other) > 0 && r.IntN(4) == 0 {
		return d.Asker.Ask(g, other[r.IntN(len(other))], user, pos)
	}
	if r.IntN(3) > 0 {
		return d.Asker.Ask(g, future[r.IntN(len(future))], user, pos)
	}
	q, ok := d.Asker.Ask(g, FutureActivity, user, pos+1+r.IntN(gap))
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
	case kind < 0.08:
		return ""
	case kind < 0.16:
		return l.Activities(events)
	case kind < 0.36:
		return l.Activities(events[len(events)-n:])
	case kind < 0.41:
		return l.Activities(events[:n])
	case kind < 0.50:
		return l.Activities(someOf(r, events, n))
	}
	return RandomTemplate(g).Write(l, events, g)
}

// someOf returns n of the events in their order.
func someOf(r *rand.Rand, events []history.Event, n int) []history.Event {
	var out []history.Event
	for _, k := range slices.Sorted(slices.Values(r.Perm(len(events))[:n])) {
		out = append(out, events[k])
	}
	return out
}
