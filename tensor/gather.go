package tensor

import (
	"fmt"
	"slices"

	"github.com/noema-ml/noema/internal/kernel"
)

// Gather returns the elements of t that idx (int32) points to along axis: for
// axis 1 of three, y[i,j,k] = t[i,idx[i,j,k],k]. idx has t's shape except
// along axis, and y has idx's. It panics with *ShapeError if it has not, or if
// an index is not in [0, Dim(axis)).
func Gather(t *Tensor, axis int, idx *Tensor) *Tensor {
	axis = beside("gather", t, axis, idx)
	return gatherFrom("gather", t, axis, idx)
}

// IndexSelect returns the positions of t along axis that idx, int32 of rank 1,
// names: its dimension axis is as long as idx. It panics with *ShapeError if
// an index is not in [0, Dim(axis)).
func IndexSelect(t *Tensor, axis int, idx *Tensor) *Tensor {
	axis, shape := listed("index select", t, axis, idx)
	return gatherFrom("index select", t, axis, along(idx, axis, shape))
}

// ScatterAdd adds src to the elements of dst, in place, that idx points to
// along axis: for axis 1 of three, dst[i,idx[i,j,k],k] += src[i,j,k]. src has
// idx's shape, which is dst's except along axis. It panics with *ShapeError as
// Gather does.
func ScatterAdd(dst *Tensor, axis int, idx, src *Tensor) {
	axis = beside("scatter add", dst, axis, idx)
	scatterInto("scatter add", dst, axis, idx, src)
}

// IndexAdd adds src to the positions of dst, in place, that idx, int32 of rank
// 1, names along axis. src has dst's shape except that its dimension axis is
// as long as idx. A position that is named again is added to again.
func IndexAdd(dst *Tensor, axis int, idx, src *Tensor) {
	axis, shape := listed("index add", dst, axis, idx)
	scatterInto("index add", dst, axis, along(idx, axis, shape), src)
}

// beside checks the index of Gather and ScatterAdd.
func beside(op string, t *Tensor, axis int, idx *Tensor) int {
	axis = t.Axis(op, axis)
	fits := t.rank == idx.rank && idx.dt == Int32
	for i := range t.dims() {
		fits = fits && (i == axis || t.shape[i] == idx.shape[i])
	}
	if !fits {
		Fail(op, fmt.Sprintf("needs an int32 index of the same shape except along axis %d", axis), t, idx)
	}
	inRange(op, t, axis, idx)
	return axis
}

// listed checks the index of IndexSelect and IndexAdd, and returns t's shape
// with axis as long as the index.
func listed(op string, t *Tensor, axis int, idx *Tensor) (int, []int) {
	axis = t.Axis(op, axis)
	if idx.rank != 1 || idx.dt != Int32 {
		Fail(op, "needs an int32 index of one dimension", t, idx)
	}
	inRange(op, t, axis, idx)
	shape := t.Shape()
	shape[axis] = idx.shape[0]
	return axis, shape
}

// along returns idx repeated over every dimension of shape but axis.
func along(idx *Tensor, axis int, shape []int) *Tensor {
	v := idx.reshaped(shape)
	v.stride = [MaxRank]int{}
	v.stride[axis] = idx.stride[0]
	return v
}

func inRange(op string, t *Tensor, axis int, idx *Tensor) {
	t.check(op)
	idx.check(op)
	if idx.Len() == 0 {
		return
	}
	limit := uint32(t.shape[axis])
	c := idx.Contiguous()
	for _, v := range Data[int32](c) {
		if uint32(v) >= limit {
			Fail(op, fmt.Sprintf("index %d is out of range along axis %d", v, axis), t, idx)
		}
	}
	drop(c, idx)
}

// repeated returns a header of t with the given shape whose dimension axis
// does not advance: the place from which indices count.
func repeated(t *Tensor, axis int, shape []int) *Tensor {
	v := t.reshaped(shape)
	v.stride = t.stride
	v.stride[axis] = 0
	return v
}

func gatherFrom(op string, t *Tensor, axis int, idx *Tensor) *Tensor {
	t.noBlocks(op)
	y := Like(t.dt, idx.dims(), t)
	switch t.dt.Size() {
	case 8:
		gatherOf[int64](y, t, axis, idx)
	case 4:
		gatherOf[int32](y, t, axis, idx)
	case 2:
		gatherOf[uint16](y, t, axis, idx)
	default:
		gatherOf[int8](y, t, axis, idx)
	}
	return y
}

// gatherOf moves elements as T, any type of their size.
func gatherOf[T Elem](y, t *Tensor, axis int, idx *Tensor) {
	if y.Len() == 0 {
		return
	}
	d, s, x := raw[T](y), raw[T](t), raw[int32](idx)
	n := newNest(y.dims(), y, repeated(t, axis, y.dims()), idx)
	jump := t.stride[axis]
	ds, ss, xs := n.inner()
	n.rows(func(length int, off [3]int) {
		d, s, x := d[off[0]:], s[off[1]:], x[off[2]:]
		if xs == 0 && ds == 1 && ss == 1 {
			copy(d[:length], s[int(x[0])*jump:])
			return
		}
		for i := range length {
			d[i*ds] = s[i*ss+int(x[i*xs])*jump]
		}
	})
}

func scatterInto(op string, dst *Tensor, axis int, idx, src *Tensor) {
	floats(op, dst)
	dst.writable(op)
	src.check(op)
	if src.dt != dst.dt || !slices.Equal(src.dims(), idx.dims()) {
		Fail(op, fmt.Sprintf("cannot add %v to %v", src.dt, dst.dt), dst, src)
	}
	if src.Len() == 0 {
		return
	}
	if dst.dt == Float32 {
		scatterOf[float32](dst, axis, idx, src)
	} else {
		scatterOf[float64](dst, axis, idx, src)
	}
}

// scatterOf splits over every dimension but axis, so that no two cores meet,
// and adds in the order of the index.
func scatterOf[T Float](dst *Tensor, axis int, idx, src *Tensor) {
	d, s, x := raw[T](dst), raw[T](src), raw[int32](idx)
	lanes := src.Shape()
	count := lanes[axis]
	lanes[axis] = 1
	n := newNest(lanes, repeated(dst, axis, lanes), repeated(src, axis, lanes), repeated(idx, axis, lanes))
	jump := dst.stride[axis]
	ds, ss, xs := n.inner()
	sj, xj := src.stride[axis], idx.stride[axis]
	n.split(max(64, grain/count), func(length int, off [3]int) {
		for j := range count {
			d, s, x := d[off[0]:], s[off[1]+j*sj:], x[off[2]+j*xj:]
			if xs == 0 && ds == 1 && ss == 1 && length > 1 {
				to := d[int(x[0])*jump:][:length]
				kernel.Add(to, to, s[:length])
				continue
			}
			for i := range length {
				d[i*ds+int(x[i*xs])*jump] += s[i*ss]
			}
		}
	})
}
