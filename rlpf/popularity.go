package rlpf

import (
	"cmp"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// popularity is how often each item is a target, and the items in buckets of
// equal mass.
type popularity struct {
	weight []float64 // of each item; above 0
	chance []float64 // of each item, to be drawn as an option, up to a factor
	bucket []int32   // of each item
	items  [][]int32 // of each bucket, ascending
	steps  []step
}

// rare is added to the number of times that an item is a target, so that items
// without training events, which may be targets of other users, can be options.
const rare = 0.5

// targets returns how often each item is the target of a task when training
// users are asked at all of their places, in events, each user having the same
// share. It is nil if nobody can be asked.
//
// It is not the number of events: what users do early and what the busiest do
// has less weight in targets than in events, and options that are drawn as the
// events are would give targets away.
func (a *Asker) targets(task Task) []float64 {
	weights := make([]float64, len(a.Data.Items))
	total, users := 0, 0
	for _, u := range a.Users.Train {
		_, targets := a.asked(task, u)
		if len(targets) == 0 {
			continue
		}
		users++
		total += len(targets)
		for _, e := range targets {
			weights[e.Item] += 1 / float64(len(targets))
		}
	}
	if users == 0 {
		return nil
	}
	scale := float64(total) / float64(users)
	for i := range weights {
		weights[i] = weights[i]*scale + rare
	}
	return weights
}

// newPopularity cuts the items, by falling weight, into buckets of equal mass.
func newPopularity(weight []float64, buckets int) *popularity {
	p := &popularity{weight: weight, chance: make([]float64, len(weight)), bucket: make([]int32, len(weight)), items: make([][]int32, buckets), steps: steps(buckets)}
	order := make([]int32, len(weight))
	var total float64
	for i, w := range weight {
		order[i] = int32(i)
		total += w
	}
	slices.SortStableFunc(order, func(i, j int32) int { return cmp.Compare(weight[j], weight[i]) })
	var below float64
	for _, i := range order {
		b := min(int((below+weight[i]/2)/total*float64(buckets)), buckets-1)
		p.bucket[i] = int32(b)
		p.items[b] = append(p.items[b], i)
		below += weight[i]
	}
	for _, items := range p.items {
		slices.Sort(items)
	}
	return p
}

// setChance sets the chances from the weights. A wrong option is one that the user
// never meets: to be one as often as by its weight, an item that many meet must
// be the more likely with the others.
func (a *Asker) setChance(p *popularity, task Task) {
	met := make([]float64, len(p.weight))
	users := 0.0
	for _, u := range a.Users.Train {
		if events, targets := a.asked(task, u); len(targets) > 0 {
			users++
			for _, e := range events {
				met[e.Item]++
			}
		}
	}
	for i, w := range p.weight {
		p.chance[i] = w / (1 - min(met[i]/users, 0.95))
	}
}

// asked returns the events of a user and those of them that are targets of the
// task at the places that Config allows.
func (a *Asker) asked(task Task, user int) (events, targets []history.Event) {
	events = a.Data.Users[user].Events
	first, last := a.Config.span(len(events))
	from, to := first+task.ahead(), min(last+task.ahead(), len(events)-1)
	if to < from {
		return events, nil
	}
	return events, events[from : to+1]
}
