package rlpf

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

func testAsker(t testing.TB) *Asker {
	t.Helper()
	d := history.Synthetic(history.SyntheticConfig{Seed: 3, Users: 160, Items: 600, Events: 110, Drift: -1})
	c := AskConfig{History: 20}
	people := make([]history.Person, len(d.Users))
	for i := range people {
		people[i] = history.Person{Gender: []string{"F", "M"}[i%2], Age: ages[i%len(ages)], Occupation: i % len(history.Occupations)}
	}
	u, err := DivideUsers(d, c, 8, 1)
	require.NoError(t, err)
	a, err := NewAsker(d, u, c, people)
	require.NoError(t, err)
	return a
}

func TestQuestions(t *testing.T) {
	a := testAsker(t)
	require.Equal(t, Tasks, a.Tasks())
	for _, task := range Tasks {
		qs := a.Test(task, a.Users.Test, 8, 5)
		require.Greater(t, len(qs), 77*len(a.Users.Test)/10, task) // of 8 places, where nearly all can be asked
		require.Equal(t, qs, a.Test(task, a.Users.Test, 8, 5))
		places := map[int]int{}
		for i, q := range qs {
			again, ok := a.At(5, task, q.User, q.Pos)
			require.True(t, ok)
			require.Equal(t, q, again)
			require.NotEmpty(t, q.Ask)
			require.NotEmpty(t, q.Answer)
			require.True(t, slices.IsSorted(q.Answer))
			require.LessOrEqual(t, len(q.Options), 26)
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(q.Options))), len(q.Options), "an option twice")
			if i > 0 {
				p := qs[i-1]
				require.True(t, p.User < q.User || p.User == q.User && p.Pos < q.Pos)
			}
			if task.Future() {
				checkFuture(t, a, q)
				places[q.Answer[0]]++
			}
		}
		if task.Future() {
			for _, n := range places {
				require.InDelta(t, float64(len(qs))/4, n, .1*float64(len(qs)))
			}
		}
	}
	other := a.Test(FutureActivity, a.Users.Test, 8, 6)
	require.NotEqual(t, other, a.Test(FutureActivity, a.Users.Test, 8, 5))
}

func checkFuture(t *testing.T, a *Asker, q Question) {
	t.Helper()
	events := a.Data.Users[q.User].Events
	at := q.Pos
	if q.Task == FutureActivityGap50 {
		at = q.Pos + 49
	}
	require.Equal(t, events[at].Item, q.Target())
	require.Len(t, q.Options, 4)
	require.Len(t, q.Items, 4)
	p, target := a.popular[q.Task], a.Data.Items[q.Target()]
	for i, item := range q.Items {
		require.Equal(t, a.Data.Items[item].Title, q.Options[i])
		if q.Right(i) {
			continue
		}
		for _, e := range events {
			require.NotEqual(t, e.Item, item)
		}
		if years := 1 << p.steps[q.Widened].years; q.Widened < 4 {
			require.Less(t, max(target.Year-a.Data.Items[item].Year, a.Data.Items[item].Year-target.Year), years)
		}
		if p.steps[q.Widened].buckets == 0 {
			require.Equal(t, p.bucket[target.ID], p.bucket[item])
		}
	}
	for _, e := range a.History(q.User, q.Pos) {
		require.False(t, LeakCheck(q, a.Data.Items[e.Item].Title))
	}
	require.True(t, LeakCheck(q, "watched: "+target.Title+" 5; "))
}

func TestDraw(t *testing.T) {
	a := testAsker(t)
	r := rand.NewPCG(1, 2)
	for range 200 {
		q, ok := a.Draw(r, FutureActivityGap50, a.Users.Valid)
		require.True(t, ok)
		require.Contains(t, a.Users.Valid, q.User)
		require.GreaterOrEqual(t, q.Pos, 20)
		checkFuture(t, a, q)
	}
	_, ok := a.Ask(r, FutureActivityGap50, 0, len(a.Data.Users[0].Events)-10)
	require.False(t, ok)
	_, ok = a.Ask(r, FutureActivity, 0, len(a.Data.Users[0].Events))
	require.False(t, ok)
	_, ok = a.Ask(r, "unheard of", 0, 20)
	require.False(t, ok)
}

func TestUsers(t *testing.T) {
	d := history.Synthetic(history.SyntheticConfig{Users: 300, Events: 100})
	c := AskConfig{History: 20}
	u, err := DivideUsers(d, c, 8, 1)
	require.NoError(t, err)
	require.NoError(t, u.check(d))
	require.Equal(t, 300, len(u.Train)+len(u.Valid)+len(u.Test))
	for _, i := range append(slices.Clone(u.Test), u.Valid...) {
		places := c.Places(len(d.Users[i].Events), 8)
		require.Len(t, places, 8)
		require.Equal(t, 20, places[0])
		require.Equal(t, len(d.Users[i].Events)-50, places[7])
	}
	require.Equal(t, []int{50}, c.Places(100, 1), "a single place is the last one")
	require.Equal(t, []int{20}, c.Places(70, 1))
	require.Empty(t, c.Places(69, 1))
	require.Equal(t, []int{20, 21, 22, 23}, c.around(20+50+7*8, 8, 20), "those of one's own half of the way to the next")
	require.Equal(t, []int{28, 27, 29, 26, 30, 25, 31}, c.around(20+50+7*8, 8, 28))
	require.Equal(t, []int{21}, c.around(20+50+7, 8, 21))
	other, err := DivideUsers(d, c, 8, 2)
	require.NoError(t, err)
	require.NotEqual(t, u, other)

	_, err = DivideUsers(d, AskConfig{History: 500}, 8, 1)
	require.ErrorContains(t, err, "0 users")
	_, err = DivideUsers(d, AskConfig{Ahead: -1}, 8, 1)
	require.Error(t, err)
	_, err = NewAsker(d, Users{Train: []int{1}, Test: []int{1}}, c, nil)
	require.ErrorContains(t, err, "two parts")
	_, err = NewAsker(d, Users{Train: []int{300}}, c, nil)
	require.Error(t, err)
	_, err = NewAsker(d, u, c, make([]history.Person, 3))
	require.Error(t, err)
}
