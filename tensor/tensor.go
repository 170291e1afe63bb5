package tensor

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"github.com/noema-ml/noema/internal/kernel"
)

// MaxRank is the most dimensions that a tensor can have.
const MaxRank = 8

// Tensor is an n-dimensional array: a dtype, a shape, strides and an offset
// into storage that other tensors may share. A tensor is a header: reshaping,
// slicing and transposing make a new header on the same storage.
type Tensor struct {
	st     *storage
	gen    uint64
	dt     DType
	rank   uint8
	off    int // in elements
	shape  [MaxRank]int
	stride [MaxRank]int
}

// mostElements keeps the bytes of a tensor, rounded up to a size class, within
// an int.
const mostElements = math.MaxInt / 16

// init makes the zero t a dense tensor without storage. It panics with
// *ShapeError on a negative dimension, too many of them, or more than
// mostElements.
func (t *Tensor) init(dt DType, shape []int) {
	if len(shape) > MaxRank {
		panic(&ShapeError{Op: "new", Reason: fmt.Sprintf("more than %d dimensions", MaxRank), Shapes: [][]int{slices.Clone(shape)}})
	}
	t.dt, t.rank = dt, uint8(len(shape))
	if b := dt.Block(); b > 1 && (len(shape) == 0 || shape[len(shape)-1]%b != 0) {
		panic(&ShapeError{Op: "new", Reason: fmt.Sprintf("the last dimension of a %v tensor is no multiple of %d", dt, b), Shapes: [][]int{slices.Clone(shape)}})
	}
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		d := shape[i]
		if d < 0 || d > 0 && n > mostElements/d {
			panic(&ShapeError{Op: "new", Reason: "negative or too large dimension", Shapes: [][]int{slices.Clone(shape)}})
		}
		t.shape[i], t.stride[i] = d, n
		n *= max(d, 1)
	}
}

// header returns a zero header beside t: where t's pass keeps its own, or on
// the heap.
func (t *Tensor) header() *Tensor {
	if a := t.st.arena; a != nil {
		return a.lists.header()
	}
	return new(Tensor)
}

// New returns a zeroed tensor on the heap. It panics with *ShapeError on a
// negative dimension or more than MaxRank of them.
func New(dt DType, shape ...int) *Tensor {
	t := new(Tensor)
	t.init(dt, shape)
	t.st = newStorage(dt.bytes(t.Len()))
	return t
}

// Of returns a heap tensor of the given shape with a copy of data in row-major
// order; no shape stands for one dimension. It panics with *ShapeError when
// the shape does not hold len(data) elements.
func Of[T Elem](data []T, shape ...int) *Tensor {
	if len(shape) == 0 {
		shape = []int{len(data)}
	}
	t := New(TypeOf[T](), shape...)
	if t.Len() != len(data) {
		Fail("of", fmt.Sprintf("%d elements given", len(data)), t)
	}
	copy(Data[T](t), data)
	return t
}

// Scalar returns a heap tensor of rank 0.
func Scalar(dt DType, v float64) *Tensor {
	t := New(dt)
	Fill(t, v)
	return t
}

// Like returns an uninitialised tensor beside t, the way operations place
// their results: in the arena of the deepest arena tensor among t and more, or
// on the heap (zeroed) if all of them live there.
func Like(dt DType, shape []int, t *Tensor, more ...*Tensor) *Tensor {
	a := t.st.arena
	for _, m := range more {
		if m != nil && m.st.arena != nil && (a == nil || m.st.arena.depth > a.depth) {
			a = m.st.arena
		}
	}
	if a == nil {
		return New(dt, shape...)
	}
	return a.New(dt, shape...)
}

// check panics if t's buffer was released.
func (t *Tensor) check(op string) {
	if t.gen != t.st.gen {
		panic(&ReleasedError{Op: op, DType: t.dt, Shape: t.Shape()})
	}
}

// writable panics unless every element of t has a place of its own.
func (t *Tensor) writable(op string) {
	t.check(op)
	for i, d := range t.dims() {
		if d > 1 && t.stride[i] == 0 {
			Fail(op, "the result repeats elements", t)
		}
	}
}

// Valid reports whether t's buffer is still its own.
func (t *Tensor) Valid() bool { return t.gen == t.st.gen }

// DType returns the element type.
func (t *Tensor) DType() DType { return t.dt }

// Rank returns the number of dimensions.
func (t *Tensor) Rank() int { return int(t.rank) }

// Dim returns the size of dimension i; a negative i counts from the end.
// It panics with *ShapeError when there is no such dimension.
func (t *Tensor) Dim(i int) int { return t.shape[t.Axis("dim", i)] }

// Stride returns the elements between neighbours along dimension i.
func (t *Tensor) Stride(i int) int { return t.stride[t.Axis("stride", i)] }

// Axis returns i as a dimension from 0, counting negative i from the end. It
// panics with *ShapeError in the name of op when there is no such dimension.
func (t *Tensor) Axis(op string, i int) int {
	k := i
	if k < 0 {
		k += int(t.rank)
	}
	if k < 0 || k >= int(t.rank) {
		Fail(op, fmt.Sprintf("no axis %d", i), t)
	}
	return k
}

// Shape returns a copy of the dimensions.
func (t *Tensor) Shape() []int {
	if t.rank == 0 {
		return nil
	}
	s := make([]int, MaxRank) // of constant size, it need not be on the heap
	return s[:copy(s, t.dims()):t.rank]
}

// dims returns the dimensions without a copy; callers must not write to them.
func (t *Tensor) dims() []int { return t.shape[:t.rank] }

// SameShape reports whether t and u have the same dimensions.
func (t *Tensor) SameShape(u *Tensor) bool { return slices.Equal(t.dims(), u.dims()) }

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.shape[:t.rank] {
		n *= d
	}
	return n
}

// IsContiguous reports whether the elements lie densely in row-major order.
func (t *Tensor) IsContiguous() bool {
	n, dense := 1, true
	for i := int(t.rank) - 1; i >= 0; i-- {
		dense = dense && (t.shape[i] == 1 || t.stride[i] == n)
		n *= t.shape[i]
	}
	return dense || n == 0
}

// isOne reports whether t is one element, repeated.
func (t *Tensor) isOne() bool {
	for i, d := range t.dims() {
		if d > 1 && t.stride[i] != 0 {
			return false
		}
	}
	return true
}

// Data returns the elements of a contiguous tensor, sharing its storage. It
// panics with *ReleasedError if t is stale and with *ShapeError if it is not
// contiguous or does not hold T.
func Data[T Elem](t *Tensor) []T {
	t.check("data")
	if !holds[T](t.dt) {
		Fail("data", fmt.Sprintf("a %v tensor does not hold %v", t.dt, TypeOf[T]()), t)
	}
	if !t.IsContiguous() {
		Fail("data", "not contiguous", t)
	}
	n := t.Len()
	return raw[T](t)[:n:n]
}

// Bytes returns the storage of a contiguous tensor as it lies in memory.
func Bytes(t *Tensor) []byte {
	t.check("bytes")
	if !t.IsContiguous() {
		Fail("bytes", "not contiguous", t)
	}
	return t.st.mem[t.dt.bytes(t.off):][:t.dt.bytes(t.Len())]
}

// noBlocks panics if t's elements lie in blocks, which op cannot take apart.
func (t *Tensor) noBlocks(op string) {
	if t.dt.Block() > 1 {
		Fail(op, fmt.Sprintf("not of a %v tensor; Cast it first", t.dt), t)
	}
}

// Span returns the storage from t's first element to its last, with whatever
// lies between the elements of a t that is strided. It panics with
// *ReleasedError if t is stale and with *ShapeError if it does not hold T.
func Span[T Elem](t *Tensor) []T {
	t.check("span")
	if !holds[T](t.dt) {
		Fail("span", fmt.Sprintf("a %v tensor does not hold %v", t.dt, TypeOf[T]()), t)
	}
	n := 1
	for i := range t.Rank() {
		if t.shape[i] == 0 {
			return nil
		}
		n += (t.shape[i] - 1) * t.stride[i]
	}
	return raw[T](t)[:n:n]
}

// raw returns the storage from t's first element on, however t is strided.
func raw[T Elem](t *Tensor) []T {
	all := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(t.st.mem))), len(t.st.mem)/t.dt.Size())
	return all[min(t.off, len(all)):]
}

// Clone returns a contiguous copy on the heap: the way out of an arena.
func (t *Tensor) Clone() *Tensor {
	c := New(t.dt, t.dims()...)
	Copy(c, t)
	return c
}

// Contiguous returns t itself if it is contiguous, else a dense copy beside it.
func (t *Tensor) Contiguous() *Tensor {
	t.check("contiguous")
	if t.IsContiguous() {
		return t
	}
	c := Like(t.dt, t.dims(), t)
	Copy(c, t)
	return c
}

// At returns the element at the given indices as a float64 (a bool as 0 or 1).
// It panics with *ShapeError when an index is out of range.
func (t *Tensor) At(index ...int) float64 {
	t.check("at")
	if len(index) != int(t.rank) {
		Fail("at", fmt.Sprintf("%d indices", len(index)), t)
	}
	off := 0
	for i, x := range index {
		if x < 0 || x >= t.shape[i] {
			Fail("at", fmt.Sprintf("index %v out of range", index), t)
		}
		off += x * t.stride[i]
	}
	return t.load(off)
}

// Item returns the only element of a one-element tensor as a float64.
func (t *Tensor) Item() float64 {
	t.check("item")
	if t.Len() != 1 {
		Fail("item", "not one element", t)
	}
	return t.load(0)
}

// load reads the element off positions after the first.
func (t *Tensor) load(off int) float64 {
	switch t.dt {
	case Float32:
		return float64(raw[float32](t)[off])
	case Float64:
		return raw[float64](t)[off]
	case BFloat16:
		return float64(kernel.FromBFloat16(raw[uint16](t)[off]))
	case Float16:
		return float64(kernel.FromFloat16(raw[uint16](t)[off]))
	case Int8:
		return float64(raw[int8](t)[off])
	case Int32:
		return float64(raw[int32](t)[off])
	case Int64:
		return float64(raw[int64](t)[off])
	case Q8_0:
		var block [q8Values]float32
		kernel.Widen(kernel.Q8, block[:], t.st.mem[Q8_0.bytes(off):])
		return float64(block[off%q8Values])
	default:
		if raw[bool](t)[off] {
			return 1
		}
		return 0
	}
}

// String describes the tensor and shows its first elements.
func (t *Tensor) String() string {
	if !t.Valid() {
		return fmt.Sprintf("%v%v (released)", t.dt, t.dims())
	}
	const most = 8
	c, n := t, t.Len()
	if !t.IsContiguous() {
		c = t.Clone()
	}
	vals := make([]string, min(n, most))
	for i := range vals {
		v := c.load(i)
		switch t.dt {
		case Float64:
			vals[i] = strconv.FormatFloat(v, 'g', -1, 64)
		case Float32, BFloat16, Float16, Q8_0:
			vals[i] = strconv.FormatFloat(v, 'g', -1, 32)
		default:
			vals[i] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	dots := ""
	if n > most {
		dots = " …"
	}
	return fmt.Sprintf("%v%v %v%s", t.dt, t.dims(), vals, dots)
}
