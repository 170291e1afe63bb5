package nn

import (
	"fmt"
	"math"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Losses return a sum and the number of terms in it, not a mean: sums of
// batches of different sizes add up to that of the whole.

// CrossEntropy returns the summed softmax cross-entropy of logits
// [..., classes] against target [...], int32, and the number of rows whose
// target is not ignore. The target distribution is mixed with smoothing of the
// uniform one (Szegedy et al. 2016, arXiv 1512.00567). It panics with
// *tensor.ShapeError on a target out of range.
func CrossEntropy(logits *autograd.Var, target *tensor.Tensor, ignore int, smoothing float64) (sum *autograd.Var, n int) {
	return autograd.Sum(autograd.CrossEntropy(logits, target, ignore, smoothing)), counted(target, ignore)
}

// LinearCrossEntropy is CrossEntropy of the logits x·wᵀ + b, which it holds
// once, in the forward pass and back: x [..., in], w [classes, in], b [classes]
// or nil.
func LinearCrossEntropy(x, w, b *autograd.Var, target *tensor.Tensor, ignore int, smoothing float64) (sum *autograd.Var, n int) {
	return autograd.Sum(autograd.LinearCrossEntropy(x, w, b, target, ignore, smoothing)), counted(target, ignore)
}

// counted returns how many targets are not ignore.
func counted(target *tensor.Tensor, ignore int) (n int) {
	for _, t := range tensor.Data[int32](target.Contiguous()) {
		if int(t) != ignore {
			n++
		}
	}
	return n
}

// SampledSoftmax returns the summed cross-entropy of h [rows, dim] against
// target [rows], int32, over the target and the sampled classes [k], int32,
// instead of all of w [classes, dim]; and the number of rows whose target is
// not ignore. logQ [classes] is the logarithm of how often each class is
// expected in the sample; it is taken off the logits, which makes the gradient
// that of the full softmax in expectation (Bengio and Senécal 2008; Jean et
// al. 2015, arXiv 1412.2007). A sampled class that is a row's target is left
// out of that row.
func SampledSoftmax(h, w *autograd.Var, target, sampled, logQ *tensor.Tensor, ignore int) (sum *autograd.Var, n int) {
	const op = "sampled softmax"
	if h.Rank() != 2 || w.Rank() != 2 || target.DType() != tensor.Int32 || target.Len() != h.Dim(0) || sampled.DType() != tensor.Int32 || logQ.Len() != w.Dim(0) {
		tensor.Fail(op, "operands do not fit", h.Value(), w.Value(), target, sampled, logQ)
	}
	s, rows, k := h.Scope(), h.Dim(0), sampled.Len()
	goal, negative := tensor.Data[int32](target.Contiguous()), tensor.Data[int32](sampled.Contiguous())
	lq := tensor.Data[float64](logQ.Cast(tensor.Float64).Contiguous())
	for _, c := range negative {
		if c < 0 || int(c) >= len(lq) {
			tensor.Fail(op, fmt.Sprintf("sampled class %d out of range", c), w.Value(), sampled)
		}
	}
	own, label, hit := s.New(tensor.Int32, rows), s.New(tensor.Int32, rows), s.New(tensor.Bool, rows, k+1)
	ids, labels, hits := tensor.Data[int32](own), tensor.Data[int32](label), tensor.Data[bool](hit)
	for r, g := range goal {
		ids[r], labels[r] = g, 0 // logit 0 is the target's
		if int(g) == ignore {
			ids[r], labels[r] = 0, -1
		} else {
			n++
		}
		if ids[r] < 0 || int(ids[r]) >= len(lq) {
			tensor.Fail(op, fmt.Sprintf("target %d out of range", g), w.Value(), target)
		}
		hits[r*(k+1)] = false
		for j, c := range negative {
			hits[r*(k+1)+1+j] = c == ids[r]
		}
	}
	expected := func(classes []int32) *autograd.Var {
		t := s.New(tensor.Float64, len(classes))
		for i, d := 0, tensor.Data[float64](t); i < len(d); i++ {
			d[i] = lq[classes[i]]
		}
		return s.Const(t.Cast(h.DType()))
	}
	positive := autograd.Sum(autograd.Mul(h, autograd.Embedding(w, own)), 1)
	positive = autograd.Sub(positive, expected(ids))
	others := autograd.MatMul(h, autograd.Transpose(autograd.Embedding(w, sampled), 0, 1))
	others = autograd.Sub(others, expected(negative))
	logits := autograd.Concat(1, autograd.Unsqueeze(positive, 1), others)
	logits = autograd.MaskedFill(logits, hit, math.Inf(-1))
	return autograd.Sum(autograd.CrossEntropy(logits, label, -1, 0)), n
}

// BCE returns the summed binary cross-entropy of logits against targets from 0
// to 1 of the same shape, and the number of elements.
func BCE(logits *autograd.Var, target *tensor.Tensor) (sum *autograd.Var, n int) {
	return autograd.Sum(autograd.BCEWithLogits(logits, logits.Scope().Const(target))), logits.Len()
}

// MSE returns the summed squared difference of x and target, of the same
// shape, and the number of elements.
func MSE(x *autograd.Var, target *tensor.Tensor) (sum *autograd.Var, n int) {
	if !x.Value().SameShape(target) {
		tensor.Fail("mse", "shapes differ", x.Value(), target)
	}
	return autograd.Sum(autograd.Square(autograd.Sub(x, x.Scope().Const(target)))), x.Len()
}
