package rlpf

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// reaches returns the share of users whose class is among a task's first answers,
// and the share that the commonest classes have.
func reaches(t *testing.T, a *Asker, task Task) (reached, majority float64) {
	t.Helper()
	read := func(u int) []history.Event { return a.Data.Users[u].Events }
	scores, err := a.Logistic(t.Context(), task, read, 1)
	require.NoError(t, err)
	n := make([]float64, len(classes[task].names))
	for u := range scores {
		n[classes[task].of(a.people[u])]++
	}
	for u, s := range scores {
		label := []int{classes[task].of(a.people[u])}
		reached += hit(s, label, task.Recall()) / float64(len(scores))
		majority += hit(n, label, task.Recall()) / float64(len(scores))
	}
	return reached, majority
}

func TestLogistic(t *testing.T) {
	a := testAsker(t)
	for u := range a.people { // what they like tells their gender
		a.people[u].Gender = "F"
		favs := a.Data.FavGenres(a.Data.Users[u].Events)
		if favs[0] < 4 {
			a.people[u].Gender = "M"
		}
	}
	reached, majority := reaches(t, a, Gender)
	t.Logf("gender %.3f, majority %.3f", reached, majority)
	require.Greater(t, reached, .8)
	require.Less(t, majority, .7)
	reached, _ = reaches(t, a, Occupation) // nothing tells it
	require.Less(t, reached, .3)

	_, err := a.Logistic(t.Context(), FutureActivity, nil, 1)
	require.Error(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = a.Logistic(ctx, Age, func(u int) []history.Event { return nil }, 1)
	require.ErrorIs(t, err, context.Canceled)
}

func TestLogisticGradient(t *testing.T) {
	m := regression{features: 3, classes: 3, labels: []int{1, 2, 0}, rows: []person{
		{[]int{0, 2}, []float64{1, .5}}, {[]int{1, 2}, []float64{-1, .5}}, {[]int{0, 1}, []float64{.3, 2}},
	}}
	w := []float64{.1, -.2, .3, .4, .5, -.6, .7, 0, .1}
	grad, none := make([]float64, len(w)), make([]float64, len(w))
	m.loss(w, grad, 1)
	for i := range w {
		const h = 1e-6
		was := w[i]
		w[i] = was + h
		up := m.loss(w, none, 1)
		w[i] = was - h
		down := m.loss(w, none, 1)
		w[i] = was
		require.InDelta(t, (up-down)/(2*h), grad[i], 1e-6)
	}
}

func TestRealLogistic(t *testing.T) {
	a := realAsker(t, "movielens-1m", AskConfig{})
	for task, want := range map[Task]struct{ least, majority float64 }{
		Gender: {.79, .717}, Age: {.48, .347}, Occupation: {.42, .356},
	} {
		reached, majority := reaches(t, a, task)
		t.Logf("%s %.3f, majority %.3f", task, reached, majority)
		require.InDelta(t, want.majority, majority, .002, task)
		require.Greater(t, reached, want.least, task)
	}
}
