package rlpf

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func reached(qs []Question, read Reader) (share float64) {
	for _, q := range qs {
		share += hit(read(q), q.Answer, 1) / float64(len(qs))
	}
	return share
}

func TestReaders(t *testing.T) {
	quick := os.Getenv("NOEMA_DATA") == "" // the whole one takes long
	d, truth := SyntheticData(1, quick)
	c := AskConfig{History: 30}
	u, err := DivideUsers(d, c, 8, 1)
	require.NoError(t, err)
	u.Test = u.Test[:min(len(u.Test), 96)] // the oracle is slow
	a, err := NewAsker(d, u, c, nil)
	require.NoError(t, err)
	places := 8
	if quick {
		places = 40
	}
	// Options that a user is likely to meet leave less to be told than those drawn alike
	// for all users did, of whom the oracle found .65 and more, and of later activities
	// there is little to be told in the quick world.
	for task, least := range map[Task][3]float64{
		FutureActivity:      {.55, .38, .3},
		FutureActivityGap50: {.36, .31, .22},
	} {
		qs := a.Test(task, u.Test, places, 1)
		oracle, tastes := reached(qs, a.OracleReader(truth)), reached(qs, a.TasteReader(truth))
		genres, next := reached(qs, a.GenreReader()), reached(qs, a.SuccessorReader())
		t.Logf("%s: %d questions at %d places; oracle %.3f, inferred tastes %.3f, genres %.3f, successors %.3f, first option %.3f",
			task, len(qs), askedAt(a, u.Test, places), oracle, tastes, genres, next, reached(qs, func(q Question) []float64 { return make([]float64, 4) }))
		require.Greater(t, oracle, least[0])
		require.Greater(t, genres, least[1])
		require.Greater(t, next, least[2])
		require.Greater(t, oracle, genres-.02)
		require.Greater(t, oracle, tastes)
		require.Greater(t, tastes, genres-.02)
		require.Greater(t, oracle, next)
	}
}

func TestRealReaders(t *testing.T) {
	a := realAsker(t, "movielens-1m", AskConfig{})
	for _, task := range []Task{FutureActivity, FutureActivityGap50} {
		qs := a.Test(task, a.Users.Test, 8, 1)
		t.Logf("%s: %d questions at %d places; genres %.3f, successors %.3f", task, len(qs), askedAt(a, a.Users.Test, 8),
			reached(qs, a.GenreReader()), reached(qs, a.SuccessorReader()))
		require.Greater(t, reached(qs, a.GenreReader()), .3)
	}
}
