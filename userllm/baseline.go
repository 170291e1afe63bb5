package userllm

import (
	"cmp"
	"math"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// Scorer gives every item of the catalogue a score for what a user with this
// history does next; scores has one entry an item and starts at zero.
type Scorer interface {
	Score(events []history.Event, scores []float64)
}

// Popularity scores an item by the number of its training events.
type Popularity []int

// Score implements Scorer.
func (p Popularity) Score(_ []history.Event, scores []float64) {
	for i, n := range p {
		scores[i] = float64(n)
	}
}

// Cooccurrence scores an item by how often it stood near the user's events in
// the timelines of others: pairs count by the inverse of their distance, and
// the user's events by recency.
type Cooccurrence struct {
	near  [][]neighbour // of every item, by item
	total []float64     // the sum of each
}

type neighbour struct {
	item   int32
	weight float64
}

// The reach of a pair in events, and the weight of an event that lies one
// further back.
const (
	coReach = 20
	coDecay = 0.9
)

// NewCooccurrence counts the training events of s for the users that train.
func NewCooccurrence(s *history.Split, users []int) *Cooccurrence {
	counts := make([]map[int32]float64, len(s.Dataset.Items))
	for i := range counts {
		counts[i] = make(map[int32]float64)
	}
	for _, u := range users {
		events := s.Train(u)
		for i := range events {
			for j := i + 1; j < min(len(events), i+1+coReach); j++ {
				a, b, w := events[i].Item, events[j].Item, 1/float64(j-i)
				counts[a][b] += w
				counts[b][a] += w
			}
		}
	}
	c := &Cooccurrence{near: make([][]neighbour, len(counts)), total: make([]float64, len(counts))}
	for i, m := range counts {
		for item, w := range m {
			c.near[i] = append(c.near[i], neighbour{item, w})
		}
		slices.SortFunc(c.near[i], func(a, b neighbour) int { return cmp.Compare(a.item, b.item) })
		for _, n := range c.near[i] {
			c.total[i] += n.weight
		}
	}
	return c
}

// Score implements Scorer. Neighbours of an item are shared out by the square
// root of its own weight, so that a popular item in the history does not drown
// the others.
func (c *Cooccurrence) Score(events []history.Event, scores []float64) {
	weight := 1.0
	for i := len(events) - 1; i >= 0 && weight > 1e-3; i-- {
		item := events[i].Item
		if c.total[item] > 0 {
			w := weight / math.Sqrt(c.total[item])
			for _, n := range c.near[item] {
				scores[n.item] += w * n.weight
			}
		}
		weight *= coDecay
	}
}

// majority answers a genre task with the genre that was the answer most often
// in training.
func majority(answers [][]int32, genres int) int32 {
	counts := make([]int, genres)
	for _, a := range answers {
		for _, g := range a {
			counts[g]++
		}
	}
	best := 0
	for g, n := range counts {
		if n > counts[best] {
			best = g
		}
	}
	return int32(best)
}

// rank returns the place, from 1, of target among the items that are not seen,
// by falling score, ties by item.
func rank(scores []float64, target int32, seen map[int32]bool) int {
	place, s := 1, scores[target]
	for i, v := range scores {
		if (v > s || v == s && int32(i) < target) && !seen[int32(i)] {
			place++
		}
	}
	return place
}
