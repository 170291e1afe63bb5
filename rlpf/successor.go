package rlpf

import (
	"iter"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/userllm/history"
)

// lags: an event may follow from the last one or from the one before it.
const lags = 2

// A successor of an item comes after it more often than by taste.
type successor struct {
	item  int32
	share float64 // of the events after the item, beyond those that come there by taste
}

// successors are those of each item, [lags][items]: what follows from the item
// straight after it, and what with one event between.
type successors [lags][][]successor

// countSuccessors finds what follows what among some users: what comes after an item
// more often than some events later, where those with the same tastes meet it as well.
// What may be chance is left out, and that an item comes again.
func countSuccessors(d *history.Dataset, users []int) (s successors) {
	const (
		later = 10 // events that show how often something comes anyway
		sure  = 3  // standard errors by which it must come more often
	)
	type place struct{ user, pos int32 }
	places := make([][]place, len(d.Items)) // of each item
	for _, u := range users {
		for pos, e := range d.Users[u].Events {
			places[e.Item] = append(places[e.Item], place{int32(u), int32(pos)})
		}
	}
	counts := make([][lags + 1]float64, len(d.Items)) // how often each item comes at each lag; the last is for all later events
	for lag := range s {
		s[lag] = make([][]successor, len(d.Items))
	}
	for item := range places {
		var met []int32
		var all [lags + 1]float64
		for _, p := range places[item] {
			events := d.Users[p.user].Events[p.pos+1:]
			for k, e := range events[:min(len(events), lags+later)] {
				if counts[e.Item] == [lags + 1]float64{} {
					met = append(met, e.Item)
				}
				lag := min(k, lags)
				counts[e.Item][lag]++
				all[lag]++
			}
		}
		for _, i := range met {
			for lag := range s {
				anyway := counts[i][lags] / max(1, all[lags]) * all[lag]
				if more := counts[i][lag] - anyway; int(i) != item && more > sure*math.Sqrt(anyway+1) {
					s[lag][item] = append(s[lag][item], successor{i, more / all[lag]})
				}
			}
			counts[i] = [lags + 1]float64{}
		}
	}
	return s
}

// after returns what may follow from the last of some events, with the share of events
// that do.
func (s *successors) after(events []history.Event) iter.Seq2[int32, float64] {
	return func(yield func(int32, float64) bool) {
		for lag := range min(lags, len(events)) {
			for _, next := range s[lag][events[len(events)-1-lag].Item] {
				if !yield(next.item, next.share) {
					return
				}
			}
		}
	}
}

// draw returns one of the successors of an item, by how often each follows; false if
// there are none.
func (s *successors) draw(r *rand.Rand, lag int, item int32) (int32, bool) {
	list := s[lag][item]
	if len(list) == 0 {
		return 0, false
	}
	var sum float64
	for _, next := range list {
		sum += next.share
	}
	left := sum * r.Float64()
	for _, next := range list {
		if left -= next.share; left < 0 {
			return next.item, true
		}
	}
	return list[len(list)-1].item, true
}

// setSuccessors counts those of the training users' items.
func (a *Asker) setSuccessors() {
	a.successors, a.leading = countSuccessors(a.Data, a.Users.Train), [lags][]int32{}
	for lag, lists := range a.successors {
		for i, list := range lists {
			if len(list) > 0 {
				a.leading[lag] = append(a.leading[lag], int32(i))
			}
		}
	}
}
