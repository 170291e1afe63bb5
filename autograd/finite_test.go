package autograd_test

import (
	"errors"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func TestCheckFiniteNamesTheFirstOperation(t *testing.T) {
	inf := math.Inf(1)
	for name, tc := range map[string]struct {
		f    func(s *autograd.Scope, x *autograd.Var) *autograd.Var
		x    []float64
		want *autograd.NonFiniteError
	}{
		"fine": {func(s *autograd.Scope, x *autograd.Var) *autograd.Var { return autograd.Exp(x) }, []float64{1, 2}, nil},
		"forward": {func(s *autograd.Scope, x *autograd.Var) *autograd.Var {
			return autograd.Tanh(autograd.Neg(autograd.Exp(autograd.Scale(x, 2))))
		}, []float64{1, 500}, &autograd.NonFiniteError{Op: "exp", Value: inf, Shape: []int{2}}},
		"nan": {func(s *autograd.Scope, x *autograd.Var) *autograd.Var {
			return autograd.Exp(autograd.Log(x))
		}, []float64{1, -1}, &autograd.NonFiniteError{Op: "log", Value: math.NaN(), Shape: []int{2}}},
		"given, not made": {func(s *autograd.Scope, x *autograd.Var) *autograd.Var {
			return autograd.Slice(autograd.Neg(x), 0, 0, 1)
		}, []float64{1, inf}, nil},
		"mask": {func(s *autograd.Scope, x *autograd.Var) *autograd.Var {
			return autograd.Softmax(autograd.MaskedFill(x, tensor.Of([]bool{false, true}), math.Inf(-1)), 0)
		}, []float64{1, 2}, nil},
		"gradient": {func(s *autograd.Scope, x *autograd.Var) *autograd.Var {
			return autograd.Tanh(autograd.Sqrt(autograd.Scale(x, 3)))
		}, []float64{0, 2}, &autograd.NonFiniteError{Op: "sqrt", Value: inf, Shape: []int{2}, Gradient: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := autograd.NewScope(true)
			s.CheckFinite = true
			err := autograd.CatchNonFinite(func() {
				autograd.Sum(tc.f(s, s.Leaf(tensor.Of(tc.x)))).Backward()
			})
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			var got *autograd.NonFiniteError
			require.True(t, errors.As(err, &got))
			require.Equal(t, math.IsNaN(tc.want.Value), math.IsNaN(got.Value))
			got.Value, tc.want.Value = 0, 0
			require.Equal(t, tc.want, got)
			require.Contains(t, err.Error(), tc.want.Op+": ")
		})
	}
}

func TestCheckFiniteInsideRecompute(t *testing.T) {
	s := autograd.NewScope(true)
	s.CheckFinite = true
	err := autograd.CatchNonFinite(func() {
		autograd.Recompute(s, func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return autograd.Log(xs[0])
		}, s.Leaf(tensor.Of([]float64{0})))
	})
	require.ErrorContains(t, err, "log: ")
	require.Panics(t, func() { _ = autograd.CatchNonFinite(func() { panic("other") }) })
}
