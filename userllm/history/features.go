package history

import (
	"math"
	"math/bits"
	"slices"
)

// Features turns events into indices for embedding layers: the tokens x_i^j of
// User-LLM's encoder (arXiv 2402.13598, section 3.1), one vocabulary for each
// feature j. In all of them 0 is padding or absence. The vocabularies do not
// depend on how often anything occurs, so nothing of a held event is in them.
// Make one with NewFeatures; several goroutines may use it.
type Features struct {
	NumItems   int // the items and padding
	NumRatings int // half stars from 0.5 to 5, and none
	NumGaps    int // the powers of two of seconds, and none
	NumGenres  int // the genres and padding
	MaxGenres  int // the most genres an item has; at least 1

	genres [][]int32 // of each item, counted from 1
}

const (
	numRatings = 11
	numGaps    = 32
)

// NewFeatures returns the vocabularies of a data set.
func NewFeatures(d *Dataset) *Features {
	f := &Features{
		NumItems:   len(d.Items) + 1,
		NumRatings: numRatings,
		NumGaps:    numGaps,
		NumGenres:  len(d.Genres) + 1,
		MaxGenres:  1,
		genres:     make([][]int32, len(d.Items)),
	}
	for i, item := range d.Items {
		genres := slices.Clone(item.Genres)
		for k := range genres {
			genres[k]++
		}
		f.genres[i] = genres
		f.MaxGenres = max(f.MaxGenres, len(genres))
	}
	return f
}

// Item returns the index of the event's item: the item's ID plus 1.
func (f *Features) Item(e Event) int32 { return e.Item + 1 }

// Rating returns the index of the event's rating: 1 for half a star to 10 for
// five, 0 for none. What lies between goes to the nearest, what lies beyond (NaN
// too) to none or to the last.
func (f *Features) Rating(e Event) int32 {
	if !(e.Rating > 0) {
		return 0
	}
	half := math.Round(2 * float64(e.Rating))
	return int32(max(1, min(half, numRatings-1)))
}

// Gap returns the index of the time from the event prev to e, on a log scale: 1
// for less than a second (and for times that run backwards), then 2 for one
// second, 3 for two or three seconds, one more for each doubling, up to 31 for
// 2^29 seconds (17 years) and more. It is 0 if one of the times is unknown; for
// the first event pass Event{}.
func (f *Features) Gap(prev, e Event) int32 {
	if prev.Time == 0 || e.Time == 0 {
		return 0
	}
	if e.Time <= prev.Time {
		return 1
	}
	return int32(min(1+bits.Len64(uint64(e.Time)-uint64(prev.Time)), numGaps-1))
}

// Genres returns the indices of the genres of the event's item, ascending: each
// one's place in Dataset.Genres plus 1. The result must not be changed. It
// panics if the item is not in the catalogue.
func (f *Features) Genres(e Event) []int32 { return f.genres[e.Item] }

// Encoded is a sequence of events as indices, padded with 0 on the right.
type Encoded struct {
	Len     int     // number of events
	Items   []int32 // [length]
	Ratings []int32 // [length]
	Gaps    []int32 // [length]; the first is 0
	Genres  []int32 // [length, MaxGenres]; each event's genres, then 0
}

// Encode returns the features of the last length of the events, in their order,
// padded to length. The gap of the first one is 0 even if events were left out
// before it: what a window shows does not depend on what is outside.
//
// It panics if length is negative or an item is not in the catalogue.
func (f *Features) Encode(events []Event, length int) Encoded {
	events = events[max(0, len(events)-length):]
	e := Encoded{
		Len:     len(events),
		Items:   make([]int32, length),
		Ratings: make([]int32, length),
		Gaps:    make([]int32, length),
		Genres:  make([]int32, length*f.MaxGenres),
	}
	var prev Event
	for i, event := range events {
		e.Items[i] = f.Item(event)
		e.Ratings[i] = f.Rating(event)
		e.Gaps[i] = f.Gap(prev, event)
		copy(e.Genres[i*f.MaxGenres:], f.Genres(event))
		prev = event
	}
	return e
}
