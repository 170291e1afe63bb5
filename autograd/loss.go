package autograd

import (
	"fmt"
	"math"
	"slices"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// CrossEntropy returns the loss of each row, -log softmax(logits)[target], for
// logits [..., classes] and target (int32) of the leading dimensions, whose
// shape the result has. Rows whose target is ignore cost 0 and get no
// gradient. With smoothing ε the target is mixed with the uniform distribution:
// (1-ε)·one-hot + ε/classes (Szegedy et al. 2016, arXiv 1512.00567, section
// 7). The probabilities are never stored: the gradient is written from the
// logits. It panics with *tensor.ShapeError if another target is not in
// [0, classes).
func CrossEntropy(logits *Var, target *tensor.Tensor, ignore int, smoothing float64) *Var {
	const op = "cross entropy"
	shape := logits.Shape()
	if len(shape) == 0 || !slices.Equal(target.Shape(), shape[:len(shape)-1]) {
		tensor.Fail(op, "needs a target for each row", logits.t, target)
	}
	y := out(op, shape[:len(shape)-1], logits)
	s := y.s
	c := newCrossEntropy(op, logits, shape[len(shape)-1], target, ignore, smoothing)
	c.logits = s.dense(logits.t)
	c.forward(y.t)
	if !y.needs {
		s.arena.Free(c.lse)
	}
	return y.record(0, func(dy *tensor.Tensor) {
		dx := s.like(c.logits)
		c.backward(dx, dy)
		logits.Give(dx)
	})
}

// crossEntropy is what CrossEntropy and LinearCrossEntropy keep for their
// gradients.
type crossEntropy struct {
	logits, target, lse *tensor.Tensor
	cols                int
	ignore              int32
	smoothing           float64
}

// newCrossEntropy returns the loss of rows of logits, cols long and yet to be
// set, of x's dtype and in its scope.
func newCrossEntropy(op string, x *Var, cols int, target *tensor.Tensor, ignore int, smoothing float64) *crossEntropy {
	if target.DType() != tensor.Int32 {
		tensor.Fail(op, "needs int32 targets", x.t, target)
	}
	if ignore != int(int32(ignore)) || !(smoothing >= 0 && smoothing <= 1) {
		tensor.Fail(op, fmt.Sprintf("ignore %d or smoothing %v out of range", ignore, smoothing), x.t)
	}
	c := &crossEntropy{target: x.s.dense(target), cols: cols, ignore: int32(ignore), smoothing: smoothing}
	for _, t := range tensor.Data[int32](c.target) {
		if t != c.ignore && (t < 0 || int(t) >= cols) {
			tensor.Fail(op, fmt.Sprintf("target %d out of range", t), x.t, target)
		}
	}
	c.lse = x.s.New(x.DType(), target.Len())
	return c
}

// forward sets y to the loss of each row.
func (c *crossEntropy) forward(y *tensor.Tensor) {
	if y.DType() == tensor.Float32 {
		crossEntropyForward[float32](c, y)
	} else {
		crossEntropyForward[float64](c, y)
	}
}

// backward sets dx, which may be c.logits, to their gradient.
func (c *crossEntropy) backward(dx, dy *tensor.Tensor) {
	if dx.DType() == tensor.Float32 {
		crossEntropyBackward[float32](c, dx, dy)
	} else {
		crossEntropyBackward[float64](c, dx, dy)
	}
}

func crossEntropyForward[T tensor.Float](c *crossEntropy, y *tensor.Tensor) {
	loss, lse, x, t, n := tensor.Data[T](y), tensor.Data[T](c.lse), tensor.Data[T](c.logits), tensor.Data[int32](c.target), c.cols
	split(len(t), n, func(lo, hi int) {
		kernel.CrossEntropy(loss[lo:hi], lse[lo:hi], x[lo*n:hi*n], t[lo:hi], n, c.ignore, T(c.smoothing))
	})
}

func crossEntropyBackward[T tensor.Float](c *crossEntropy, dx, dy *tensor.Tensor) {
	d, lse, x, t, n := tensor.Data[T](dx), tensor.Data[T](c.lse), tensor.Data[T](c.logits), tensor.Data[int32](c.target), c.cols
	g := tensor.Data[T](dy)
	split(len(t), n, func(lo, hi int) {
		kernel.CrossEntropyGrad(d[lo*n:hi*n], x[lo*n:hi*n], lse[lo:hi], t[lo:hi], g[lo:hi], n, c.ignore, T(c.smoothing))
	})
}

// BCEWithLogits returns the binary cross-entropy of each element of x, a
// logit, with a target in [0, 1] of the same shape: softplus(x) - x·target.
func BCEWithLogits(x, target *Var) *Var {
	const op = "bce with logits"
	if !x.t.SameShape(target.t) {
		tensor.Fail(op, "logits and targets differ in shape", x.t, target.t)
	}
	y := out(op, x.Shape(), x, target)
	tensor.BinaryInto(op, y.t, x.t, target.t, bce[float32], bce[float64])
	return y.record(0, func(dy *tensor.Tensor) {
		if target.needs {
			target.Give(scaled(mulInto(y.s.like(dy), dy, x.t), -1))
		}
		if x.needs { // (sigmoid(x) - target)·dy
			dx := y.s.like(dy)
			tensor.BinaryInto(op, dx, x.t, target.t, bceSlope[float32], bceSlope[float64])
			x.Give(mulInto(dx, dx, dy))
		}
	})
}

// bce loses nothing for large |x|: softplus(x) - x·t = max(x, 0) - x·t +
// log(1 + exp(-|x|)).
func bce[T tensor.Float](d, x, t []T) {
	for i := range d {
		v, u := float64(x[min(i, len(x)-1)]), float64(t[min(i, len(t)-1)])
		d[i] = T(max(v, 0) - v*u + math.Log1p(math.Exp(-math.Abs(v))))
	}
}

func bceSlope[T tensor.Float](d, x, t []T) {
	for i := range d {
		v, u := float64(x[min(i, len(x)-1)]), float64(t[min(i, len(t)-1)])
		d[i] = T(1/(1+math.Exp(-v)) - u)
	}
}
