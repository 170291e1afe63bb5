package tensor

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQ8(t *testing.T) {
	x := Normal(rand.NewPCG(1, 2), Float32, 1, 3, 64)
	q := x.Cast(Q8_0)
	require.Equal(t, []int{3, 64}, q.Shape())
	require.Equal(t, 32, Q8_0.Block())
	require.Len(t, Bytes(q), 3*2*34)
	back := q.Cast(Float32)
	for i := range 3 {
		for j := range 64 {
			require.InDelta(t, x.At(i, j), back.At(i, j), 3.5/254)
			require.Equal(t, back.At(i, j), q.At(i, j))
		}
	}
	near(t, back, x.Cast(Float64).Cast(Q8_0).Cast(Float64).Cast(Float32))
	require.Equal(t, Bytes(q), Bytes(q.Clone()))
	require.Equal(t, Bytes(q), Bytes(back.Cast(Q8_0)), "what was rounded once stays")
	require.Equal(t, []int{6, 32}, q.Reshape(6, 32).Shape())
	require.True(t, AllFinite(q))
	Fill(x, math.Inf(1))
	require.False(t, AllFinite(x.Cast(Q8_0)))
	require.Contains(t, q.String(), "q8_0[3 64] [")

	var a Arena
	c := a.New(Q8_0, 3, 64)
	Copy(c, q)
	require.Equal(t, Bytes(q), Bytes(c))
}

func TestBlocksAreNotTakenApart(t *testing.T) {
	q := New(Q8_0, 2, 32)
	shapeError(t, "new: the last dimension of a q8_0 tensor is no multiple of 32: [2 33]", func() { New(Q8_0, 2, 33) })
	shapeError(t, "new: the last dimension of a q8_0 tensor is no multiple of 32: [4 16]", func() { q.Reshape(4, 16) })
	shapeError(t, "new: the last dimension of a q8_0 tensor is no multiple of 32: [3]", func() { New(Float32, 3).Cast(Q8_0) })
	for op, f := range map[string]func(){
		"slice":        func() { q.Slice(0, 0, 1) },
		"transpose":    func() { q.Transpose(0, 1) },
		"expand":       func() { q.Expand(3, 2, 32) },
		"fill":         func() { Fill(q, 1) },
		"gather":       func() { Gather(q, 1, New(Int32, 2, 1)) },
		"index select": func() { IndexSelect(q, 0, New(Int32, 1)) },
		"slice ":       func() { Concat(0, q, q) },
	} {
		var e *ShapeError
		require.ErrorAs(t, Try(func() error { f(); return nil }), &e, op)
		require.Contains(t, e.Reason, "q8_0", op)
	}
	shapeError(t, "less: q8_0 and q8_0: [2 32] × [2 32]", func() { Less(q, q) })
	shapeError(t, "data: a q8_0 tensor does not hold int8: [2 32]", func() { Data[int8](q) })
}

func TestWidenRows(t *testing.T) {
	x := Normal(rand.NewPCG(3, 4), Float32, 1, 5, 64)
	idx := Of([]int32{4, 0, 0, 2})
	for _, dt := range []DType{BFloat16, Float16, Q8_0} {
		w := x.Cast(dt)
		y := New(Float32, 2, 2, 64)
		WidenRows(y, w, Data[int32](idx))
		require.Equal(t, Data[float32](IndexSelect(w.Cast(Float32), 0, idx)), Data[float32](y))
		shapeError(t, "widen rows: index 5 out of range: [5 64]", func() { WidenRows(New(Float32, 1, 64), w, []int32{5}) })
	}
	shapeError(t, "widen rows: float32 to float32, 1 rows: [1 64] × [5 64]", func() { WidenRows(New(Float32, 1, 64), x, []int32{1}) })
}
