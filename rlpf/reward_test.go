package rlpf

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLengthReward(t *testing.T) {
	l := LengthReward{Weight: 2, Cap: 0.1, Slope: 0.02, Length: 30}
	for tokens, want := range map[int]float64{0: 0.2, 25: 0.2, 27: 0.12, 30: 0, 40: -0.4, 1030: -40} {
		require.InDelta(t, want, l.Of(tokens), 1e-12, tokens)
	}
	require.Zero(t, LengthReward{}.Of(1000))
}

func TestGrade(t *testing.T) {
	scores := []float64{-1, -3, -1, -2} // 1/e, 1/e³, 1/e, 1/e², of which the sum is 0.92088
	sum := 2*math.Exp(-1) + math.Exp(-2) + math.Exp(-3)
	for _, c := range []struct {
		how    string
		answer []int
		want   float64
	}{
		{"right", []int{0}, 1},
		{"right", []int{2}, 0}, // the first of equals is chosen
		{"right", []int{1, 0}, 1},
		{"probability", []int{3}, math.Exp(-2) / sum},
		{"probability", []int{0, 2}, 2 * math.Exp(-1) / sum},
		{"log-probability", []int{3}, -2 - math.Log(sum)},
	} {
		require.InDelta(t, c.want, grade(c.how, scores, c.answer), 1e-12, "%+v", c)
	}
	require.Equal(t, math.Log(1e-6), grade("log-probability", []float64{0, -1e9}, []int{1}))
	require.Equal(t, 0.0, hit(scores, []int{1, 3}, 2))
	require.Equal(t, 1.0, hit(scores, []int{1, 3}, 3))
	require.Equal(t, 1.0, hit(scores, []int{1}, 9))
}
