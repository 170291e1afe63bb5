package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Activation is a function that LinearAct ends with.
type Activation = kernel.Activation

// The activations of LinearAct are the operations of the same names.
const (
	ActGELU     = kernel.ActGELU
	ActGELUTanh = kernel.ActGELUTanh
	ActSiLU     = kernel.ActSiLU
	ActReLU     = kernel.ActReLU
)

// Linear returns x·wᵀ + b: x [..., in], w [out, in], b [out] or nil →
// [..., out]. Weights that want no gradient may be bfloat16, float16 or Q8_0.
// float32 products with them read them as they are stored, and for up to 8
// rows of a Q8_0 weight also round x to 8 bits, blocks of 32 at a time.
func Linear(x, w, b *Var) *Var { return linear("linear", x, w, b, kernel.ActNone, nil) }

// LinearAct returns act(x·wᵀ + b); see Linear.
func LinearAct(x, w, b *Var, act Activation) *Var {
	return linear("linear act", x, w, b, act, nil)
}

// LinearAdd returns r + x·wᵀ + b, r of the result's shape; see Linear.
func LinearAdd(x, w, b, r *Var) *Var { return linear("linear add", x, w, b, kernel.ActNone, r) }

func linear(op string, x, w, b *Var, act Activation, r *Var) *Var {
	y := start(op, x, w, b, r)
	s := y.s
	checkLinear(op, x, w, b, r)
	shape := x.Shape()
	shape[len(shape)-1] = w.Dim(0)
	y.t = s.New(x.DType(), shape...)
	xt, pre := s.dense(x.t), y.beforeAct(act)
	if x.DType() == tensor.Float32 {
		linearForward[float32](op, y.t, xt, pre, x, w, b, act, r)
	} else {
		linearForward[float64](op, y.t, xt, pre, x, w, b, act, r)
	}
	flops := 2 * y.Len() * w.Dim(1)
	if !y.needs { // saves the closure
		return y.record(flops, nil)
	}
	return y.record(flops, func(dy *tensor.Tensor) {
		if pre != nil {
			d := s.over(dy)
			actGrad(act, d, pre, dy)
			dy = d
		}
		if x.DType() == tensor.Float32 {
			linearBackward[float32](dy, xt, x, w, flops)
		} else {
			linearBackward[float64](dy, xt, x, w, flops)
		}
		if b.Needs() {
			b.Give(tensor.SumTo(dy, b.Dim(0)))
		}
		switch {
		case r.Needs():
			r.Give(s.keep(dy))
		case pre != nil:
			s.arena.Free(dy)
		}
	})
}

// beforeAct returns where y, a result of act, keeps what the gradient of act is
// taken from; nil for none. ReLU's can be told from its result.
func (y *Var) beforeAct(act Activation) *tensor.Tensor {
	switch {
	case !y.needs || act == kernel.ActNone:
		return nil
	case act == ActReLU:
		return y.t
	}
	return y.s.like(y.t)
}

func checkLinear(op string, x, w, b, r *Var) {
	fits := w.Rank() == 2 && x.Rank() >= 1 && x.Dim(-1) == w.Dim(1) && (b == nil || b.Rank() == 1 && b.Dim(0) == w.Dim(0))
	if fits && r != nil {
		fits = r.DType() == x.DType() && r.Rank() == x.Rank() && r.Dim(-1) == w.Dim(0)
		for i := range x.Rank() - 1 {
			fits = fits && r.Dim(i) == x.Dim(i)
		}
	}
	if fits {
		return
	}
	ts := []*tensor.Tensor{x.t, w.t}
	for _, v := range []*Var{b, r} {
		if v != nil {
			ts = append(ts, v.t)
		}
	}
	tensor.Fail(op, "shapes do not fit", ts...)
}

// linearForward sets y to r + act(x·wᵀ + b), and pre to what act is applied to.
func linearForward[T tensor.Float](op string, y, xt, pre *tensor.Tensor, x, w, b *Var, act Activation, r *Var) {
	s, n, k := x.s, w.Dim(0), w.Dim(1)
	bt := s.weight(op, b, x)
	e := kernel.Epilogue[T]{Bias: data[T](bt), Act: act}
	if pre != nil && pre != y {
		e.Pre, e.PreRow = tensor.Data[T](pre), n
	}
	if r != nil {
		e.Residual, e.ResRow = tensor.Data[T](s.dense(r.t)), n
	}
	storage, stored := w.DType().Storage()
	if e32, single := any(&e).(*kernel.Epilogue[float32]); stored && single && !w.needs {
		wt := s.dense(w.t)
		kernel.LinearStored(storage, rowCount(x.t), n, k, tensor.Data[float32](xt), k, tensor.Bytes(wt), tensor.Data[float32](y), n, e32)
		s.unweight(wt, w)
	} else {
		wt := s.weight(op, w, x)
		kernel.GemmEpilogue(rowCount(x.t), n, k, tensor.Data[T](xt), k, 1, tensor.Data[T](wt), 1, k, 0, tensor.Data[T](y), n, &e)
		s.unweight(wt, w)
	}
	if b != nil {
		s.unweight(bt, b)
	}
}

// linearBackward adds dy·w to x's gradient and dyᵀ·x to w's.
func linearBackward[T tensor.Float](dy, xt *tensor.Tensor, x, w *Var, flops int) {
	s, m, n, k := x.s, rowCount(xt), w.Dim(0), w.Dim(1)
	d := tensor.Data[T](dy)
	if x.needs {
		dx, beta := x.Into()
		wt := s.weight("linear", w, x)
		kernel.Gemm(m, k, n, d, n, 1, tensor.Data[T](wt), k, 1, T(beta), tensor.Data[T](dx), k)
		s.unweight(wt, w)
		s.FLOPs += int64(flops)
	}
	if w.needs {
		dw, beta := w.Into()
		kernel.Gemm(n, k, m, d, 1, n, tensor.Data[T](xt), k, 1, T(beta), tensor.Data[T](dw), k)
		s.FLOPs += int64(flops)
	}
}
