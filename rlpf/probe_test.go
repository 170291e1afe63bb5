package rlpf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// saying returns texts that name one of two genres each, the one of a user if
// tells, else any, with others of no meaning.
func saying(a *Asker, tells bool) []string {
	r := rand.New(rand.NewPCG(1, 1))
	texts := make([]string, len(a.people))
	for u := range texts {
		side := r.IntN(2)
		if tells {
			side = classes[Gender].of(a.people[u])
		}
		texts[u] = fmt.Sprintf("Mostly %s, some %s and %s.", a.Data.Genres[side], a.Data.Genres[2+r.IntN(2)], a.Data.Genres[4+r.IntN(2)])
	}
	return texts
}

func TestProbe(t *testing.T) {
	a := testAsker(t)
	r := rand.New(rand.NewPCG(2, 2))
	men := 0.0
	for u := range a.people {
		a.people[u].Gender = "F"
		if r.Float64() < .7 {
			a.people[u].Gender = "M"
			men += 1 / float64(len(a.people))
		}
	}
	l, err := NewLanguage(t.Context(), a.Data, WordsFor(a.Data), 330)
	require.NoError(t, err)
	reached := func(texts []string) (share float64) {
		scores, err := a.Probe(t.Context(), Gender, l, texts, 1)
		require.NoError(t, err)
		for u, s := range scores {
			share += hit(s, []int{classes[Gender].of(a.people[u])}, 1) / float64(len(scores))
		}
		return share
	}
	told := saying(a, true)
	plain, nothing, empty := reached(told), reached(saying(a, false)), reached(make([]string, len(told)))
	noise := make([]string, len(told)) // much that tells nothing
	for u := range noise {
		noise[u] = l.Activities(a.Data.Users[r.IntN(len(told))].Events[:20])
	}
	much := reached(noise)
	t.Logf("told %.3f, not told %.3f, nothing said %.3f, noise %.3f, men %.3f", plain, nothing, empty, much, men)
	require.Greater(t, plain, .97)
	require.Greater(t, much, men-.05)
	require.InDelta(t, men, nothing, .1)
	require.InDelta(t, men, empty, 1e-9)

	// The same again; and nobody's answer knows who it is about.
	want, err := a.Probe(t.Context(), Gender, l, told, 1)
	require.NoError(t, err)
	got, err := a.Probe(t.Context(), Gender, l, told, 1)
	require.NoError(t, err)
	require.Equal(t, want, got)
	a.people[7].Gender = []string{"M", "F"}[classes[Gender].of(a.people[7])]
	got, err = a.Probe(t.Context(), Gender, l, told, 1)
	require.NoError(t, err)
	foldOf := divide(len(told), 1)
	for u := range got {
		require.Equal(t, foldOf[u] == foldOf[7], slices.Equal(want[u], got[u]), "user %d", u)
	}

	_, err = a.Probe(t.Context(), Gender, l, told[1:], 1)
	require.ErrorContains(t, err, "159 texts about 160 people")
	_, err = a.Probe(t.Context(), FavGenre, l, told, 1)
	require.ErrorContains(t, err, "knows nothing of fav_genre")
}

func TestFolds(t *testing.T) {
	of := divide(103, 4)
	sizes := make([]int, folds)
	for _, f := range of {
		sizes[f]++
	}
	require.Equal(t, []int{21, 21, 21, 20, 20}, sizes)
	require.Equal(t, of, divide(103, 4))
	require.NotEqual(t, of, divide(103, 5))
}

func TestProbeFigures(t *testing.T) {
	right := func(users ...float64) (out []map[Task]float64) {
		for _, v := range users {
			out = append(out, map[Task]float64{Gender: v})
		}
		return out
	}
	probes := map[string][][]map[Task]float64{
		"rlpf":         {right(1, 1, 0, 1), right(1, 0, 0, 1)},
		"before-rl":    {right(0, 1, 0, 1), right(0, 0, 0, 1)},
		"options-only": {right(1, 0, 1, 0), right(1, 0, 1, 0)},
	}
	figures, differences := ProbeFigures(1, probes)
	require.Len(t, figures, 3)
	for i, want := range []struct {
		method string
		value  float64
		seeds  []float64
	}{{"rlpf", .625, []float64{.75, .5}}, {"before-rl", .375, []float64{.5, .25}}, {"options-only", .5, []float64{.5, .5}}} {
		f := figures[i]
		require.Equal(t, [3]string{"gender", want.method, "accuracy-probe"}, [3]string{f.Task, f.Method, f.Metric})
		require.InDelta(t, want.value, f.Value, 1e-12)
		require.Equal(t, want.seeds, f.Seeds)
		require.Equal(t, 4, f.N)
		require.LessOrEqual(t, f.Low, f.Value)
		require.GreaterOrEqual(t, f.High, f.Value)
	}
	require.Len(t, differences, 1)
	require.InDelta(t, .25, differences[0].Value, 1e-12)
	require.Equal(t, "before-rl", differences[0].Other)
	require.Equal(t, []float64{.25, .25}, differences[0].Seeds)
	require.Equal(t, "recall@3-probe", ProbeMetric(Occupation))
}
