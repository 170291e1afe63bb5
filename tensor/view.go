package tensor

import (
	"fmt"
	"slices"
)

// view returns a new header on t's storage.
func (t *Tensor) view(op string) *Tensor {
	t.check(op)
	t.noBlocks(op)
	v := t.header()
	*v = *t
	return v
}

// reshaped returns a new header at t's first element with the strides of a
// dense tensor of the given shape.
func (t *Tensor) reshaped(shape []int) *Tensor {
	v := t.header()
	v.init(t.dt, shape)
	v.st, v.gen, v.off = t.st, t.gen, t.off
	return v
}

// Reshape returns t with another shape of as many elements; one dimension may
// be -1 and is inferred. It shares storage where t's strides allow it and
// copies otherwise. It panics with *ShapeError if the elements do not fit.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	var fixed [MaxRank]int
	if len(shape) > MaxRank {
		Fail("reshape", fmt.Sprintf("more than %d dimensions", MaxRank), t)
	}
	dims := fixed[:copy(fixed[:], shape)]
	t.check("reshape")
	infer, n := -1, 1
	for i, d := range dims {
		switch {
		case d == -1 && infer < 0:
			infer = i
		case d < 0:
			Fail("reshape", fmt.Sprintf("cannot become %v", slices.Clone(dims)), t)
		default:
			n *= d
		}
	}
	if infer >= 0 {
		if n == 0 || t.Len()%n != 0 {
			Fail("reshape", fmt.Sprintf("cannot become %v", slices.Clone(dims)), t)
		}
		dims[infer] = t.Len() / n
		n *= dims[infer]
	}
	if n != t.Len() {
		Fail("reshape", fmt.Sprintf("cannot become %v", slices.Clone(dims)), t)
	}
	v := t.reshaped(dims)
	if t.IsContiguous() || restride(t, v) {
		return v
	}
	c := t.Contiguous()
	v.init(t.dt, dims)
	v.st, v.gen, v.off = c.st, c.gen, c.off
	return v
}

// restride gives v the strides that make it a view of t, if there are any:
// each run of t's dimensions that lies densely may be split and merged at will.
func restride(t, v *Tensor) bool {
	var shape, stride [MaxRank]int // t without its dimensions of size 1
	n := 0
	for i, d := range t.dims() {
		if d != 1 {
			shape[n], stride[n] = d, t.stride[i]
			n++
		}
	}
	i := int(v.rank) - 1
	for hi := n - 1; hi >= 0; hi-- {
		run, s := shape[hi], stride[hi]
		for hi > 0 && stride[hi-1] == shape[hi]*stride[hi] {
			hi--
			run *= shape[hi]
		}
		for run > 1 {
			if i < 0 || v.shape[i] == 0 || run%v.shape[i] != 0 {
				return false
			}
			v.stride[i] = s
			s *= v.shape[i]
			run /= v.shape[i]
			i--
		}
	}
	for ; i >= 0; i-- { // only dimensions of size 1 are left
		v.stride[i] = 1
	}
	return true
}

// Permute returns a view whose dimension i is t's dimension axes[i]. It panics
// with *ShapeError unless axes is a permutation.
func (t *Tensor) Permute(axes ...int) *Tensor {
	v := t.view("permute")
	seen := 0
	for i, a := range axes {
		a = t.Axis("permute", a)
		seen |= 1 << a
		if i < MaxRank {
			v.shape[i], v.stride[i] = t.shape[a], t.stride[a]
		}
	}
	if len(axes) != int(t.rank) || seen != 1<<t.rank-1 {
		Fail("permute", fmt.Sprintf("%v is no permutation of the axes", axes), t)
	}
	return v
}

// Transpose returns a view with dimensions i and j swapped.
func (t *Tensor) Transpose(i, j int) *Tensor {
	i, j = t.Axis("transpose", i), t.Axis("transpose", j)
	v := t.view("transpose")
	v.shape[i], v.shape[j] = v.shape[j], v.shape[i]
	v.stride[i], v.stride[j] = v.stride[j], v.stride[i]
	return v
}

// Slice returns a view of positions lo to hi (exclusive) along axis. It panics
// with *ShapeError unless 0 ≤ lo ≤ hi ≤ Dim(axis).
func (t *Tensor) Slice(axis, lo, hi int) *Tensor {
	axis = t.Axis("slice", axis)
	if lo < 0 || lo > hi || hi > t.shape[axis] {
		Fail("slice", fmt.Sprintf("[%d:%d] of axis %d is out of range", lo, hi, axis), t)
	}
	v := t.view("slice")
	v.shape[axis] = hi - lo
	if lo < hi {
		v.off += lo * t.stride[axis]
	}
	return v
}

// Select returns a view of position i along axis, without that dimension. It
// panics with *ShapeError unless 0 ≤ i < Dim(axis).
func (t *Tensor) Select(axis, i int) *Tensor {
	axis = t.Axis("select", axis)
	if i < 0 || i >= t.shape[axis] {
		Fail("select", fmt.Sprintf("%d is out of range along axis %d", i, axis), t)
	}
	return t.Slice(axis, i, i+1).Squeeze(axis)
}

// Expand returns a view in which dimensions of size 1, and new leading ones,
// are repeated to the given shape, as broadcasting does. It panics with
// *ShapeError if t does not broadcast to shape.
func (t *Tensor) Expand(shape ...int) *Tensor {
	if v := t.expand("expand", shape); v != t {
		return v
	}
	return t.view("expand")
}

// expand is Expand in the name of op; it returns t itself if nothing changes.
func (t *Tensor) expand(op string, shape []int) *Tensor {
	t.check(op)
	if slices.Equal(shape, t.dims()) {
		return t
	}
	t.noBlocks(op)
	v := t.reshaped(shape)
	lead := len(shape) - int(t.rank)
	if lead < 0 {
		Fail(op, fmt.Sprintf("does not broadcast to %v", slices.Clone(shape)), t)
	}
	for i := range shape {
		switch {
		case i < lead:
			v.stride[i] = 0
		case t.shape[i-lead] == shape[i]:
			v.stride[i] = t.stride[i-lead]
		case t.shape[i-lead] == 1:
			v.stride[i] = 0
		default:
			Fail(op, fmt.Sprintf("does not broadcast to %v", slices.Clone(shape)), t)
		}
	}
	return v
}

// Unsqueeze returns a view with a dimension of size 1 inserted before axis;
// axis may be Rank(), or -1 for a new last dimension.
func (t *Tensor) Unsqueeze(axis int) *Tensor {
	if axis < 0 {
		axis += int(t.rank) + 1
	}
	if axis < 0 || axis > int(t.rank) || t.rank == MaxRank {
		Fail("unsqueeze", fmt.Sprintf("no place for axis %d", axis), t)
	}
	v := t.view("unsqueeze")
	copy(v.shape[axis+1:], t.shape[axis:t.rank])
	copy(v.stride[axis+1:], t.stride[axis:t.rank])
	v.shape[axis], v.stride[axis] = 1, 1
	v.rank++
	return v
}

// Squeeze returns a view without dimension axis, which must be of size 1.
func (t *Tensor) Squeeze(axis int) *Tensor {
	axis = t.Axis("squeeze", axis)
	if t.shape[axis] != 1 {
		Fail("squeeze", fmt.Sprintf("axis %d is not of size 1", axis), t)
	}
	v := t.view("squeeze")
	copy(v.shape[axis:], t.shape[axis+1:t.rank])
	copy(v.stride[axis:], t.stride[axis+1:t.rank])
	v.rank--
	v.shape[v.rank], v.stride[v.rank] = 0, 0
	return v
}

// BroadcastShape returns the shape that a and b broadcast to under NumPy's
// rules. It panics with *ShapeError in the name of op if they do not.
func BroadcastShape(op string, a, b *Tensor) []int {
	dims, n := broadcastDims(op, a, b)
	return slices.Clone(dims[:n])
}

// broadcastDims is BroadcastShape without an allocation.
func broadcastDims(op string, a, b *Tensor) (dims [MaxRank]int, rank int) {
	dims, rank, ok := broadcast(a.dims(), b.dims())
	if !ok {
		Fail(op, "shapes do not broadcast", a, b)
	}
	return dims, rank
}

func broadcast(a, b []int) (dims [MaxRank]int, rank int, ok bool) {
	rank = max(len(a), len(b))
	for i := 1; i <= rank; i++ {
		x, y := 1, 1
		if i <= len(a) {
			x = a[len(a)-i]
		}
		if i <= len(b) {
			y = b[len(b)-i]
		}
		if x != y && x != 1 && y != 1 {
			return dims, rank, false
		}
		if x == 1 {
			x = y
		}
		dims[rank-i] = x
	}
	return dims, rank, true
}
