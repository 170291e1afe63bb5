package tensor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// indices returns int32 indices below n in a strided layout.
func indices(r *rand.Rand, n int, shape ...int) *Tensor {
	double := append(append([]int(nil), shape...), 2)
	t := New(Int32, double...)
	d := Data[int32](t)
	for i := range d {
		d[i] = int32(r.IntN(max(n, 1)))
	}
	return t.Select(-1, 1)
}

func TestGatherAndScatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	both(t, func(t *testing.T, dt DType, s sample) {
		if s.t.Rank() == MaxRank {
			return // no room for a dimension that makes the others strided
		}
		for axis := range s.t.Rank() {
			for _, k := range []int{0, 1, 3, 20} {
				if s.t.Dim(axis) == 0 {
					k = 0
				}
				shape := s.t.Shape()
				shape[axis] = k
				idx := indices(r, s.t.Dim(axis), shape...)
				at := func(i []int) []int {
					j := append([]int(nil), i...)
					j[axis] = int(idx.At(i...))
					return j
				}
				near(t, build(dt, shape, func(i []int) float64 { return s.t.At(at(i)...) }), Gather(s.t, axis, idx))

				src := Normal(rand.NewPCG(1, uint64(k)), dt, 1, shape...)
				want := s.t.Clone()
				each(shape, func(i []int) {
					e := element(want, at(i))
					Fill(e, e.Item()+src.At(i...))
				})
				got := s.t.Clone()
				ScatterAdd(got, axis, idx, src)
				near(t, want, got)
				// Into a strided destination, from a strided source.
				wide := New(dt, append(s.t.Shape(), 2)...)
				got = wide.Select(-1, 1)
				Copy(got, s.t)
				ScatterAdd(got, axis-s.t.Rank(), idx, Stack(0, src, src).Select(0, 1))
				near(t, want, got.Clone())
				require.Zero(t, Sum(wide.Select(-1, 0)).Item())

				// The same with one index for all.
				list := indices(r, s.t.Dim(axis), k)
				at = func(i []int) []int {
					j := append([]int(nil), i...)
					j[axis] = int(list.At(i[axis]))
					return j
				}
				near(t, build(dt, shape, func(i []int) float64 { return s.t.At(at(i)...) }), IndexSelect(s.t, axis, list))
				want = s.t.Clone()
				each(shape, func(i []int) {
					e := element(want, at(i))
					Fill(e, e.Item()+src.At(i...))
				})
				got = s.t.Clone()
				IndexAdd(got, axis, list, src)
				near(t, want, got)
			}
		}
	})
}

func TestGatherTakesEveryType(t *testing.T) {
	for dt := range numPlain {
		x := Arange(Float64, 6).Reshape(2, 3).Cast(dt)
		idx := Of([]int32{2, 0, 0, 1}, 2, 2)
		want := Of([]float64{2, 0, 3, 4}, 2, 2).Cast(dt)
		near(t, want, Gather(x, 1, idx))
		near(t, Of([]float64{3, 4, 5, 0, 1, 2}, 2, 3).Cast(dt), IndexSelect(x, 0, Of([]int32{1, 0})))
	}
}

func TestGatherErrors(t *testing.T) {
	x := New(Float32, 3, 4)
	shapeError(t, "gather: index 4 is out of range along axis 1: [3 4] × [3 1]", func() { Gather(x, -1, Of([]int32{0, 4, 0}, 3, 1)) })
	shapeError(t, "gather: index -1 is out of range along axis 1: [3 4] × [3 1]", func() { Gather(x, 1, Of([]int32{0, -1, 7}, 3, 1)) })
	shapeError(t, "index select: index 3 is out of range along axis 0: [3 4] × [1]", func() { IndexSelect(x, 0, Of([]int32{3})) })
	shapeError(t, "index select: index 0 is out of range along axis 0: [0 4] × [1]", func() { IndexSelect(New(Float32, 0, 4), 0, Of([]int32{0})) })
	shapeError(t, "index add: needs an int32 index of one dimension: [3 4] × [1 1]", func() { IndexAdd(x, 0, Of([]int32{0}, 1, 1), x) })
	shapeError(t, "gather: needs an int32 index of the same shape except along axis 0: [3 4] × [1 3]", func() { Gather(x, 0, New(Int32, 1, 3)) })
	shapeError(t, "scatter add: cannot add float64 to float32: [3 4] × [3 4]", func() { ScatterAdd(x, 0, New(Int32, 3, 4), New(Float64, 3, 4)) })
	shapeError(t, "scatter add: the result repeats elements: [3 4]", func() {
		ScatterAdd(New(Float32, 4).Expand(3, 4), 0, New(Int32, 3, 4), New(Float32, 3, 4))
	})
}
