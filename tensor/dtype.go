package tensor

import "fmt"

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
	numDTypes
)

var dtypes = [numDTypes]struct {
	name string
	size int
}{
	Float32: {"float32", 4}, Float64: {"float64", 8},
	BFloat16: {"bfloat16", 2}, Float16: {"float16", 2}, Int8: {"int8", 1},
	Int32: {"int32", 4}, Int64: {"int64", 8}, Bool: {"bool", 1},
}

// Size returns the bytes of one element.
func (d DType) Size() int { return dtypes[d].size }

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
