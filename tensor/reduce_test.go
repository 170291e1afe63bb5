package tensor

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// sumRef sums over the axes in a set by plain loops.
func sumRef(t *Tensor, axes []int) *Tensor {
	var shape []int
	for i, d := range t.Shape() {
		if !slices.Contains(axes, i) {
			shape = append(shape, d)
		}
	}
	y := New(Float64, shape...)
	each(t.Shape(), func(index []int) {
		off, n := 0, 1
		for i := len(index) - 1; i >= 0; i-- {
			if !slices.Contains(axes, i) {
				off += index[i] * n
				n *= t.Dim(i)
			}
		}
		Data[float64](y)[off] += t.At(index...)
	})
	return y.Cast(t.DType())
}

func TestSumAndMean(t *testing.T) {
	both(t, func(t *testing.T, dt DType, s sample) {
		for set := range 1 << s.t.Rank() {
			if set%3 == 1 && s.t.Rank() > 4 { // a third of the many
				continue
			}
			var axes []int
			count := 1
			for i := range s.t.Rank() {
				if set>>i&1 == 1 {
					axes = append(axes, i)
					count *= s.t.Dim(i)
				}
			}
			if len(axes) == 0 {
				continue
			}
			want := sumRef(s.t, axes)
			near(t, want, Sum(s.t, axes...))
			near(t, build(dt, want.Shape(), func(i []int) float64 { return want.At(i...) / float64(count) }), Mean(s.t, axes...))
		}
		var all []int
		for i := range s.t.Rank() {
			all = append(all, i)
		}
		near(t, sumRef(s.t, all), Sum(s.t))
	})
}

func TestSumTo(t *testing.T) {
	both(t, func(t *testing.T, dt DType, s sample) {
		for lead := range s.t.Rank() + 1 {
			for set := range 1 << (s.t.Rank() - lead) {
				var axes []int
				shape := s.t.Shape()[lead:]
				for i := range lead {
					axes = append(axes, i)
				}
				for i := range shape {
					if set>>i&1 == 1 {
						shape[i] = 1
						axes = append(axes, lead+i)
					}
				}
				if set%5 == 2 && s.t.Rank() > 4 {
					continue
				}
				near(t, sumRef(s.t, axes).Reshape(shape...), SumTo(s.t, shape...))
			}
		}
	})
	x := Full(Float32, 1, 3)
	y := SumTo(x, 3)
	Fill(y, 2)
	require.Equal(t, 1.0, x.At(0), "the result is a new tensor")
}

// The paths for large sums: long rows in pieces, tall columns in pieces, short
// rows several at a time.
func TestLargeSums(t *testing.T) {
	for _, c := range [][3]int{{1, 1000003, 1}, {3, 40000, 1}, {1, 1000, 300}, {1, 70, 5000}, {2, 129, 64}, {3, 257, 5}, {2, 100001, 1}, {1, 4099, 63}, {5, 16400, 2}} {
		for _, dt := range []DType{Float32, Float64} {
			x := New(dt, c[0], c[1], c[2])
			Fill(x, 0.1)
			got := Sum(x, 1)
			require.Equal(t, []int{c[0], c[2]}, got.Shape())
			near(t, Full(dt, x.At(0, 0, 0)*float64(c[1]), c[0], c[2]), got)
		}
	}
	x := Full(Float32, 1, 10000, 1)
	Fill(x.Slice(0, 0, 1), 1<<24)
	require.InDelta(t, 1<<24+9999, Sum(x).Item(), 300, "terms too small for a float32 beside the first are not lost")
}

func TestReductionErrors(t *testing.T) {
	x := New(Float32, 2, 3)
	shapeError(t, "sum: no axis 2: [2 3]", func() { Sum(x, 2) })
	shapeError(t, "sum: axis 1 is named twice: [2 3]", func() { Sum(x, 1, -1) })
	shapeError(t, "sum to: [4] does not broadcast to: [2 3]", func() { SumTo(x, 4) })
	shapeError(t, "max: of no elements: [2 0]", func() { Max(New(Float32, 2, 0), 1) })
	shapeError(t, "mean: needs float32 or float64, not int32: [2]", func() { Mean(New(Int32, 2)) })
	shapeError(t, "top k: cannot take 4 along the last axis: [2 3]", func() { TopK(x, 4) })
	shapeError(t, "sort: no axis -1: []", func() { Sort(New(Float32), false) })
}

// alongAxis checks an operation on each axis against a reference on a lane.
func alongAxis(t *testing.T, dt DType, x *Tensor, removed bool, op func(*Tensor, int) *Tensor, ref func([]float64) []float64) {
	for axis := range x.Rank() {
		shape := without(x, axis)
		want := New(Float64, x.Shape()...)
		if removed {
			want = New(Float64, shape...)
		}
		each(shape, func(i []int) {
			for j, v := range ref(lane(x, axis, i)) {
				at := i
				if !removed {
					at = with(i, axis, j)
				}
				Fill(element(want, at), v)
			}
		})
		near(t, want.Cast(dt), op(x, axis))
		near(t, want.Cast(dt), op(x, axis-x.Rank()))
	}
}

func element(t *Tensor, index []int) *Tensor {
	for _, i := range index {
		t = t.Select(0, i)
	}
	return t
}

func logSumExpRef(xs []float64) float64 {
	m := math.Inf(-1)
	for _, x := range xs {
		m = max(m, x)
	}
	if math.IsInf(m, -1) {
		return m
	}
	sum := 0.0
	for _, x := range xs {
		sum += math.Exp(x - m)
	}
	return m + math.Log(sum)
}

func TestAlongAxis(t *testing.T) {
	type row struct {
		name    string
		removed bool
		op      func(*Tensor, int) *Tensor
		ref     func([]float64) []float64
	}
	rows := []row{
		{"softmax", false, Softmax, func(xs []float64) []float64 {
			l := logSumExpRef(xs)
			ys := make([]float64, len(xs))
			for i, x := range xs {
				ys[i] = math.Exp(x - l)
			}
			return ys
		}},
		{"log softmax", false, LogSoftmax, func(xs []float64) []float64 {
			l := logSumExpRef(xs)
			ys := make([]float64, len(xs))
			for i, x := range xs {
				ys[i] = x - l
			}
			return ys
		}},
		{"log sum exp", true, LogSumExp, func(xs []float64) []float64 { return []float64{logSumExpRef(xs)} }},
		{"variance", true, Variance, func(xs []float64) []float64 {
			mean, sum := 0.0, 0.0
			for _, x := range xs {
				mean += x / float64(len(xs))
			}
			for _, x := range xs {
				sum += (x - mean) * (x - mean)
			}
			return []float64{sum / float64(len(xs))}
		}},
		{"cumsum", false, CumSum, func(xs []float64) []float64 {
			ys, sum := make([]float64, len(xs)), 0.0
			for i, x := range xs {
				sum += x
				ys[i] = sum
			}
			return ys
		}},
		{"cumsum reverse", false, CumSumReverse, func(xs []float64) []float64 {
			ys, sum := make([]float64, len(xs)), 0.0
			for i := len(xs) - 1; i >= 0; i-- {
				sum += xs[i]
				ys[i] = sum
			}
			return ys
		}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			both(t, func(t *testing.T, dt DType, s sample) { alongAxis(t, dt, s.t, r.removed, r.op, r.ref) })
		})
	}
}

func TestExtrema(t *testing.T) {
	both(t, func(t *testing.T, dt DType, s sample) {
		// Repeated values, so that ties occur.
		x := Unary("round", s.t,
			func(d, x []float32) {
				for i := range d {
					d[i] = float32(math.Round(float64(x[i])))
				}
			},
			func(d, x []float64) {
				for i := range d {
					d[i] = math.Round(x[i])
				}
			})
		for _, x := range []*Tensor{s.t, x} {
			for axis := range x.Rank() {
				if x.Dim(axis) == 0 {
					continue
				}
				first := func(better func(a, b float64) bool) (v, at *Tensor) {
					shape := without(x, axis)
					pick := func(i []int) (int, float64) {
						xs := lane(x, axis, i)
						best := 0
						for j := range xs {
							if better(xs[j], xs[best]) {
								best = j
							}
						}
						return best, xs[best]
					}
					v = build(dt, shape, func(i []int) float64 { _, v := pick(i); return v })
					at = build(Int32, shape, func(i []int) float64 { j, _ := pick(i); return float64(j) })
					return v, at
				}
				v, at := first(func(a, b float64) bool { return a > b })
				gv, gat := Max(x, axis)
				near(t, v, gv)
				near(t, at, gat)
				near(t, at, ArgMax(x, axis))
				v, at = first(func(a, b float64) bool { return a < b })
				gv, gat = Min(x, axis)
				near(t, v, gv)
				near(t, at, gat)
				near(t, at, ArgMin(x, axis))
			}
		}
	})
}

func TestNaNAndInfinity(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	x := Of([]float64{1, nan, 3, nan, -inf, -inf, inf, 0}, 2, 4)
	v, at := Max(x, 1)
	near(t, Of([]float64{nan, inf}), v)
	near(t, Of([]int32{1, 2}), at)
	v, at = Min(x, 1)
	near(t, Of([]float64{nan, -inf}), v)
	near(t, Of([]int32{1, 0}), at)
	v, at = Max(x.Transpose(0, 1).Clone(), 0)
	near(t, Of([]float64{nan, inf}), v)
	near(t, Of([]int32{1, 2}), at)

	v, at = Sort(x, false)
	near(t, Of([]float64{1, 3, nan, nan, -inf, -inf, 0, inf}, 2, 4), v)
	near(t, Of([]int32{0, 2, 1, 3, 0, 1, 3, 2}, 2, 4), at)
	v, at = Sort(x, true)
	near(t, Of([]float64{3, 1, nan, nan, inf, 0, -inf, -inf}, 2, 4), v)
	near(t, Of([]int32{2, 0, 1, 3, 2, 3, 0, 1}, 2, 4), at)
	v, at = TopK(x, 3)
	near(t, Of([]float64{3, 1, nan, inf, 0, -inf}, 2, 3), v)
	near(t, Of([]int32{2, 0, 1, 2, 3, 0}, 2, 3), at)

	masked := Full(Float32, -inf, 2, 3)
	near(t, New(Float32, 2, 3), Softmax(masked, 1))
	near(t, New(Float32, 2, 3), Softmax(masked, 0))
	near(t, masked, LogSoftmax(masked, 1))
	near(t, Full(Float32, -inf, 2), LogSumExp(masked, 1))
	near(t, Full(Float32, -inf, 2), LogSumExp(New(Float32, 2, 0), 1))

	for _, dt := range []DType{Float32, Float64, Float16, BFloat16} {
		for _, bad := range []float64{nan, inf, -inf} {
			y := New(dt, 100, 400).Transpose(0, 1)
			require.True(t, AllFinite(y))
			Fill(y.Slice(0, 300, 301).Slice(1, 7, 8), bad)
			require.False(t, AllFinite(y), "%v %v", dt, bad)
			Fill(y, 60000)
			require.True(t, AllFinite(y))
		}
	}
	require.True(t, AllFinite(Full(Int32, -1, 3)))
	require.True(t, AllFinite(New(Float32, 0)))
}

func TestSort(t *testing.T) {
	both(t, func(t *testing.T, dt DType, s sample) {
		if s.t.Rank() == 0 {
			return
		}
		n := s.t.Dim(-1)
		rows := without(s.t, s.t.Rank()-1)
		for _, descending := range []bool{false, true} {
			at := New(Int32, s.t.Shape()...)
			each(rows, func(i []int) {
				xs := lane(s.t, s.t.Rank()-1, i)
				order := make([]int, n)
				for j := range order {
					order[j] = j
				}
				slices.SortStableFunc(order, func(a, b int) int {
					switch {
					case xs[a] < xs[b] != descending && xs[a] != xs[b]:
						return -1
					case xs[a] == xs[b]:
						return 0
					}
					return 1
				})
				for j, o := range order {
					Fill(element(at, with(i, len(i), j)), float64(o))
				}
			})
			v, got := Sort(s.t, descending)
			near(t, at, got)
			near(t, at, ArgSort(s.t, descending))
			near(t, Gather(s.t, -1, at), v)
			for k := 0; descending && k <= n; k = k*2 + 1 {
				v, got := TopK(s.t, k)
				near(t, at.Slice(-1, 0, k).Clone(), got)
				near(t, Gather(s.t, -1, got), v)
			}
		}
	})
}
