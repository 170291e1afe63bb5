package rlpf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Items are expected to be targets in proportion to how many users have met them, and
// those that about as many have met as often, together, as they were.
func TestExpected(t *testing.T) {
	few := &Asker{Config: AskConfig{Buckets: 2}, usual: []float64{6, 2, 1, 1, 1, 1}}
	require.InDeltaSlice(t, []float64{1, 3, 1.5, 1.5, 1.5, 1.5}, few.expected([]float64{1, 6, 0, .5, 1.5, 1}), 1e-12)

	a := quickAsker(t)
	met := make([]float64, len(a.Data.Items))
	for i := range met {
		met[i] = rare
	}
	for _, u := range a.models {
		for i := range distinct(a.Data.Users[u].Events) {
			met[i]++
		}
	}
	require.Equal(t, met, a.usual)
	for _, task := range []Task{FutureActivity, FutureActivityGap50} {
		targets := a.targets(task)
		var are, were float64
		for i, x := range a.expected(targets) {
			require.Positive(t, x)
			are, were = are+x, were+targets[i]
		}
		require.InEpsilon(t, were, are, 1e-9)
	}
}
