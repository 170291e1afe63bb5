package userllm

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/noema-ml/noema/userllm/history"
)

// Probe is one test question about a user.
type Probe struct {
	Task   Task
	User   int
	Cold   bool    // the user trained nothing
	Pos    int     // the history is the user's events before this place
	Item   int32   // NextItem: the item that came next
	Genres []int32 // the genre tasks: the right answers
}

// Experiment divides a data set for training and testing: the last events of
// every user are withheld, and Cold users train nothing, so that what comes
// next can be asked of them.
type Experiment struct {
	Split *history.Split
	Warm  []int // users whose training events train
	Cold  []int // the others, ascending
}

// coldEvery is the share of users that are cold: one in so many.
const coldEvery = 10

// NewExperiment withholds each user's last held events for tests and the one
// before for validation, and draws a tenth of the users as cold by the seed.
func NewExperiment(d *history.Dataset, held int, seed uint64) *Experiment {
	e := &Experiment{Split: &history.Split{Dataset: d, Held: held, Valid: 1, MinHistory: 5}}
	order := stream(seed, "cold users")
	for u := range d.Users {
		if order.Uint64()%coldEvery == 0 {
			e.Cold = append(e.Cold, u)
		} else {
			e.Warm = append(e.Warm, u)
		}
	}
	return e
}

// Popularity returns the number of training events of each item, of the users
// that train.
func (e *Experiment) Popularity() Popularity {
	counts := make(Popularity, len(e.Split.Dataset.Items))
	for _, u := range e.Warm {
		for _, ev := range e.Split.Train(u) {
			counts[ev.Item]++
		}
	}
	return counts
}

// coldStep is the distance between the questions about a cold user's timeline.
const coldStep = 25

// Probes returns the test questions: NextItem for every withheld event, FavGenre
// of every user's last length events, and FavGenreNext along the timelines of
// the cold users. A withheld item that the user has seen before is no
// candidate and asks nothing.
func (e *Experiment) Probes(length int) []Probe {
	s := e.Split
	var ps []Probe
	for u := range s.Dataset.Users {
		for _, pos := range s.TestTargets(u) {
			ps = e.nextItem(ps, u, pos)
		}
	}
	for u := range s.Dataset.Users {
		if len(s.TestTargets(u)) > 0 {
			events := s.Dataset.Users[u].Events
			if favs := s.Dataset.FavGenres(events[max(0, len(events)-length):]); len(favs) > 0 {
				ps = append(ps, Probe{Task: FavGenre, User: u, Pos: len(events), Genres: favs})
			}
		}
	}
	for _, u := range e.Cold {
		events := s.Dataset.Users[u].Events
		for pos := len(events) - Horizon; pos >= 10; pos -= coldStep {
			if favs := s.Dataset.FavGenres(events[pos : pos+Horizon]); len(favs) > 0 {
				ps = append(ps, Probe{Task: FavGenreNext, User: u, Pos: pos, Genres: favs})
			}
		}
	}
	for i := range ps {
		_, ps[i].Cold = slices.BinarySearch(e.Cold, ps[i].User)
	}
	return ps
}

func (e *Experiment) nextItem(ps []Probe, u, pos int) []Probe {
	item := e.Split.Target(u, pos).Item
	for _, ev := range e.Split.History(u, pos) {
		if ev.Item == item {
			return ps
		}
	}
	return append(ps, Probe{Task: NextItem, User: u, Pos: pos, Item: item})
}

// answerer is a method under test. It serves one goroutine.
type answerer interface {
	// place returns the rank, from 1, of target among the unseen items, or 0
	// if the method does not offer it.
	place(ctx context.Context, events []history.Event, seen map[int32]bool, target int32) (int, error)
	// genre returns the answer to a genre task, or -1 if it has none.
	genre(ctx context.Context, t Task, events []history.Event) (int32, error)
	// cost returns and clears the tokens read and the FLOPs spent since the
	// last call.
	cost() (tokens int, flops int64)
	// close gives its memory back; it answers nothing more.
	close()
}

// Outcome is what a method answered to a probe.
type Outcome struct {
	Place  int // NextItem: rank of the right item, 0 if it was not offered
	Right  bool
	Tokens int // that the method read
	FLOPs  int64
	Millis float64 // alone on the machine; 0 if it was not timed
}

// timed is how many probes of a task are answered again, one at a time, to
// measure the time a query takes.
const timed = 20

// ask puts the probes to a method on all cores and then times a few alone.
// The outcomes do not depend on the number of cores.
func (e *Experiment) ask(ctx context.Context, probes []Probe, method func() answerer, progress func(done, all int)) ([]Outcome, error) {
	outcomes := make([]Outcome, len(probes))
	var next, done atomic.Int64
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			a := method()
			defer a.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(probes) {
					return nil
				}
				var err error
				if outcomes[i], err = e.put(gctx, a, &probes[i]); err != nil {
					return err
				}
				mu.Lock()
				progress(int(done.Add(1)), len(probes))
				mu.Unlock()
			}
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	a := method()
	defer a.close()
	for task := range numTasks {
		var of []int
		for i := range probes {
			if probes[i].Task == task {
				of = append(of, i)
			}
		}
		if len(of) > 0 { // its memory is warm then
			if _, err := e.put(ctx, a, &probes[of[0]]); err != nil {
				return nil, err
			}
		}
		for k := range min(timed, len(of)) {
			i := of[k*len(of)/min(timed, len(of))]
			start := time.Now()
			if _, err := e.put(ctx, a, &probes[i]); err != nil {
				return nil, err
			}
			outcomes[i].Millis = float64(time.Since(start)) / 1e6
		}
	}
	return outcomes, nil
}

func (e *Experiment) put(ctx context.Context, a answerer, p *Probe) (o Outcome, err error) {
	events := e.Split.History(p.User, p.Pos)
	if p.Task == NextItem {
		o.Place, err = a.place(ctx, events, seenIn(events), p.Item)
	} else {
		var g int32
		g, err = a.genre(ctx, p.Task, events)
		o.Right = slices.Contains(p.Genres, g)
	}
	o.Tokens, o.FLOPs = a.cost()
	return o, err
}

func seenIn(events []history.Event) map[int32]bool {
	seen := make(map[int32]bool, len(events))
	for _, ev := range events {
		seen[ev.Item] = true
	}
	return seen
}
