package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
)

// SyntheticConfig says what Synthetic makes. Fields that are 0 have the default
// in brackets; other values below the least one are raised to it.
type SyntheticConfig struct {
	Seed   uint64
	Users  int     // (400)
	Items  int     // (300); at least 10
	Events int     // mean events a user (70); at least 5, and at most half the items
	Genres int     // (8); at most a fifth of the items
	Drift  float64 // how fast tastes move, per event, 0 to 1 (0.02); negative: not at all
	Follow float64 // chance that an event follows from one of the two before, 0 to 1 (0.6); negative: never
}

// The shape of the synthetic world.
const (
	tasteSpread = 1.6 // standard deviation of a taste's logits
	popularity  = 0.7 // Zipf exponent
	followLast  = 0.4 // chance that an event follows from the one before, if Follow is 0
	followPrior = 0.2 // and from the one before that
	successors  = 4   // items that may follow from an item
)

// followWeights are the odds among an item's successors.
var followWeights = [successors]float64{0.5, 0.25, 0.15, 0.1}

// Truth is what a synthetic data set was drawn from. Its methods may be called
// from several goroutines.
type Truth struct {
	data   *Dataset
	tastes [][][]float64       // [users][events][genres]
	mix    [][]genreWeight     // of each item, sums to 1
	pop    []float64           // of each item
	follow [][successors]int32 // items that tend to come next
	mass   []float64           // of each genre: the sum of pop·weight
	shares [2]float64          // chances that an event follows from the last one and the one before
}

type genreWeight struct {
	genre  int32
	weight float64
}

// Synthetic returns made-up timelines from which much can be learnt and whose
// ceiling is known (see SyntheticTruth). Equal configs give equal data.
//
// Each user has a taste: a distribution over genres that drifts from event to
// event. The next item is one the user has not seen yet. With chance 0.4 it is
// one of the few that tend to follow the last item, with 0.2 one that tends to
// follow the item before that (sequels first), else a draw by taste and
// popularity; Follow changes these chances. Popularity is skewed (Zipf).
// Ratings grow with the taste for the item's genres. Times come in sittings,
// strictly ascending. In titles such as "The Amber Harbor (1987)" most words
// tell of the genre, and sequels share their name.
func Synthetic(c SyntheticConfig) *Dataset {
	d, _ := SyntheticTruth(c)
	return d
}

// SyntheticTruth returns what Synthetic does, and the truth behind it.
func SyntheticTruth(c SyntheticConfig) (*Dataset, *Truth) {
	c = c.withDefaults()
	w := &world{
		config: c,
		rand:   rand.New(rand.NewPCG(c.Seed, 0x686973746f7279)),
		data:   &Dataset{Name: "synthetic", HasRatings: true, HasTimes: true},
	}
	w.truth = &Truth{data: w.data, shares: [2]float64{followLast, followPrior}}
	if c.Follow != 0 {
		f := max(0, min(c.Follow, 1))
		w.truth.shares = [2]float64{f * 2 / 3, f / 3}
	}
	w.makeCatalogue()
	w.makeSuccessors()
	for u := range c.Users {
		w.makeUser(u)
	}
	return w.data, w.truth
}

func (c SyntheticConfig) withDefaults() SyntheticConfig {
	pick := func(v, def, least, most int) int {
		if v == 0 {
			v = def
		}
		return max(least, min(v, most))
	}
	c.Users = pick(c.Users, 400, 1, math.MaxInt32)
	c.Items = pick(c.Items, 300, 10, math.MaxInt32)
	c.Events = pick(c.Events, 70, 5, c.Items/2)
	c.Genres = pick(c.Genres, 8, 1, c.Items/5)
	if c.Drift == 0 {
		c.Drift = 0.02
	}
	c.Drift = max(0, min(c.Drift, 1))
	return c
}

// Taste returns user u's distribution over genres at the event at position pos,
// [genres]; it must not be changed. It panics outside the timeline.
func (t *Truth) Taste(u, pos int) []float64 { return t.tastes[u][pos] }

// Next returns the distribution over items, [items], that the event of user u at
// position pos was drawn from, given the events before it and the taste at the
// time, which no observer has: whoever ranks items by it reaches the best
// expected recall there is. It panics if pos is outside the timeline.
func (t *Truth) Next(u, pos int) []float64 {
	events := t.data.Users[u].Events[:pos]
	seen := make([]bool, len(t.pop))
	for _, e := range events {
		seen[e.Item] = true
	}
	p := make([]float64, len(t.pop))
	t.next(p, t.tastes[u][pos], events, seen)
	return p
}

// next writes the distribution of the item after events.
func (t *Truth) next(p, taste []float64, events []Event, seen []bool) {
	var total float64
	for i := range p {
		p[i] = 0
		if seen[i] {
			continue
		}
		for _, g := range t.mix[i] {
			p[i] += taste[g.genre] * g.weight / t.mass[g.genre]
		}
		p[i] *= t.pop[i]
		total += p[i]
	}
	// What cannot follow, since all successors are seen, falls to taste.
	rest := 1.0
	var sums [2]float64
	for k := range t.shares {
		if k >= len(events) {
			break
		}
		for j, next := range t.follow[events[len(events)-1-k].Item] {
			if !seen[next] {
				sums[k] += followWeights[j]
			}
		}
		if sums[k] > 0 {
			rest -= t.shares[k]
		}
	}
	for i := range p {
		p[i] *= rest / total
	}
	for k, sum := range sums {
		if sum == 0 {
			continue
		}
		for j, next := range t.follow[events[len(events)-1-k].Item] {
			if !seen[next] {
				p[next] += t.shares[k] * followWeights[j] / sum
			}
		}
	}
}

// world is a synthetic data set in the making.
type world struct {
	config SyntheticConfig
	rand   *rand.Rand
	data   *Dataset
	truth  *Truth
	sequel []int32 // the item that continues a series, -1 if none
}

// makeCatalogue draws series of one to four items, each with a title.
func (w *world) makeCatalogue() {
	n, t := w.config.Items, w.truth
	titles := newTitles(w.rand, w.config.Genres)
	w.data.Genres = titles.genres

	t.mass = make([]float64, w.config.Genres)
	ranks := w.rand.Perm(n)
	for len(w.data.Items) < n {
		first := len(w.data.Items)
		length := 1
		if w.rand.Float64() < 0.2 {
			length = min(2+w.rand.IntN(3), n-first)
		}
		genre := int32(first % w.config.Genres) // each genre has items
		mix := []genreWeight{{genre, 1}}
		if second := int32(w.rand.IntN(w.config.Genres)); second != genre && w.rand.Float64() < 0.6 {
			mix = []genreWeight{{genre, 0.7}, {second, 0.3}}
		}
		name, year := titles.name(int(genre)), 1950+w.rand.IntN(66)
		for part := range length {
			i := len(w.data.Items)
			title := name
			if part > 0 {
				title += " " + []string{"II", "III", "IV"}[part-1]
			}
			genres := make([]int32, len(mix))
			for k, g := range mix {
				genres[k] = g.genre
			}
			slices.Sort(genres)
			w.data.Items = append(w.data.Items, Item{
				ID: int32(i), Key: strconv.Itoa(i + 1), Title: fmt.Sprintf("%s (%d)", title, year),
				Year: year, Genres: genres,
			})
			pop := math.Pow(float64(ranks[i]+1), -popularity)
			t.pop = append(t.pop, pop)
			t.mix = append(t.mix, mix)
			for _, g := range mix {
				t.mass[g.genre] += pop * g.weight
			}
			next := int32(-1)
			if part+1 < length {
				next = int32(i + 1)
			}
			w.sequel = append(w.sequel, next)
			year += 1 + w.rand.IntN(4)
		}
	}
}

// makeSuccessors draws what follows each item: its sequel first, then mostly
// items of its genre, the popular ones more often.
func (w *world) makeSuccessors() {
	t := w.truth
	byGenre := make([][]float64, w.config.Genres) // popularity within a genre
	for g := range byGenre {
		byGenre[g] = make([]float64, w.config.Items)
		for i, mix := range t.mix {
			if int(mix[0].genre) == g {
				byGenre[g][i] = t.pop[i]
			}
		}
	}
	for i := range w.config.Items {
		next := make([]int32, 0, successors)
		if w.sequel[i] >= 0 {
			next = append(next, w.sequel[i])
		}
		for len(next) < successors {
			weights := t.pop
			if w.rand.Float64() < 0.8 {
				weights = byGenre[t.mix[i][0].genre]
			}
			j := int32(w.draw(weights))
			if int(j) != i && !slices.Contains(next, j) {
				next = append(next, j)
			}
		}
		t.follow = append(t.follow, [successors]int32(next))
	}
}

// makeUser draws a user's timeline.
func (w *world) makeUser(u int) {
	c, t := w.config, w.truth
	// An autoregressive walk whose spread stays the same as the taste moves.
	keep := 1 - c.Drift
	step := math.Sqrt(1 - keep*keep)
	logits := make([]float64, c.Genres)
	for g := range logits {
		logits[g] = tasteSpread * w.rand.NormFloat64()
	}
	// 0.6 to 1.4 times the mean, which is at most half the items.
	n := c.Events + int(math.Round((w.rand.Float64()*0.8-0.4)*float64(c.Events)))
	user := User{Key: strconv.Itoa(u + 1)}
	seen := make([]bool, c.Items)
	p := make([]float64, c.Items)
	tastes := make([][]float64, 0, n)
	bias := 0.3 * w.rand.NormFloat64()
	time := int64(1_000_000_000 + w.rand.IntN(300_000_000))
	for len(user.Events) < n {
		for g := range logits {
			logits[g] = keep*logits[g] + step*tasteSpread*w.rand.NormFloat64()
		}
		taste := softmax(logits)
		t.next(p, taste, user.Events, seen)
		item := w.draw(p)
		seen[item] = true
		var liking float64
		for _, g := range t.mix[item] {
			liking += g.weight * logits[g.genre] / tasteSpread
		}
		rating := 3.2 + bias + 0.8*liking + 0.4*w.rand.NormFloat64()
		rating = max(0.5, min(math.Round(2*rating)/2, 5))
		// Sittings of about five events, days apart.
		if w.rand.Float64() < 0.2 {
			time += int64(3600 + w.rand.IntN(20*86400))
		} else {
			time += int64(5 + w.rand.IntN(300))
		}
		user.Events = append(user.Events, Event{int32(item), float32(rating), time})
		tastes = append(tastes, taste)
	}
	w.data.Users = append(w.data.Users, user)
	t.tastes = append(t.tastes, tastes)
}

// draw returns an index with a chance in proportion to its weight; an index of
// weight 0 is never drawn.
func (w *world) draw(weights []float64) int {
	var total float64
	for _, x := range weights {
		total += x
	}
	left, last := w.rand.Float64()*total, 0
	for i, x := range weights {
		if x == 0 {
			continue
		}
		if last = i; left < x {
			break
		}
		left -= x
	}
	return last
}

func softmax(logits []float64) []float64 {
	most := slices.Max(logits)
	p := make([]float64, len(logits))
	var sum float64
	for i, x := range logits {
		p[i] = math.Exp(x - most)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}
