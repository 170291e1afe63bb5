package tensor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/noema-ml/noema/internal/parallel"
)

// Sort returns t sorted along the last axis, and where each element was
// (int32). It is stable; NaN comes last, ascending or descending.
func Sort(t *Tensor, descending bool) (values, index *Tensor) {
	floats("sort", t)
	return order("sort", t, -1, descending)
}

// ArgSort returns where Sort found each element (int32).
func ArgSort(t *Tensor, descending bool) *Tensor {
	floats("argsort", t)
	values, index := order("argsort", t, -1, descending)
	drop(values, t)
	return index
}

// TopK returns the k largest elements along the last axis, largest first, and
// where they are (int32). Of equals the first comes first; NaN comes last. It
// panics with *ShapeError if there are fewer than k.
func TopK(t *Tensor, k int) (values, index *Tensor) {
	floats("top k", t)
	if k < 0 || k > t.shape[t.Axis("top k", -1)] {
		Fail("top k", fmt.Sprintf("cannot take %d along the last axis", k), t)
	}
	return order("top k", t, k, true)
}

// order returns the first k along the last axis, all of them if k is -1.
func order(op string, t *Tensor, k int, descending bool) (values, index *Tensor) {
	shape := t.Shape()
	if axis := t.Axis(op, -1); k >= 0 {
		shape[axis] = k
	} else {
		k = shape[axis]
	}
	values, index = Like(t.dt, shape, t), Like(Int32, shape, t)
	if values.Len() == 0 {
		return values, index
	}
	c := t.Contiguous()
	if t.dt == Float32 {
		orderOf(Data[float32](values), Data[int32](index), Data[float32](c), t.Dim(-1), k, descending)
	} else {
		orderOf(Data[float64](values), Data[int32](index), Data[float64](c), t.Dim(-1), k, descending)
	}
	drop(c, t)
	return values, index
}

// orderOf puts the first k of each row of n in order. Equal elements are
// ordered by their place, so no two compare equal and any sort is stable.
func orderOf[T Float](values []T, index []int32, x []T, n, k int, descending bool) {
	parallel.For(len(x)/n, max(1, grain/8/n), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			row, where, v := x[r*n:(r+1)*n], index[r*k:(r+1)*k], values[r*k:(r+1)*k]
			before := func(a, b int32) int {
				p, q := row[a], row[b]
				switch {
				case p == q:
					return cmp.Compare(a, b)
				case p < q && !descending, p > q && descending, p == p && q != q:
					return -1
				case p == p || q == q:
					return 1
				}
				return cmp.Compare(a, b)
			}
			for i := range where {
				where[i] = int32(i)
			}
			if k < n {
				selectFirst(where, n, before)
			}
			slices.SortFunc(where, before)
			for i, at := range where {
				v[i] = row[at]
			}
		}
	})
}

// selectFirst leaves in heap, which holds 0 to len(heap)-1, those of 0 to n-1
// that come first. The last of them is kept on top.
func selectFirst(heap []int32, n int, before func(a, b int32) int) {
	sink := func(i int) {
		for {
			c := 2*i + 1
			if c >= len(heap) {
				return
			}
			if c+1 < len(heap) && before(heap[c], heap[c+1]) < 0 {
				c++
			}
			if before(heap[i], heap[c]) > 0 {
				return
			}
			heap[i], heap[c] = heap[c], heap[i]
			i = c
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sink(i)
	}
	for i := int32(len(heap)); int(i) < n; i++ {
		if before(i, heap[0]) < 0 {
			heap[0] = i
			sink(0)
		}
	}
}
