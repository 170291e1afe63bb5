package tensor

import "github.com/noema-ml/noema/internal/parallel"

// Max returns the largest elements along axis, which is removed, and where
// they are (int32). Of equals the first is taken; a NaN is larger than any
// number. It panics with *ShapeError on an axis of size 0.
func Max(t *Tensor, axis int) (values, index *Tensor) { return extreme("max", t, axis, 1) }

// Min returns the smallest elements along axis and where they are, as Max
// does; a NaN is smaller than any number.
func Min(t *Tensor, axis int) (values, index *Tensor) { return extreme("min", t, axis, -1) }

// ArgMax returns where along axis the largest elements are, as Max does.
func ArgMax(t *Tensor, axis int) *Tensor {
	values, index := extreme("argmax", t, axis, 1)
	drop(values, t)
	return index
}

// ArgMin returns where along axis the smallest elements are, as Min does.
func ArgMin(t *Tensor, axis int) *Tensor {
	values, index := extreme("argmin", t, axis, -1)
	drop(values, t)
	return index
}

func extreme(op string, t *Tensor, axis int, sign float64) (values, index *Tensor) {
	floats(op, t)
	axis = t.Axis(op, axis)
	if t.shape[axis] == 0 {
		Fail(op, "of no elements", t)
	}
	shape := without(t, axis)
	values, index = Like(t.dt, shape, t), Like(Int32, shape, t)
	c := t.Contiguous()
	if t.dt == Float32 {
		extremeOf(Data[float32](values), Data[int32](index), Data[float32](c), span(c, axis), float32(sign))
	} else {
		extremeOf(Data[float64](values), Data[int32](index), Data[float64](c), span(c, axis), sign)
	}
	drop(c, t)
	return values, index
}

// without returns t's shape with dimension axis left out.
func without(t *Tensor, axis int) []int {
	shape := make([]int, 0, MaxRank)
	for i, d := range t.dims() {
		if i != axis {
			shape = append(shape, d)
		}
	}
	return shape
}

// A block is a contiguous tensor seen as [outer, n, inner] around one axis.
type block struct{ outer, n, inner int }

func span(t *Tensor, axis int) block {
	b := block{1, t.shape[axis], 1}
	for i, d := range t.dims() {
		if i < axis {
			b.outer *= d
		} else if i > axis {
			b.inner *= d
		}
	}
	return b
}

// columns calls body for ranges [lo, hi) of columns in each of outer, split
// over cores by size.
func (b block) columns(body func(o, lo, hi int)) {
	const width = 1024
	cuts := (b.inner + width - 1) / width
	parallel.For(b.outer*cuts, max(1, grain/max(1, b.n*min(b.inner, width))), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			from := i % cuts * width
			body(i/cuts, from, min(from+width, b.inner))
		}
	})
}

// extremeOf finds the largest of sign·x; a NaN, once found, stays.
func extremeOf[T Float](values []T, index []int32, x []T, b block, sign T) {
	b.columns(func(o, lo, hi int) {
		best, where := values[o*b.inner:(o+1)*b.inner], index[o*b.inner:(o+1)*b.inner]
		x := x[o*b.n*b.inner : (o+1)*b.n*b.inner]
		if b.inner == 1 {
			m, at := x[0], 0
			for r, v := range x {
				if sign*v > sign*m || v != v && m == m {
					m, at = v, r
				}
			}
			best[0], where[0] = m, int32(at)
			return
		}
		copy(best[lo:hi], x[lo:hi])
		clear(where[lo:hi])
		for r := 1; r < b.n; r++ {
			for i := lo; i < hi; i++ {
				v, m := x[r*b.inner+i], best[i]
				if sign*v > sign*m || v != v && m == m {
					best[i], where[i] = v, int32(r)
				}
			}
		}
	})
}
