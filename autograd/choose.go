package autograd

import "github.com/noema-ml/noema/tensor"

// Where returns a where the Bool cond is true and b elsewhere; all three
// broadcast.
func Where(cond *tensor.Tensor, a, b *Var) *Var {
	y := outView("where", tensor.Where(cond, a.t, b.t), a, b)
	return y.record(0, func(dy *tensor.Tensor) {
		zero := y.s.zero(dy)
		if a.needs {
			a.giveSum(tensor.Where(cond, dy, zero))
		}
		if b.needs {
			b.giveSum(tensor.Where(cond, zero, dy))
		}
	})
}

// MaskedFill returns x with value where the Bool mask, broadcast to x's shape,
// is true.
func MaskedFill(x *Var, mask *tensor.Tensor, value float64) *Var {
	y := outView("masked fill", tensor.MaskedFill(x.t, mask, value), x)
	return y.record(0, func(dy *tensor.Tensor) { x.Give(tensor.Where(mask, y.s.zero(dy), dy)) })
}

func (s *Scope) zero(like *tensor.Tensor) *tensor.Tensor {
	z := s.New(like.DType())
	tensor.Fill(z, 0)
	return z
}

// TopK returns the k largest elements along the last axis, largest first, and
// where they are (int32).
func TopK(x *Var, k int) (values *Var, indices *tensor.Tensor) {
	v, index := tensor.TopK(x.t, k)
	return picked("top k", x, v, index), index
}

// Sort returns x sorted along the last axis, and where each element was
// (int32). It is stable.
func Sort(x *Var, descending bool) (values *Var, indices *tensor.Tensor) {
	v, index := tensor.Sort(x.t, descending)
	return picked("sort", x, v, index), index
}

func picked(op string, x *Var, values, index *tensor.Tensor) *Var {
	y := outView(op, values, x)
	return y.record(0, func(dy *tensor.Tensor) { tensor.ScatterAdd(x.sink(), -1, index, dy) })
}
