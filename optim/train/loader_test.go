package train

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func count(n int) []int {
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	return items
}

// take collects the next n batches.
func take(t *testing.T, l *Loader[int], n int) (all [][]int) {
	t.Helper()
	for b, err := range l.Batches(t.Context()) {
		require.NoError(t, err)
		if all = append(all, b); len(all) == n {
			break
		}
	}
	return all
}

func TestLoaderCoversEveryEpoch(t *testing.T) {
	l := &Loader[int]{Items: count(10), Batch: 4, Seed: 7}
	var epochs [][]int
	for range 3 {
		bs := take(t, l, 3)
		require.Len(t, bs[0], 4)
		require.Len(t, bs[2], 2, "the last batch is short")
		epochs = append(epochs, slices.Concat(bs...))
	}
	require.Equal(t, 30, l.Pos)
	for _, e := range epochs {
		require.ElementsMatch(t, count(10), e)
	}
	require.NotEqual(t, epochs[0], epochs[1])
	require.NotEqual(t, epochs[1], epochs[2])

	// The order is a promise that old checkpoints rely on.
	require.Equal(t, []int{7, 8, 6, 4, 3, 5, 1, 0, 9, 2}, epochs[0])
}

func TestLoaderContinuesAnywhere(t *testing.T) {
	want := take(t, &Loader[int]{Items: count(10), Batch: 3, Seed: 1}, 12)
	pos := 0
	for i, b := range want {
		l := &Loader[int]{Items: count(10), Batch: 3, Seed: 1, Pos: pos}
		require.Equal(t, want[i:], take(t, l, len(want)-i))
		pos += len(b)
	}
	// Moving an existing loader does the same.
	l := &Loader[int]{Items: count(10), Batch: 3, Seed: 1}
	take(t, l, 9)
	l.Pos = 3
	require.Equal(t, want[1:], take(t, l, 11))
}

func TestLoaderSeeds(t *testing.T) {
	a := take(t, &Loader[int]{Items: count(100), Batch: 100, Seed: 1}, 1)
	b := take(t, &Loader[int]{Items: count(100), Batch: 100, Seed: 2}, 1)
	require.NotEqual(t, a, b)
	one := take(t, &Loader[int]{Items: count(3)}, 3)
	require.Len(t, one[0], 1, "a zero Batch is 1")
}

func TestLoaderStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := &Loader[int]{Items: count(4), Batch: 1}
	n := 0
	for _, err := range l.Batches(ctx) {
		if n++; n == 3 {
			cancel()
		}
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	require.Equal(t, 4, n)
	require.Equal(t, 3, l.Pos)

	for _, err := range (&Loader[int]{}).Batches(t.Context()) {
		require.ErrorContains(t, err, "no items")
	}
}
