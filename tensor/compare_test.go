package tensor

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// pairs are shapes that broadcast.
var pairs = [][2][]int{
	{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{3, 4}, {3, 1}}, {{3, 1}, {1, 4}}, {{}, {2, 3}}, {{2, 3}, {}}, {{}, {}},
	{{2, 1, 4}, {3, 1}}, {{0, 3}, {3}}, {{2, 0}, {1, 1}}, {{1}, {5}}, {{2, 300}, {300}}, {{9, 300}, {9, 1}},
}

// operands returns two tensors of small whole numbers, so that some are equal.
func operands(dt DType, p [2][]int, seed uint64) (a, b *Tensor) {
	r := rand.NewPCG(seed, 5)
	a = Uniform(r, Float64, -2, 2, append(p[0], 2)...).Cast(Int32).Cast(dt).Select(-1, 0)
	b = Uniform(r, Float64, -2, 2, p[1]...).Cast(Int32).Cast(dt)
	return a, b
}

// elementwise builds the reference of an elementwise operation.
func elementwise(dt DType, a, b *Tensor, f func(x, y float64) float64) *Tensor {
	shape := BroadcastShape("test", a, b)
	a, b = a.Expand(shape...), b.Expand(shape...)
	return build(dt, shape, func(i []int) float64 { return f(a.At(i...), b.At(i...)) })
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func TestComparisons(t *testing.T) {
	rows := []struct {
		name string
		op   func(a, b *Tensor) *Tensor
		ref  func(x, y float64) bool
	}{
		{"equal", Equal, func(x, y float64) bool { return x == y }},
		{"not equal", NotEqual, func(x, y float64) bool { return x != y }},
		{"less", Less, func(x, y float64) bool { return x < y }},
		{"less equal", LessEqual, func(x, y float64) bool { return x <= y }},
		{"greater", Greater, func(x, y float64) bool { return x > y }},
		{"greater equal", GreaterEqual, func(x, y float64) bool { return x >= y }},
		{"and", And, func(x, y float64) bool { return x != 0 && y != 0 }},
		{"or", Or, func(x, y float64) bool { return x != 0 || y != 0 }},
	}
	for _, r := range rows {
		for _, dt := range []DType{Float32, Float64, Int8, Int32, Int64, Bool} {
			if (r.name == "and" || r.name == "or") && dt != Bool {
				a, b := operands(dt, pairs[0], 1)
				require.Panics(t, func() { r.op(a, b) })
				continue
			}
			for _, p := range pairs {
				a, b := operands(dt, p, 1)
				near(t, elementwise(Bool, a, b, func(x, y float64) float64 { return truth(r.ref(x, y)) }), r.op(a, b))
			}
		}
		if r.name != "and" && r.name != "or" {
			nan := Scalar(Float32, math.NaN())
			require.Equal(t, truth(r.name == "not equal"), r.op(nan, nan).Item(), r.name)
		}
	}
	x := Of([]bool{true, false, false, true}, 2, 2).Transpose(0, 1)
	near(t, Of([]bool{false, true, true, false}, 2, 2), Not(x))
	shapeError(t, "not: needs bool, not int8: []", func() { Not(Scalar(Int8, 1)) })
	shapeError(t, "less: float32 and int32: [] × []", func() { Less(Scalar(Float32, 1), Scalar(Int32, 1)) })
	shapeError(t, "equal: float16 and float16: [] × []", func() { Equal(Scalar(Float16, 1), Scalar(Float16, 1)) })
	shapeError(t, "less: shapes do not broadcast: [2] × [3]", func() { Less(New(Float32, 2), New(Float32, 3)) })
}

func TestWhereAndMaskedFill(t *testing.T) {
	for dt := range numPlain {
		for i, p := range pairs {
			a, b := operands(dt, p, 2)
			for _, q := range pairs {
				cond, _ := operands(Bool, q, 3)
				if Try(func() error { BroadcastShape("", cond, elementwise(dt, a, b, math.Max)); return nil }) != nil {
					continue
				}
				y := Where(cond, a, b)
				shape := y.Shape()
				a, b, cond := a.Expand(shape...), b.Expand(shape...), cond.Expand(shape...)
				near(t, build(dt, shape, func(i []int) float64 {
					if cond.At(i...) != 0 {
						return a.At(i...)
					}
					return b.At(i...)
				}), y)
			}
			if i <= 2 || i == 7 {
				mask := Of([]bool{true, false, false, true})
				near(t, elementwise(dt, a, mask, func(x, m float64) float64 {
					if m != 0 {
						return 1
					}
					return x
				}), MaskedFill(a, mask, 1))
			}
		}
	}
	x := New(Float32, 2)
	shapeError(t, "where: shapes do not broadcast: [3] × [2] × [2]", func() { Where(New(Bool, 3), x, x) })
	shapeError(t, "where: float32 chooses between float32 and float32: [2] × [2] × [2]", func() { Where(x, x, x) })
	shapeError(t, "masked fill: needs a bool mask, not float32: [2] × [2]", func() { MaskedFill(x, x, 0) })
	shapeError(t, "masked fill: does not broadcast to [2]: [3 2]", func() { MaskedFill(x, New(Bool, 3, 2), 0) })
}
