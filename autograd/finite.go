package autograd

import (
	"errors"
	"fmt"
	"math"

	"github.com/noema-ml/noema/tensor"
)

// NonFiniteError names the operation that produced the first NaN or infinity
// of a pass whose scope has CheckFinite set. It is a panic of the operation;
// CatchNonFinite turns it into an error.
type NonFiniteError struct {
	Op       string // such as "matmul"
	Value    float64
	Shape    []int // of the operation's result, or of the operand
	Gradient bool  // it arose in Backward, in the gradient of an operand
}

// Error says which operation made which value, and where.
func (e *NonFiniteError) Error() string {
	where := "result"
	if e.Gradient {
		where = "gradient of its operand"
	}
	return fmt.Sprintf("%s: %v in the %s %v", e.Op, e.Value, where, e.Shape)
}

// CatchNonFinite runs f and returns the *NonFiniteError that it panics with;
// other panics pass.
func CatchNonFinite(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			var nf *NonFiniteError
			e, ok := r.(error)
			if !ok || !errors.As(e, &nf) {
				panic(r)
			}
			err = e
		}
	}()
	f()
	return nil
}

// blame panics if y holds a NaN, or an infinity that its inputs do not. Masking
// writes infinities on purpose.
func (s *Scope) blame(y *Var) {
	nan, inf := nonFinite(y.t)
	if y.op == "masked fill" || y.op == "where" {
		inf = false
	}
	for _, x := range s.inputs {
		if x == nil || !nan && !inf {
			continue
		}
		n, i := nonFinite(x.t)
		nan, inf = nan && !n, inf && !i
	}
	switch {
	case nan:
		panic(&NonFiniteError{Op: y.op, Value: math.NaN(), Shape: y.Shape()})
	case inf:
		panic(&NonFiniteError{Op: y.op, Value: math.Inf(1), Shape: y.Shape()})
	}
}

// blameGrad panics if e's back function left a non-finite gradient in one of
// its operands.
func (s *Scope) blameGrad(e entry) {
	for _, x := range e.inputs {
		if !x.Needs() || x.Grad() == nil {
			continue
		}
		nan, inf := nonFinite(x.Grad())
		if nan || inf {
			v := math.Inf(1)
			if nan {
				v = math.NaN()
			}
			panic(&NonFiniteError{Op: e.y.op, Value: v, Shape: x.Shape(), Gradient: true})
		}
	}
}

// nonFinite reports whether t holds a NaN, and whether it holds an infinity.
func nonFinite(t *tensor.Tensor) (nan, inf bool) {
	if !t.DType().IsFloat() || tensor.AllFinite(t) {
		return false, false
	}
	c := t.Clone().Cast(tensor.Float64)
	for _, v := range tensor.Data[float64](c) {
		nan = nan || math.IsNaN(v)
		inf = inf || math.IsInf(v, 0)
	}
	return nan, inf
}
