package rlpf

import (
	"cmp"
	"math"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// popularity is how often each item is to be a target, and the items in buckets of
// equal mass.
type popularity struct {
	weight []float64 // of each item, up to a factor; above 0
	bucket []int32   // of each item
	items  [][]int32 // of each bucket, ascending
	steps  []step
}

// rare is added to the counts of an item, so that items without training events,
// which may be targets of other users, can be options.
const rare = 0.5

// targets returns how often each item is the target of a task when training
// users are asked at all of their places, in events, each user having the same
// share. It is nil if nobody can be asked.
func (a *Asker) targets(task Task) []float64 {
	weights := make([]float64, len(a.Data.Items))
	total, users := 0, 0
	for _, u := range a.Users.Train {
		targets := a.asked(task, u)
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

// expected returns how often items are to be targets, from how often they were. There
// are far fewer targets than events, and who knows how many users have met an item would
// tell from the options alone which of them were targets by chance more or less often
// than they are to be. So it is how many have met it, times how often those that as many
// have met are targets, which is less the more these are: they are met early.
func (a *Asker) expected(targets []float64) []float64 {
	alike := newPopularity(a.usual, a.Config.Buckets)
	expected := make([]float64, len(targets))
	for _, items := range alike.items {
		var among, are float64
		for _, i := range items {
			among += a.usual[i]
			are += targets[i]
		}
		for _, i := range items {
			expected[i] = a.usual[i] * are / among
		}
	}
	return expected
}

// newPopularity cuts the items, by falling weight, into buckets of equal mass.
func newPopularity(weight []float64, buckets int) *popularity {
	p := &popularity{weight: weight, bucket: make([]int32, len(weight)), items: make([][]int32, buckets), steps: steps(buckets)}
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

// leastNever is the least chance never to meet an item that is believed. Below, one
// item would take the place of all others.
const leastNever = 0.05

// chance returns, up to a factor, that of an item to be drawn as an option of a
// question about someone who meets so many items with a liking. A wrong option is one
// that is never met: to be one as often as by its weight, an item must be the likelier
// with those who are likely to have met it.
func (a *Asker) chance(p *popularity, l liking, items int, item int32) float64 {
	return p.weight[item] / max(math.Exp(-a.times(l, items, item)), leastNever)
}

// asked returns the events of a user that are targets of the task at the places that
// Config allows.
func (a *Asker) asked(task Task, user int) []history.Event {
	events := a.Data.Users[user].Events
	first, last := a.Config.span(len(events))
	from, to := first+task.ahead(), min(last+task.ahead(), len(events)-1)
	if to < from {
		return nil
	}
	return events[from : to+1]
}
