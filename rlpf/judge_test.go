package rlpf

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeJudge prefers the longer text, but only if that is by more than bias
// letters or stands first.
type fakeJudge struct {
	bias  int
	wrong Verdict
	err   error
}

func (j fakeJudge) Prefer(_ context.Context, by Criterion, history, first, second string) (Verdict, error) {
	switch d := len(first) - len(second) + j.bias; {
	case j.wrong != 0 || j.err != nil:
		return j.wrong, j.err
	case by == ByReadability:
		return PreferNeither, nil
	case d > 0:
		return PreferFirst, nil
	case d < 0:
		return PreferSecond, nil
	}
	return PreferNeither, nil
}

func TestCompare(t *testing.T) {
	ctx, n := context.Background(), 100
	a, b := make([]string, n), make([]string, n)
	for i := range n {
		a[i], b[i] = strings.Repeat("a", 5), strings.Repeat("b", 2)
		if i%4 == 0 {
			a[i], b[i] = b[i], a[i]
		}
	}
	rates := func(j Judge) []WinRate {
		t.Helper()
		got, err := Compare(ctx, j, a, b, make([]string, n), rand.NewPCG(1, 1))
		require.NoError(t, err)
		again, err := Compare(ctx, j, a, b, make([]string, n), rand.NewPCG(1, 1))
		require.NoError(t, err)
		require.Equal(t, got, again)
		require.Len(t, got, 3)
		return got
	}
	fair := rates(fakeJudge{})[0]
	require.Equal(t, [3]int{75, 0, 25}, [3]int{fair.Wins, fair.Ties, fair.Losses})
	require.Equal(t, .75, fair.Rate.Value)
	require.True(t, fair.Rate.Low < .7 && fair.Rate.High > .8)

	for _, bias := range []int{1000, -1000} { // looks at the place alone
		biased := rates(fakeJudge{bias: bias})
		require.Equal(t, .5, biased[0].Rate.Value)
		require.Equal(t, .5, biased[1].Rate.Value)
		require.Equal(t, [3]int{0, 100, 0}, [3]int{biased[2].Wins, biased[2].Ties, biased[2].Losses})
	}
	require.Equal(t, .75, rates(fakeJudge{bias: 1})[0].Rate.Value) // too weak to matter

	for _, j := range []Judge{fakeJudge{err: errors.New("out of order")}, fakeJudge{wrong: 7}} {
		_, err := Compare(ctx, j, a, b, make([]string, n), rand.NewPCG(1, 1))
		require.ErrorContains(t, err, "factuality of history")
	}
	_, err := Compare(ctx, fakeJudge{}, a, b[1:], make([]string, n), rand.NewPCG(1, 1))
	require.ErrorContains(t, err, "99 summaries")
	_, err = Compare(ctx, fakeJudge{}, nil, nil, nil, rand.NewPCG(1, 1))
	require.Error(t, err)
}

func TestScoreReward(t *testing.T) {
	scores := func(p ...float64) []float64 {
		out := make([]float64, 10)
		for i := range out {
			out[i] = math.Inf(-1)
		}
		for i := 0; i < len(p); i += 2 {
			out[int(p[i])-1] = math.Log(p[i+1])
		}
		return out
	}
	require.InDelta(t, -1, ScoreReward(scores(1, .3)), 1e-12)
	require.InDelta(t, 1, ScoreReward(scores(10, 1)), 1e-12)
	require.InDelta(t, 0, ScoreReward(make([]float64, 10)), 1e-12)
	// (7·0.2 + 8·0.1)/0.3 = 7.333, and (7.333 − 5.5)/4.5 = 0.407407
	require.InDelta(t, .407407407, ScoreReward(scores(7, .2, 8, .1)), 1e-9)
	require.InDelta(t, 1./9, ScoreReward(scores(6, 1e-300)), 1e-12)
	require.True(t, math.IsNaN(ScoreReward(scores())))
	require.Panics(t, func() { ScoreReward([]float64{0}) })
}
