package autograd

import (
	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/tensor"
)

// LayerNorm normalises the last dimension of x to mean 0 and variance 1, then
// scales by w and shifts by b, both [dim] or nil (Ba et al. 2016, arXiv
// 1607.06450).
func LayerNorm(x, w, b *Var, eps float64) *Var {
	return norm("layer norm", x, w, b, eps, true)
}

// RMSNorm divides the last dimension of x by its root mean square and scales
// by w, [dim] or nil (Zhang and Sennrich 2019, arXiv 1910.07467).
func RMSNorm(x, w *Var, eps float64) *Var { return norm("rms norm", x, w, nil, eps, false) }

func norm(op string, x, w, b *Var, eps float64, centre bool) *Var {
	for _, v := range []*Var{w, b} {
		if v != nil && (x.Rank() < 1 || v.Rank() != 1 || v.Dim(0) != x.Dim(-1)) {
			tensor.Fail(op, "weights do not fit", x.t, v.t)
		}
	}
	y := start(op, x, w, b)
	s := y.s
	y.t = s.like(x.t)
	n := normPass{x: s.dense(x.t), w: s.weight(op, w, x), b: s.weight(op, b, x), cols: x.Dim(-1), eps: eps}
	count := x.Len() / max(n.cols, 1)
	n.rstd = s.New(x.DType(), count)
	if centre {
		n.mean = s.New(x.DType(), count)
	}
	if x.DType() == tensor.Float32 {
		normForward[float32](&n, y.t)
	} else {
		normForward[float64](&n, y.t)
	}
	if !y.needs {
		s.arena.Free(n.rstd)
		if centre {
			s.arena.Free(n.mean)
		}
		return y.record(0, nil)
	}
	kept := n // without a gradient n stays on the stack
	return y.record(0, func(dy *tensor.Tensor) {
		var dx, dw, db *tensor.Tensor
		if x.needs {
			dx = s.over(dy)
		}
		if w.Needs() {
			dw = w.sink()
		}
		if b.Needs() {
			db = b.sink()
		}
		if x.DType() == tensor.Float32 {
			normBackward[float32](s, &kept, dx, dw, db, dy)
		} else {
			normBackward[float64](s, &kept, dx, dw, db, dy)
		}
		if dx != nil {
			x.Give(dx)
		}
	})
}

// normPass is what a norm keeps for its gradient; mean is nil for RMSNorm.
type normPass struct {
	x, w, b, mean, rstd *tensor.Tensor
	cols                int
	eps                 float64
}

// data is tensor.Data, or nil for nil.
func data[T tensor.Float](t *tensor.Tensor) []T {
	if t == nil {
		return nil
	}
	return tensor.Data[T](t)
}

func normForward[T tensor.Float](n *normPass, y *tensor.Tensor) {
	yd, x, w, b := tensor.Data[T](y), tensor.Data[T](n.x), data[T](n.w), data[T](n.b)
	mean, rstd, c, eps := data[T](n.mean), data[T](n.rstd), n.cols, T(n.eps)
	if len(rstd) == 1 { // a token that is decoded needs no closure
		normRows(yd, x, w, b, mean, rstd, c, eps)
		return
	}
	split(len(rstd), c, func(lo, hi int) {
		var m []T
		if mean != nil {
			m = mean[lo:hi]
		}
		normRows(yd[lo*c:hi*c], x[lo*c:hi*c], w, b, m, rstd[lo:hi], c, eps)
	})
}

func normRows[T tensor.Float](y, x, w, b, mean, rstd []T, c int, eps T) {
	if mean != nil {
		kernel.LayerNorm(y, x, w, b, mean, rstd, c, eps)
	} else {
		kernel.RMSNorm(y, x, w, rstd, c, eps)
	}
}

// normChunks bounds how many partial gradients of the weights there are.
const normChunks = 32

// normBackward writes dx, which may be dy, and adds to dw and db; each may be
// nil. The rows are cut into chunks whose partial sums are added in order.
func normBackward[T tensor.Float](s *Scope, n *normPass, dx, dw, db, dy *tensor.Tensor) {
	c, count := n.cols, n.rstd.Len()
	if count == 0 || c == 0 {
		return
	}
	step := max(1, grain/c, (count+normChunks-1)/normChunks)
	chunks := (count + step - 1) / step
	dwp, free1 := partials[T](s, dw, chunks)
	dbp, free2 := partials[T](s, db, chunks)
	x, w, dxd, dyd := tensor.Data[T](n.x), data[T](n.w), data[T](dx), tensor.Data[T](dy)
	mean, rstd := data[T](n.mean), data[T](n.rstd)
	parallel.For(count, step, func(lo, hi int) {
		k := lo / step
		var dxc []T
		if dxd != nil {
			dxc = dxd[lo*c : hi*c]
		}
		if mean != nil {
			kernel.LayerNormGrad(dxc, part(dwp, k, c), part(dbp, k, c), x[lo*c:hi*c], w, mean[lo:hi], rstd[lo:hi], dyd[lo*c:hi*c], c)
		} else {
			kernel.RMSNormGrad(dxc, part(dwp, k, c), x[lo*c:hi*c], w, rstd[lo:hi], dyd[lo*c:hi*c], c)
		}
	})
	free1()
	free2()
}

// partials returns a zeroed [chunks, len(dst)] buffer, or dst's own data for a
// single chunk, and a function that adds its rows to dst in order.
func partials[T tensor.Float](s *Scope, dst *tensor.Tensor, chunks int) ([]T, func()) {
	if dst == nil || chunks == 1 {
		return data[T](dst), func() {}
	}
	buf := s.New(dst.DType(), chunks, dst.Len())
	tensor.Fill(buf, 0)
	p, d := tensor.Data[T](buf), tensor.Data[T](dst)
	return p, func() {
		for k := range chunks {
			kernel.Add(d, d, part(p, k, len(d)))
		}
		s.arena.Free(buf)
	}
}

func part[T tensor.Float](p []T, k, cols int) []T {
	if p == nil {
		return nil
	}
	return p[k*cols : (k+1)*cols]
}
