package tensor

import (
	"errors"
	"fmt"
	"strings"
)

// ShapeError is the panic of an operation whose operands do not fit: a mistake
// in the caller's code.
type ShapeError struct {
	Op     string  // the operation, such as "matmul"
	Reason string  // what does not fit
	Shapes [][]int // the operands' shapes
}

// Error names the operation, the reason and the shapes:
// "matmul: inner dimensions differ: [32 784] × [512 10]".
func (e *ShapeError) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": " + e.Reason)
	for i, s := range e.Shapes {
		sep := " × "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%v", sep, s)
	}
	return b.String()
}

// ReleasedError is the panic of a use after release: the tensor's buffer has
// gone back to its arena, and may already hold something else.
type ReleasedError struct {
	Op    string // the use that was caught
	DType DType
	Shape []int
}

// Error names the use and the tensor.
func (e *ReleasedError) Error() string {
	return fmt.Sprintf("%s: %v tensor %v was released by its arena; Clone or Detach what must outlive a step", e.Op, e.DType, e.Shape)
}

// Try runs f and returns the *ShapeError that it panics with, or f's own
// error. It is for callers who build shapes from data; other panics pass.
func Try(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(error)
			var se *ShapeError
			if !ok || !errors.As(e, &se) {
				panic(r)
			}
			err = e
		}
	}()
	return f()
}

// Fail panics with a *ShapeError for op with the shapes of ts.
func Fail(op, reason string, ts ...*Tensor) {
	e := &ShapeError{Op: op, Reason: reason}
	for _, t := range ts {
		e.Shapes = append(e.Shapes, t.Shape())
	}
	panic(e)
}
