package rlpf

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/noema-ml/noema/userllm/history"
)

func askerOf(t *testing.T, d *history.Dataset) *Asker {
	u, err := DivideUsers(d, AskConfig{}, 8, 1)
	require.NoError(t, err)
	a, err := NewAsker(d, u, AskConfig{}, nil)
	require.NoError(t, err)
	return a
}

// quickAsker asks about the small world.
func quickAsker(t *testing.T) *Asker {
	d, _ := SyntheticData(1, true)
	return askerOf(t, d)
}

// largerAsker asks about a quarter of the whole one.
func largerAsker(t *testing.T) *Asker {
	return askerOf(t, history.Synthetic(syntheticWorld(1, 1000)))
}

// The timelines of made-up users meet no title twice and leave half of the items for
// options.
func TestInvent(t *testing.T) {
	a := quickAsker(t)
	d := a.Data
	for i := range d.Items { // two of each title
		d.Items[i].Title = fmt.Sprintf("Title %d", i/2)
		a.same[i] = int32(i / 2 * 2)
	}
	for i := range 50 {
		act := func() []history.Event {
			return a.invent(a.models[i%len(a.models)]).act(rand.New(rand.NewPCG(1, uint64(i))), 1000)
		}
		events := act()
		require.LessOrEqual(t, len(events), len(d.Items)/2)
		require.Greater(t, len(events), gap)
		require.Equal(t, events, act())
		met := map[string]bool{}
		for _, e := range events {
			title := d.Items[e.Item].Title
			require.False(t, met[title])
			met[title] = true
		}
	}
}

// Made-up users are as decided as users: what they meet of their favourite genre, and
// how much their likings differ, is as different among them.
func TestInventedTastes(t *testing.T) { testTastes(t, largerAsker(t), .1) }

// Those of films are somewhat less decided.
func TestRealInventedTastes(t *testing.T) {
	testTastes(t, realAsker(t, "movielens-1m", AskConfig{}), .2)
}

func testTastes(t *testing.T, a *Asker, within float64) {
	measure := func(fits []*fit) (favourite, spread []float64) {
		for _, f := range fits {
			favourite = append(favourite, slices.Max(f.counts)/float64(f.items))
			logs := make([]float64, len(f.liking))
			for g, l := range f.liking {
				logs[g] = math.Log(l)
			}
			spread = append(spread, stat.StdDev(logs, nil))
		}
		slices.Sort(favourite)
		slices.Sort(spread)
		return favourite, spread
	}
	var users, made []*fit
	for i := range min(800, len(a.models)) {
		u := a.models[i*len(a.models)/min(800, len(a.models))]
		users = append(users, a.timeline(u).fit)
		who, _ := a.inventLife(rand.New(rand.NewPCG(5, uint64(i))))
		require.NotNil(t, who)
		made = append(made, who.life.fit)
	}
	favourite, spread := measure(users)
	madeFavourite, madeSpread := measure(made)
	for _, part := range []float64{.1, .25, .5, .75, .9} {
		k := int(part * float64(len(users)))
		t.Logf("%.2f: favourite %.3f, made up %.3f; spread %.3f, made up %.3f", part, favourite[k], madeFavourite[k], spread[k], madeSpread[k])
		assert.InEpsilon(t, favourite[k], madeFavourite[k], within)
		assert.InEpsilon(t, spread[k], madeSpread[k], within)
	}
}

// The chances that made-up questions teach are those with which the options are
// right: of options that are said to have a chance of a half, half are.
func TestMadeUpChances(t *testing.T) {
	a := quickAsker(t)
	tasks := []Task{FutureActivity, FutureActivityGap50}
	var said, came, n [2][4]float64
	for i := range 36000 { // leaves some hundreds or more in each quarter, with an error of .02 or less
		r := rand.New(rand.NewPCG(2, uint64(i)))
		who, pos := a.inventLife(r)
		for j, task := range tasks {
			q, ok := a.ask(r, task, who.life, pos)
			if !ok {
				continue
			}
			who.answer(&q)
			for k, p := range q.chances {
				bin := min(int(4*p), 3)
				said[j][bin] += p
				n[j][bin]++
				if q.Right(k) {
					came[j][bin]++
				}
			}
		}
	}
	for j, task := range tasks {
		for bin, n := range n[j] {
			said, came := said[j][bin]/n, came[j][bin]/n
			t.Logf("%s: %.0f options: said %.3f, came %.3f", task, n, said, came)
			require.Greater(t, n, 500.0)
			require.InDelta(t, said, came, .04)
		}
	}
}

// A persona does as much as a user who can be asked does, and is asked where that
// one would be; but for the few who like so little that they find no more of it.
func TestInventLife(t *testing.T) {
	a := largerAsker(t)
	lengths := map[int]bool{}
	for _, u := range a.models {
		lengths[len(a.Data.Users[u].Events)] = true
	}
	require.Less(t, len(a.models), len(a.Users.Train), "some timelines are too short")
	short := 0
	for i := range 200 {
		who, pos := a.inventLife(rand.New(rand.NewPCG(4, uint64(i))))
		events := who.life.events
		require.GreaterOrEqual(t, pos, a.Config.Least)
		require.Less(t, pos, len(events))
		if !lengths[len(events)] || pos > len(events)-a.Config.Ahead {
			short++
		}
	}
	require.LessOrEqual(t, short, 4)
}

func TestRateOf(t *testing.T) {
	for _, x := range []float64{1e-6, 1e-3, .02, .5} {
		lengths := []float64{20, 100, 100, 2000}
		share := 0.0
		for _, n := range lengths {
			share += (1 - math.Exp(-n*x)) / 4
		}
		require.InEpsilon(t, x, rateOf(share, lengths), 1e-3)
	}
	require.InEpsilon(t, math.Ln2/50, rateOf(.5, []float64{50}), 1e-6)
	require.False(t, math.IsInf(rateOf(.9999, []float64{0, 1, 1e4}), 0))
}

// Made-up users, all together, meet items about as often as users do.
func TestMadeUpPopularity(t *testing.T) {
	a := largerAsker(t)
	share := make([]float64, len(a.Data.Items)) // of the users after whom they are made
	for _, u := range a.models {
		for _, e := range a.Data.Users[u].Events {
			share[e.Item] += 1 / float64(len(a.models))
		}
	}
	const people = 4000
	met := make([]float64, len(share))
	for i := range people {
		who, _ := a.inventLife(rand.New(rand.NewPCG(3, uint64(i))))
		for _, e := range who.life.events {
			met[e.Item] += 1.0 / people
		}
	}
	order := make([]int, len(share))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(share[j], share[i]) })
	for k := 0; k < len(order); k += 100 {
		var users, madeUp float64
		for _, i := range order[k : k+100] {
			users, madeUp = users+share[i]/100, madeUp+met[i]/100
		}
		t.Logf("items %d to %d: met by %.3f of users, %.3f of those made up", k, k+99, users, madeUp)
		require.InEpsilon(t, users, madeUp, .15)
	}
}

// Whatever the catalogue, what is made up can be learned from or is left out, and
// its chances are finite and sum to 1: also where a genre has one item, which
// someone then chooses again and again, and where all do the same, so that everything
// follows.
func TestMadeUpFromAnything(t *testing.T) {
	for _, c := range []struct {
		items, genres int
		alike         bool
	}{{0, 0, false}, {1, 1, false}, {2, 0, false}, {8, 2, false}, {60, 0, false}, {150, 150, false}, {150, 3, true}, {8, 1, true}} {
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
				for k, i := range r.Perm(c.items)[:min(c.items, 70)] {
					if c.alike {
						i = k
					}
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
			if c.items >= 60 {
				require.Positive(t, asked)
			}
		})
	}
}

// Of what somebody does who was made up, as much follows from what was last as with
// users, and as the chances say. The worlds are the method's, and one where most
// events follow.
func TestMadeUpFollows(t *testing.T) {
	for _, c := range []struct{ follow, most, error float64 }{{.15, .14, .15}, {.6, .6, .05}} {
		config := syntheticWorld(1, 1000)
		config.Follow = c.follow
		a := askerOf(t, history.Synthetic(config))
		var follows, mass, events float64
		var said, came [2]float64 // of options that may follow, and of the others
		for i := range 600 {
			r := rand.New(rand.NewPCG(5, uint64(i)))
			who, pos := a.inventLife(r)
			require.Len(t, who.follows, len(who.life.events))
			for at := a.Config.Least; at < len(who.life.events); at++ {
				left := 1.0
				met := map[int32]bool{}
				for _, e := range who.life.events[:at] {
					met[e.Item] = true
				}
				for item, share := range a.successors.after(who.life.events[:at]) {
					if !met[item] {
						left = max(0, left-share)
					}
				}
				events, mass = events+1, mass+1-left
				if who.follows[at] {
					follows++
				}
			}
			for range 4 {
				q, ok := a.ask(r, FutureActivity, who.life, pos)
				if !ok {
					break
				}
				who.answer(&q)
				for k, item := range q.Items {
					kind := 1
					for next := range a.successors.after(who.life.events[:pos]) {
						if next == item {
							kind = 0
						}
					}
					said[kind] += q.chances[k]
					if q.Right(k) {
						came[kind]++
					}
				}
			}
		}
		t.Logf("%.3f of events follow; %.3f as the chances say; options that may: said %.0f, came %.0f; others: %.0f, %.0f",
			follows/events, mass/events, said[0], came[0], said[1], came[1])
		require.InDelta(t, mass/events, follows/events, .01)
		require.Less(t, follows/events, c.most)
		require.Greater(t, came[0], 50.0)
		require.InEpsilon(t, said[0], came[0], c.error)
	}
}

// Where it is asked what follows, something does.
func TestFollowingPlace(t *testing.T) {
	a := largerAsker(t)
	found := 0
	for i := range 100 {
		r := rand.New(rand.NewPCG(5, uint64(i)))
		who, pos := a.inventLife(r)
		at := who.followingPlace(r, pos)
		from, to := a.Config.span(len(who.life.events))
		if !who.follows[at] || at > to {
			require.Equal(t, pos, at)
			continue // none does
		}
		found++
		require.GreaterOrEqual(t, at, from)
		may := false
		for item := range a.successors.after(who.life.events[:at]) {
			may = may || item == who.life.events[at].Item
		}
		require.True(t, may)
	}
	require.Greater(t, found, 60)

	// Nothing follows in a world of which nobody is known to do so.
	a.successors = countSuccessors(a.Data, nil)
	r := rand.New(rand.NewPCG(6, 1))
	who, pos := a.inventLife(r)
	require.NotContains(t, who.follows, true)
	require.Equal(t, pos, who.followingPlace(r, pos))
}

// The chance of an option is what may follow, of what is not met, and else taste's,
// among what is not met.
func TestPersonaNext(t *testing.T) {
	a := &Asker{same: []int32{0, 1, 2, 3, 4}}
	for lag := range a.successors {
		a.successors[lag] = make([][]successor, 5)
	}
	a.successors[0][1] = []successor{{2, .3}, {0, .2}} // 0 is met
	a.successors[1][0] = []successor{{2, .1}, {3, .2}}
	who := &persona{asker: a, below: []float64{1, 3, 6, 10, 15}}
	who.life.events = []history.Event{{Item: 0}, {Item: 1}, {Item: 2}}
	q := &Question{Pos: 2, Items: []int32{2, 3, 4}}
	rates := []float64{3. / 15, 4. / 15, 5. / 15}
	chances := who.next(q, rates)
	require.InDeltaSlice(t, []float64{.4 + .4*3/12, .2 + .4*4/12, .4 * 5 / 12}, chances, 1e-12)
	require.InDelta(t, 1, chances[0]+chances[1]+chances[2], 1e-12)

	a.successors[1][0] = []successor{{2, .6}, {3, .9}} // of what is left, all follows
	require.InDeltaSlice(t, []float64{.9, .1, 0}, who.next(q, rates), 1e-12)
	q.Pos = 1 // nothing is known to follow from the first
	require.InDeltaSlice(t, []float64{.2 * 15 / 14, 4. / 14, 5. / 14}, who.next(q, rates), 1e-12)
}

// What follows is asked with four options, of which one follows and is new, and the
// others do not, though they follow from others of its genre.
func TestSuccessive(t *testing.T) {
	a := largerAsker(t)
	for i := range a.same { // two of each title
		a.Data.Items[i].Title = fmt.Sprintf("Title %d", i/2)
		a.same[i] = int32(i / 2 * 2)
	}
	p := tinyPredictor(t, a.Data, PredictorConfig{})
	d := PredictorData{Asker: a, Users: a.Users.Train, Tasks: Tasks, Length: 50, Seed: 1}
	asked := 0
	for i := range 200 {
		e := p.successive(d, rand.NewPCG(7, uint64(i)))
		for _, q := range e.questions {
			asked++
			require.Len(t, q.Options, options)
			require.Len(t, q.Answer, 1)
			require.Nil(t, q.chances)
			for k, item := range q.Items {
				require.Equal(t, a.Data.Items[item].Title, q.Options[k])
				require.NotContains(t, q.Options[k+1:], q.Options[k])
				require.NotContains(t, e.context, q.Options[k]+";")
			}
		}
	}
	require.Greater(t, asked, 600)

	a.Users.Train = nil
	a.setSuccessors()
	require.Empty(t, p.successive(d, rand.NewPCG(7, 1)).questions)
}

// Which option shares the fewest genres with the others tells nothing of what follows.
func TestSuccessiveHidesGenres(t *testing.T) {
	a := largerAsker(t)
	p := tinyPredictor(t, a.Data, PredictorConfig{})
	d := PredictorData{Asker: a, Users: a.Users.Train, Tasks: Tasks, Length: 50, Seed: 1}
	var asked, right float64
	for i := range 1000 {
		for _, q := range p.successive(d, rand.NewPCG(8, uint64(i))).questions {
			shared := make([]float64, len(q.Items))
			for k, item := range q.Items {
				for j, other := range q.Items {
					for _, g := range a.genres[item] {
						if j != k && slices.Contains(a.genres[other], g) {
							shared[k]--
						}
					}
				}
			}
			asked++
			right += hit(shared, q.Answer, 1)
		}
	}
	t.Logf("%.3f of %.0f", right/asked, asked)
	require.Less(t, right/asked, .32)
}
