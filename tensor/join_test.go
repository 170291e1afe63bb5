package tensor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJoins(t *testing.T) {
	for dt := range numPlain {
		for _, s := range samples(Float64) {
			x := s.t.Cast(dt)
			for axis := range x.Rank() {
				n := x.Dim(axis)
				parts := Split(x, axis, n/3, 0, n-n/3)
				require.Equal(t, n/3, parts[0].Dim(axis))
				near(t, x.Clone(), Concat(axis, parts...))
				near(t, x.Clone(), Concat(axis-x.Rank(), parts...))
			}
			if x.Rank() == MaxRank {
				continue
			}
			for axis := range x.Rank() + 1 {
				y := Stack(axis, x, x, x)
				require.Equal(t, with(x.Shape(), axis, 3), y.Shape())
				near(t, y, Stack(axis-x.Rank()-1, x, x, x))
				near(t, x.Clone(), y.Select(axis, 1).Clone())
			}
		}
	}
}

func TestSplitIsAView(t *testing.T) {
	x := New(Float32, 2, 4)
	Fill(Split(x, 1, 1, 3)[1], 1)
	require.Equal(t, []float32{0, 1, 1, 1, 0, 1, 1, 1}, Data[float32](x))
}

func TestJoinErrors(t *testing.T) {
	x := New(Float32, 2, 3)
	shapeError(t, "concat: of no tensors", func() { Concat(0) })
	shapeError(t, "concat: float32 and float32 do not join along axis 0: [2 3] × [2 4]", func() { Concat(0, x, New(Float32, 2, 4)) })
	shapeError(t, "concat: float32 and int32 do not join along axis 0: [2 3] × [2 3]", func() { Concat(0, x, New(Int32, 2, 3)) })
	shapeError(t, "concat: no axis 2: [2 3]", func() { Concat(2, x) })
	shapeError(t, "stack: shapes differ: [2 3] × [3 2]", func() { Stack(0, x, New(Float32, 3, 2)) })
	shapeError(t, "stack: of no tensors", func() { Stack(0) })
	shapeError(t, "split: parts of [1 1] do not make up axis 1: [2 3]", func() { Split(x, 1, 1, 1) })
	shapeError(t, "split: parts of [4 -1] do not make up axis 1: [2 3]", func() { Split(x, 1, 4, -1) })
}
