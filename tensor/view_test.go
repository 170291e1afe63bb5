package tensor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// randomView applies random views to a tensor of distinct elements.
func randomView(r *rand.Rand, dt DType) *Tensor {
	shape := make([]int, 1+r.IntN(4))
	n := 1
	for i := range shape {
		shape[i] = []int{1, 1, 2, 3, 4, 6}[r.IntN(6)]
		if r.IntN(25) == 0 {
			shape[i] = 0
		}
		n *= shape[i]
	}
	t := Arange(dt, n).Reshape(shape...)
	for range r.IntN(5) {
		axis := r.IntN(t.Rank())
		switch r.IntN(6) {
		case 0:
			t = t.Transpose(axis, r.IntN(t.Rank()))
		case 1:
			lo := r.IntN(t.Dim(axis) + 1)
			t = t.Slice(axis, lo, lo+r.IntN(t.Dim(axis)-lo+1))
		case 2:
			if t.Dim(axis) == 1 {
				s := t.Shape()
				s[axis] = r.IntN(4)
				t = t.Expand(s...)
			}
		case 3:
			if t.Rank() < 6 {
				t = t.Unsqueeze(axis)
			}
		case 4:
			if t.Dim(axis) == 1 && t.Rank() > 1 {
				t = t.Squeeze(axis)
			}
		case 5:
			axes := r.Perm(t.Rank())
			t = t.Permute(axes...)
		}
	}
	return t
}

// factor returns a random shape of n elements.
func factor(r *rand.Rand, n int) []int {
	var shape []int
	for range r.IntN(5) {
		d := 1
		for _, p := range []int{2, 3, 4, 6} {
			if n%p == 0 && r.IntN(2) == 0 {
				d = p
			}
		}
		if n == 0 && r.IntN(3) == 0 {
			d = r.IntN(3)
		}
		shape = append(shape, d)
		if n > 0 {
			n /= d
		}
	}
	at := r.IntN(len(shape) + 1)
	return with(shape, at, n)
}

// A reshape, viewed or copied, keeps the elements in row-major order; where it
// is a view, a write goes through.
func checkReshape(t *testing.T, r *rand.Rand) {
	x := randomView(r, Int32)
	shape := factor(r, x.Len())
	want := x.Clone().Reshape(shape...)
	got := x.Reshape(shape...)
	near(t, want, got)
	infer := append([]int(nil), shape...)
	infer[r.IntN(len(infer))] = -1
	if n := (&Tensor{rank: uint8(len(infer))}); x.Len() > 0 && n != nil {
		near(t, want, x.Reshape(infer...))
	}
	v := x.reshaped(shape)
	if x.Len() > 0 {
		// A view if the copy need not be: no element may sit elsewhere.
		shared := restride(x, v)
		require.Equal(t, shared || x.IsContiguous(), got.st == x.st)
		if shared {
			near(t, want, v)
		}
	}
	near(t, want, got.Contiguous())
	if got.Len() > 0 {
		require.Len(t, Data[int32](got.Contiguous()), got.Len())
	}
}

func TestReshape(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		checkReshape(t, r)
	}
}

func FuzzReshape(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkReshape(t, rand.New(rand.NewPCG(seed, 0))) })
}

func TestReshapeKeepsViews(t *testing.T) {
	x := Arange(Float32, 24).Reshape(2, 3, 4)
	for _, c := range []struct {
		t     *Tensor
		shape []int
		view  bool
	}{
		{x.Transpose(0, 1), []int{3, 2, 2, 2}, true},
		{x.Transpose(0, 1), []int{6, 4}, false},
		{x.Slice(1, 0, 2), []int{2, 8}, true},
		{x.Slice(2, 0, 2), []int{6, 2}, true},
		{x.Slice(2, 0, 2), []int{12}, false},
		{Scalar(Float32, 1).Expand(4, 3), []int{2, 6}, true},
		{x.Transpose(1, 2), []int{2, 2, 2, 3, 1}, true},
	} {
		require.Equal(t, c.view, c.t.Reshape(c.shape...).st == c.t.st, "%v to %v", c.t.Shape(), c.shape)
	}
}

func TestViews(t *testing.T) {
	x := Arange(Float32, 24).Reshape(2, 3, 4)
	near(t, build(Float32, []int{4, 2, 3}, func(i []int) float64 { return x.At(i[1], i[2], i[0]) }), x.Permute(2, 0, 1))
	near(t, build(Float32, []int{2, 4}, func(i []int) float64 { return x.At(i[0], 2, i[1]) }), x.Select(1, 2))
	near(t, build(Float32, []int{2, 3, 2}, func(i []int) float64 { return x.At(i[0], i[1], i[2]+1) }), x.Slice(-1, 1, 3))
	near(t, build(Float32, []int{5, 2, 3, 4}, func(i []int) float64 { return x.At(i[1:]...) }), x.Expand(5, 2, 3, 4))
	require.Equal(t, []int{2, 3, 4, 1}, x.Unsqueeze(-1).Shape())
	require.Equal(t, []int{1, 2, 3, 4}, x.Unsqueeze(0).Shape())
	require.Equal(t, []int{0, 5}, New(Float32, 1, 5).Expand(0, 5).Shape())
	require.Equal(t, []int{3, 0}, New(Float32, 0).Expand(3, 0).Shape())
	require.Equal(t, []int{0}, New(Float32, 3, 0).Transpose(0, 1).Reshape(-1).Shape())
	require.Equal(t, []int{1, 1}, Scalar(Float32, 2).Reshape(1, 1).Shape())
	require.Equal(t, []int{}, append([]int{}, New(Float32, 1, 1).Reshape().Shape()...))
	require.Empty(t, Data[float32](x.Slice(0, 2, 2)))
	require.Empty(t, Data[float32](x.Slice(1, 3, 3).Expand(2, 0, 4)))
	require.Len(t, Data[float32](x.Select(0, 1)), 12)
	require.Equal(t, 12, cap(Data[float32](x.Select(0, 0))), "an append must not reach the neighbours")
	y := x.Expand(2, 3, 4)
	require.NotSame(t, x, y)
}

func TestViewErrors(t *testing.T) {
	x := New(Float32, 2, 3)
	big := 1 << 62
	shapeError(t, "new: negative or too large dimension: [2 -1]", func() { New(Float32, 2, -1) })
	shapeError(t, "new: negative or too large dimension: [4611686018427387904 4611686018427387904]", func() { New(Float32, big, big) })
	shapeError(t, "new: negative or too large dimension: [4611686018427387904]", func() { New(Int8, big) })
	shapeError(t, "new: negative or too large dimension: [0 4611686018427387904]", func() { new(Arena).New(Int8, 0, big) })
	shapeError(t, "new: more than 8 dimensions: [1 1 1 1 1 1 1 1 1]", func() { New(Int8, 1, 1, 1, 1, 1, 1, 1, 1, 1) })
	shapeError(t, "of: 3 elements given: [2 2]", func() { Of([]float32{1, 2, 3}, 2, 2) })
	shapeError(t, "reshape: cannot become [4]: [2 3]", func() { x.Reshape(4) })
	shapeError(t, "reshape: cannot become [-1 4]: [2 3]", func() { x.Reshape(-1, 4) })
	shapeError(t, "reshape: cannot become [-1 -1]: [2 3]", func() { x.Reshape(-1, -1) })
	shapeError(t, "reshape: cannot become [-1 0]: [2 0]", func() { New(Float32, 2, 0).Reshape(-1, 0) })
	shapeError(t, "reshape: more than 8 dimensions: [2 3]", func() { x.Reshape(1, 1, 1, 1, 1, 1, 1, 2, 3) })
	shapeError(t, "permute: [0 0] is no permutation of the axes: [2 3]", func() { x.Permute(0, 0) })
	shapeError(t, "permute: [0] is no permutation of the axes: [2 3]", func() { x.Permute(0) })
	shapeError(t, "permute: [0 1 0 1 0 1 0 1 0] is no permutation of the axes: [2 3]", func() { x.Permute(0, 1, 0, 1, 0, 1, 0, 1, 0) })
	shapeError(t, "transpose: no axis -3: [2 3]", func() { x.Transpose(0, -3) })
	shapeError(t, "slice: [1:4] of axis 1 is out of range: [2 3]", func() { x.Slice(1, 1, 4) })
	shapeError(t, "slice: [2:1] of axis 1 is out of range: [2 3]", func() { x.Slice(1, 2, 1) })
	shapeError(t, "select: 2 is out of range along axis 0: [2 3]", func() { x.Select(0, 2) })
	shapeError(t, "expand: does not broadcast to [2 4]: [2 3]", func() { x.Expand(2, 4) })
	shapeError(t, "expand: does not broadcast to [3]: [2 3]", func() { x.Expand(3) })
	shapeError(t, "squeeze: axis 0 is not of size 1: [2 3]", func() { x.Squeeze(0) })
	shapeError(t, "unsqueeze: no place for axis 3: [2 3]", func() { x.Unsqueeze(3) })
	shapeError(t, "dim: no axis 2: [2 3]", func() { x.Dim(2) })
	shapeError(t, "at: index [0 3] out of range: [2 3]", func() { x.At(0, 3) })
	shapeError(t, "at: 1 indices: [2 3]", func() { x.At(0) })
	shapeError(t, "item: not one element: [2 3]", func() { x.Item() })
	shapeError(t, "data: not contiguous: [3 2]", func() { Data[float32](x.Transpose(0, 1)) })
	shapeError(t, "data: a float32 tensor does not hold float64: [2 3]", func() { Data[float64](x) })
	shapeError(t, "add: shapes do not broadcast: [2 3] × [2]", func() { Add(x, New(Float32, 2)) })
	shapeError(t, "add: float32 and float64 into float32: [2 3] × [2 3]", func() { Add(x, New(Float64, 2, 3)) })
	shapeError(t, "add: does not broadcast to [2 3]: [5 2 3]", func() { AddTo(x, New(Float32, 5, 2, 3)) })
	shapeError(t, "add: the result repeats elements: [2 3]", func() { AddTo(New(Float32, 3).Expand(2, 3), x) })
	shapeError(t, "copy: float64 into float32: [2 3] × [2 3]", func() { Copy(x, New(Float64, 2, 3)) })
	shapeError(t, "copy: does not broadcast to [2 3]: [2]", func() { Copy(x, New(Float32, 2)) })
	shapeError(t, "fill: the result repeats elements: [4]", func() { Fill(New(Float32, 1).Expand(4), 1) })
	shapeError(t, "matmul: inner dimensions differ: [32 784] × [512 10]", func() { MatMul(New(Float32, 32, 784), New(Float32, 512, 10)) })
	shapeError(t, "matmul: batch dimensions do not broadcast: [2 4 4] × [3 4 4]", func() { MatMul(New(Float32, 2, 4, 4), New(Float32, 3, 4, 4)) })
	shapeError(t, "matmul: needs two dimensions: [4] × [4 4]", func() { MatMul(New(Float32, 4), New(Float32, 4, 4)) })
}

func TestTry(t *testing.T) {
	require.NoError(t, Try(func() error { return nil }))
	require.ErrorIs(t, Try(func() error { return errTest }), errTest)
	require.PanicsWithValue(t, "other", func() { _ = Try(func() error { panic("other") }) })
	a := new(Arena)
	x := a.New(Float32, 1)
	a.Reset()
	require.Panics(t, func() { _ = Try(func() error { x.Item(); return nil }) }, "only shapes")
}
