package tensor

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
)

// DType is the type of a tensor's elements, known at run time.
type DType uint8

// The element types. Float32 is the working type and Float64 runs every
// differentiable operation too. BFloat16, Float16 and Int8 store weights;
// Int32 and Int64 hold indices; Bool is a mask.
const (
	Float32 DType = iota
	Float64
	BFloat16
	Float16
	Int8
	Int32
	Int64
	Bool
	numPlain // these have elements of their own
)

// The block types store weights in blocks along the last dimension, whose size
// is a multiple of a block. Such a tensor is read whole: it has no views and
// no elementwise operations but Cast, Clone and At.
const (
	// Q8_0 is GGUF's type of that name: 32 values are int8 numbers times a
	// float16, their largest magnitude through 127. A product of few rows also
	// rounds the other factor so (see autograd.Linear).
	Q8_0 DType = iota + numPlain
	numDTypes
)

var dtypes = [numDTypes]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Float64: {"float64", 8},
	BFloat16: {"bfloat16", 2}, Float16: {"float16", 2}, Int8: {"int8", 1},
	Int32: {"int32", 4}, Int64: {"int64", 8}, Bool: {"bool", 1},
	Q8_0: {"q8_0", kernel.Q8.Bytes(q8Values)},
}

const q8Values = 32

// Size returns the bytes of one element, or of one block.
func (d DType) Size() int { return dtypes[d].size }

// Block returns how many elements are stored together: 1, except for block
// types.
func (d DType) Block() int {
	if d == Q8_0 {
		return q8Values
	}
	return 1
}

// bytes returns what n elements take, whole blocks.
func (d DType) bytes(n int) int { return n / d.Block() * d.Size() }

// Storage returns how the kernels call d if it is a type that float32 products
// read weights from: BFloat16, Float16 or a block type.
func (d DType) Storage() (s kernel.Storage, ok bool) {
	switch d {
	case BFloat16:
		return kernel.BFloat16, true
	case Float16:
		return kernel.Float16, true
	case Q8_0:
		return kernel.Q8, true
	}
	return 0, false
}

// String returns the type's name, such as "float32".
func (d DType) String() string {
	if d >= numDTypes {
		return fmt.Sprintf("dtype(%d)", uint8(d))
	}
	return dtypes[d].name
}

// IsFloat reports whether d is Float32 or Float64, the types that compute.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// Float is a type that tensors compute in.
type Float interface{ float32 | float64 }

// Elem is a Go type that holds one element. BFloat16 and Float16 elements are
// seen as their uint16 bits.
type Elem interface {
	float32 | float64 | uint16 | int8 | int32 | int64 | bool
}

// TypeOf returns the DType whose elements are T; uint16 stands for BFloat16.
func TypeOf[T Elem]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case uint16:
		return BFloat16
	case int8:
		return Int8
	case int32:
		return Int32
	case int64:
		return Int64
	default:
		return Bool
	}
}

// holds reports whether elements of d may be read as T.
func holds[T Elem](d DType) bool {
	t := TypeOf[T]()
	return t == d || t == BFloat16 && d == Float16
}
