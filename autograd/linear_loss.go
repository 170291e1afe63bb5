package autograd

import (
	"slices"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// LinearCrossEntropy returns CrossEntropy(Linear(x, w, b), target, ignore,
// smoothing): x [..., in], w [classes, in], b [classes] or nil, and target of
// x's leading dimensions, whose shape the result has. Nobody else sees the
// logits, so their gradient is written over them: over a large vocabulary this
// halves the memory of the loss.
func LinearCrossEntropy(x, w, b *Var, target *tensor.Tensor, ignore int, smoothing float64) *Var {
	const op = "linear cross entropy"
	y := start(op, x, w, b)
	s := y.s
	checkLinear(op, x, w, b, nil)
	shape := x.Shape()
	last := len(shape) - 1
	if !slices.Equal(target.Shape(), shape[:last]) {
		tensor.Fail(op, "needs a target for each row", x.t, w.t, target)
	}
	c := newCrossEntropy(op, x, w.Dim(0), target, ignore, smoothing)
	xt := s.dense(x.t)
	y.t = s.New(x.DType(), shape[:last]...)
	shape[last] = w.Dim(0)
	c.logits = s.New(x.DType(), shape...)
	if x.DType() == tensor.Float32 {
		linearForward[float32](op, c.logits, xt, nil, x, w, b, kernel.ActNone, nil)
	} else {
		linearForward[float64](op, c.logits, xt, nil, x, w, b, kernel.ActNone, nil)
	}
	c.forward(y.t)
	if !y.needs {
		s.arena.Free(c.lse)
		s.arena.Free(c.logits)
	}
	flops := 2 * c.logits.Len() * w.Dim(1)
	return y.record(flops, func(dy *tensor.Tensor) {
		d := c.logits
		c.backward(d, dy)
		if x.DType() == tensor.Float32 {
			linearBackward[float32](d, xt, x, w, flops)
		} else {
			linearBackward[float64](d, xt, x, w, flops)
		}
		if b.Needs() {
			b.Give(tensor.SumTo(d, b.Dim(0)))
		}
		s.arena.Free(d)
		s.arena.Free(c.lse)
	})
}
