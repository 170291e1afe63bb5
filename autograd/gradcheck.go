package autograd

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/tensor"
)

// GradCheck compares the gradients of f at xs, all contiguous float64, with
// central differences, and returns an error naming the first element that is
// off by more than tol, relative to the larger of 1 and the gradient's own
// size. f may return any shape: it is projected on a fixed random direction.
// The values of xs are restored. Params that f uses are not checked; pass their
// values as xs or check them with GradCheckParams.
func GradCheck(f func(s *Scope, xs ...*Var) *Var, tol float64, xs ...*tensor.Tensor) error {
	s := NewScope(true)
	leaves := make([]*Var, len(xs))
	for i, x := range xs {
		leaves[i] = s.Leaf(x)
	}
	loss := project(f(s, leaves...))
	loss.Backward()
	in := Inference()
	value := func() float64 {
		in.Reset()
		vs := make([]*Var, len(xs))
		for i, x := range xs {
			vs[i] = in.Const(x)
		}
		return project(f(in, vs...)).Value().Item()
	}
	for i, x := range xs {
		if err := compare(fmt.Sprintf("input %d", i), x, leaves[i].Grad(), value, tol); err != nil {
			return err
		}
	}
	return nil
}

// GradCheckParams is GradCheck for the parameters ps, all float64, of a model
// whose output is f.
func GradCheckParams(f func(s *Scope) *Var, tol float64, ps ...*Param) error {
	for _, p := range ps {
		p.Grad = nil
	}
	s := NewScope(true)
	project(f(s)).Backward()
	in := Inference()
	value := func() float64 {
		in.Reset()
		return project(f(in)).Value().Item()
	}
	for i, p := range ps {
		if err := compare(fmt.Sprintf("parameter %d", i), p.Value, p.Grad, value, tol); err != nil {
			return err
		}
		p.Grad = nil
	}
	return nil
}

// project returns the sum of y times fixed pseudo-random numbers.
func project(y *Var) *Var {
	r := rand.New(rand.NewPCG(1, uint64(y.Len())))
	c := tensor.New(y.DType(), y.Shape()...)
	d := tensor.Data[float64](c)
	for i := range d {
		d[i] = r.NormFloat64()
	}
	return Sum(Mul(y, y.s.Const(c)))
}

func compare(name string, x, grad *tensor.Tensor, value func() float64, tol float64) error {
	if x.DType() != tensor.Float64 || !x.IsContiguous() {
		return fmt.Errorf("gradcheck: %s is %v, not contiguous float64", name, x)
	}
	const h = 1e-5
	d := tensor.Data[float64](x)
	for i, at := range d {
		d[i] = at + h
		up := value()
		d[i] = at - h
		down := value()
		d[i] = at
		want, got := (up-down)/(2*h), 0.0
		if grad != nil {
			got = tensor.Data[float64](grad)[i]
		}
		if e := math.Abs(got-want) / max(1, math.Abs(want)); !(e <= tol) {
			return fmt.Errorf("gradcheck: %s %v element %d: gradient %g, differences give %g (off by %.2g)", name, x.Shape(), i, got, want, e)
		}
	}
	return nil
}
