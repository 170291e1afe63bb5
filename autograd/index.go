package autograd

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/tensor"
)

// Embedding returns the rows of w [count, dim] that idx (int32, any shape)
// names: [idx's shape..., dim]. The gradient of a row that is named often is
// added in the order of idx, straight into the parameter's. A w that wants no
// gradient may be bfloat16, float16 or Q8_0; the result is then float32. It panics
// with *tensor.ShapeError if an index is not in [0, count).
func Embedding(w *Var, idx *tensor.Tensor) *Var {
	if w.Rank() != 2 || idx.DType() != tensor.Int32 {
		tensor.Fail("embedding", fmt.Sprintf("needs a matrix and int32 indices, not %v", idx.DType()), w.t, idx)
	}
	y := start("embedding", w)
	s := y.s
	idx = s.dense(idx)
	ids := tensor.Data[int32](idx)
	for _, id := range ids {
		if uint(id) >= uint(w.Dim(0)) {
			tensor.Fail("embedding", fmt.Sprintf("index %d out of range", id), w.t, idx)
		}
	}
	shape := append(idx.Shape(), w.Dim(1))
	if w.DType().IsFloat() {
		y.t = s.New(w.DType(), shape...)
		table := s.dense(w.t)
		if w.DType() == tensor.Float32 {
			gatherRows[float32](y.t, table, ids)
		} else {
			gatherRows[float64](y.t, table, ids)
		}
	} else {
		if w.needs {
			tensor.Fail("embedding", fmt.Sprintf("a %v table cannot be trained; freeze it", w.DType()), w.t)
		}
		y.t = s.New(tensor.Float32, shape...)
		tensor.WidenRows(y.t, s.dense(w.t), ids)
	}
	if !y.needs { // saves the closure
		return y.record(0, nil)
	}
	return y.record(0, func(dy *tensor.Tensor) {
		tensor.IndexAdd(w.sink(), 0, idx.Reshape(-1), rows(dy))
	})
}

func gatherRows[T tensor.Float](y, table *tensor.Tensor, ids []int32) {
	d, t, cols := tensor.Data[T](y), tensor.Data[T](table), table.Dim(1)
	if len(ids) == 1 { // a token that is decoded needs no closure
		kernel.GatherRows(d, t, ids, cols)
		return
	}
	split(len(ids), cols, func(lo, hi int) { kernel.GatherRows(d[lo*cols:hi*cols], t, ids[lo:hi], cols) })
}

// IndexSelect returns the positions of x along axis that idx, int32 of rank 1,
// names. It panics with *tensor.ShapeError if an index is out of range.
func IndexSelect(x *Var, axis int, idx *tensor.Tensor) *Var {
	y := outView("index select", tensor.IndexSelect(x.t, axis, idx), x)
	return y.record(0, func(dy *tensor.Tensor) { tensor.IndexAdd(x.sink(), axis, idx, dy) })
}

// Gather returns the elements of x that idx (int32) points to along axis: for
// axis 1 of three, y[i,j,k] = x[i,idx[i,j,k],k]. idx has x's shape except
// along axis. It panics with *tensor.ShapeError if it has not, or if an index
// is out of range.
func Gather(x *Var, axis int, idx *tensor.Tensor) *Var {
	y := outView("gather", tensor.Gather(x.t, axis, idx), x)
	return y.record(0, func(dy *tensor.Tensor) { tensor.ScatterAdd(x.sink(), axis, idx, dy) })
}

// ScatterAdd returns x with src added to the elements that idx (int32, of
// src's shape) points to along axis: for axis 1 of three,
// y[i,idx[i,j,k],k] += src[i,j,k].
func ScatterAdd(x *Var, axis int, idx *tensor.Tensor, src *Var) *Var {
	y := out("scatter add", x.Shape(), x, src)
	tensor.Copy(y.t, x.t)
	tensor.ScatterAdd(y.t, axis, idx, src.t)
	return y.record(0, func(dy *tensor.Tensor) {
		if src.needs {
			src.Give(tensor.Gather(dy, axis, idx))
		}
		if x.needs {
			x.Give(y.s.keep(dy))
		}
	})
}
