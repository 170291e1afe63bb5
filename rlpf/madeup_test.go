package rlpf

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

func syntheticAsker(t *testing.T, quick bool) *Asker {
	d, _ := SyntheticData(1, quick)
	u, err := DivideUsers(d, AskConfig{}, 8, 1)
	require.NoError(t, err)
	a, err := NewAsker(d, u, AskConfig{}, nil)
	require.NoError(t, err)
	return a
}

// The timelines of made-up users meet no title twice, leave half of the items for
// options, and are as different as users: some like nearly one genre, some all.
func TestInvent(t *testing.T) {
	a := syntheticAsker(t, true)
	d := a.Data
	for i := range d.Items { // two of each title
		d.Items[i].Title = fmt.Sprintf("Title %d", i/2)
		a.same[i] = int32(i / 2 * 2)
	}
	least, most := 1.0, 0.0
	for i := range 50 {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		events := a.invent(r).act(r, 1000)
		require.LessOrEqual(t, len(events), len(d.Items)/2)
		require.Greater(t, len(events), gap)
		r = rand.New(rand.NewPCG(1, uint64(i)))
		require.Equal(t, events, a.invent(r).act(r, 1000))
		met := map[string]bool{}
		genres := make([]float64, len(d.Genres))
		for k, e := range events {
			title := d.Items[e.Item].Title
			require.False(t, met[title])
			met[title] = true
			if k < 40 {
				for _, g := range d.Items[e.Item].Genres {
					genres[g] += 1.0 / 40
				}
			}
		}
		least, most = min(least, slices.Max(genres)), max(most, slices.Max(genres))
	}
	require.Less(t, least, .4)
	require.Greater(t, most, .75)
}

// The chances that made-up questions teach are those with which the options are
// right: of options that are said to have a chance of a half, half are.
func TestMadeUpChances(t *testing.T) {
	a := syntheticAsker(t, true)
	for _, task := range []Task{FutureActivity, FutureActivityGap50} {
		for _, pos := range []int{5, 50} {
			var said, came, n [4]float64
			for i := range 3000 {
				r := rand.New(rand.NewPCG(2, uint64(i)))
				who := a.invent(r)
				q, ok := a.ask(r, task, nobody, who.act(r, pos+gap), pos)
				if !ok {
					continue
				}
				who.answer(&q)
				for k, p := range q.chances {
					bin := min(int(4*p), 3)
					said[bin] += p
					n[bin]++
					if q.Right(k) {
						came[bin]++
					}
				}
			}
			for bin := range n {
				t.Logf("%s at %d: %.0f options: said %.3f, came %.3f", task, pos, n[bin], said[bin]/n[bin], came[bin]/n[bin])
				require.InDelta(t, said[bin]/n[bin], came[bin]/n[bin], .04)
			}
		}
	}
}

// How popular the options are says no more of which is right in made-up questions
// than in those about users.
func TestMadeUpPopularity(t *testing.T) {
	a := syntheticAsker(t, false)
	for _, task := range []Task{FutureActivity, FutureActivityGap50} {
		var more, n float64
		for i := range 8000 {
			r := rand.New(rand.NewPCG(3, uint64(i)))
			_, events, pos := a.inventLife(r)
			q, ok := a.ask(r, task, nobody, events, pos)
			if !ok {
				continue
			}
			n++
			for k, item := range q.Items {
				by := -1 / float64(len(q.Items)-1)
				if q.Right(k) {
					by = 1
				}
				more += by * math.Log(a.popular[task].weight[item])
			}
		}
		t.Logf("%s: of %.0f questions, the right option is exp(%.3f) times as popular as the others", task, n, more/n)
		require.InDelta(t, 0, more/n, .06)
	}
}

// Whatever the catalogue, what is made up can be learned from or is left out, and
// its chances are finite and sum to 1: also where a genre has one item, which
// someone then chooses again and again.
func TestMadeUpFromAnything(t *testing.T) {
	for _, c := range []struct{ items, genres int }{{0, 0}, {1, 1}, {2, 0}, {8, 2}, {60, 0}, {150, 150}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			full := &history.Dataset{Name: "odd", Items: make([]history.Item, 150)}
			for g := range 150 {
				full.Genres = append(full.Genres, fmt.Sprintf("Genre %d", g))
			}
			for i := range full.Items {
				full.Items[i] = history.Item{ID: int32(i), Title: fmt.Sprintf("Title %d", i)}
				if c.genres > 0 {
					full.Items[i].Genres = []int32{int32(i % c.genres)}
				}
			}
			p := tinyPredictor(t, full, PredictorConfig{})
			r := rand.New(rand.NewPCG(1, 1))
			var users Users
			for u := range 40 {
				var events []history.Event
				for _, i := range r.Perm(c.items)[:min(c.items, 70)] {
					events = append(events, history.Event{Item: int32(i)})
				}
				full.Users = append(full.Users, history.User{Key: fmt.Sprint(u), Events: events})
				users.Train = append(users.Train, u)
			}
			full.Items, full.Genres = full.Items[:c.items], full.Genres[:c.genres]
			a, err := NewAsker(full, users, AskConfig{History: 6, Least: 2, Ahead: 1, Buckets: 1}, nil)
			require.NoError(t, err)
			data := PredictorData{Asker: a, Users: users.Train, Tasks: Tasks, Length: 6, Seed: 1}
			asked := 0
			for i := range 100 {
				for _, q := range p.madeUp(data, i).questions {
					asked++
					if q.chances == nil {
						continue
					}
					sum := 0.0
					for _, x := range q.chances {
						require.GreaterOrEqual(t, x, 0.0)
						sum += x
					}
					require.InDelta(t, 1, sum, 1e-9)
				}
			}
			t.Log(asked, "questions")
		})
	}
}
