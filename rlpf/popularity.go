package rlpf

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// popularity is how often each item is a target, and the items in buckets of
// equal mass.
type popularity struct {
	weight []float64 // of each item; above 0
	bucket []int32   // of each item
	items  [][]int32 // of each bucket, ascending
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
		events := a.Data.Users[u].Events
		first, last := a.Config.span(len(events))
		last = min(last, len(events)-1-task.ahead())
		if last < first {
			continue
		}
		users++
		total += last - first + 1
		for pos := first; pos <= last; pos++ {
			weights[events[pos+task.ahead()].Item] += 1 / float64(last-first+1)
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
	p := &popularity{weight: weight, bucket: make([]int32, len(weight)), items: make([][]int32, buckets)}
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

// widths are the steps in which the search for options is widened: the number of
// years and of buckets side by side that options come from; 0 means all.
var widths = []struct{ years, buckets int }{
	{4, 1}, {7, 1}, {13, 1}, {25, 1}, {0, 1}, {0, 2}, {0, 4}, {0, 8}, {0, 16}, {0, 0},
}

const wrong = 3 // options beside the right one

// future makes a question of what comes. Its options are items of the target's
// bucket that the user never meets, drawn by weight, released within three years
// of each other: the years are a window of four around the target's, placed at
// random. Since each of the window's items is a target as often as the others
// are, by weight, and the window is as likely from each, which of the four is
// the target cannot be told from the options; with a window centred on the
// target it could, from the years between them and from how many items there
// are near each one's year.
func (a *Asker) future(r *rand.Rand, q Question) (Question, bool) {
	p := a.popular[q.Task]
	events := a.Data.Users[q.User].Events
	at := q.Pos + q.Task.ahead()
	if p == nil || at >= len(events) {
		return q, false
	}
	target := events[at].Item
	met := make([]bool, len(a.Data.Items))
	for i, e := range events {
		if i < q.Pos && a.same[e.Item] == a.same[target] {
			return q, false
		}
		met[a.same[e.Item]] = true
	}
	for q.Widened = range widths {
		w := widths[q.Widened]
		from := a.candidates(r, p, target, w.years, w.buckets, met)
		if from == nil {
			continue
		}
		q.Items = append(from, target)
		for _, i := range q.Items {
			q.Options = append(q.Options, a.Data.Items[i].Title)
		}
		q.Answer = []int{wrong}
		q.permute(r)
		return q, true
	}
	return q, false
}

// candidates draws the wrong options from a window of years and buckets around
// the target, nil if there are too few.
func (a *Asker) candidates(r *rand.Rand, p *popularity, target int32, years, buckets int, met []bool) []int32 {
	low, high := 0, len(p.items)-1
	if buckets > 0 {
		low = int(p.bucket[target]) - r.IntN(buckets)
		low, high = max(0, low), min(low+buckets-1, high)
	}
	since := a.Data.Items[target].Year
	if years > 0 {
		since -= r.IntN(years)
	}
	var from []int32
	titles := map[int32]bool{}
	for b := low; b <= high; b++ {
		for _, i := range p.items[b] {
			if y := a.Data.Items[i].Year; years > 0 && (y < since || y >= since+years) {
				continue
			}
			if !met[a.same[i]] && !titles[a.same[i]] {
				titles[a.same[i]] = true
				from = append(from, i)
			}
		}
	}
	if len(from) < wrong {
		return nil
	}
	return draw(r, from, p.weight, wrong)
}

// draw takes n of the items, one after the other, each in proportion to its
// weight among those left. There must be n or more.
func draw(r *rand.Rand, from []int32, weight []float64, n int) []int32 {
	var total float64
	for _, i := range from {
		total += weight[i]
	}
	drawn := make([]int32, 0, n+1) // and the right one
	for range n {
		left, k := r.Float64()*total, 0
		for ; k < len(from)-1 && left >= weight[from[k]]; k++ {
			left -= weight[from[k]]
		}
		drawn = append(drawn, from[k])
		total -= weight[from[k]]
		from = slices.Delete(from, k, k+1)
	}
	return drawn
}
