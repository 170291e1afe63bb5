package nn

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The forms of Linear's Forward that end with more agree with its composition,
// with a LoRA and with dropout too.
func TestLinearForms(t *testing.T) {
	r := rand.NewPCG(1, 2)
	x, res := tensor.Normal(r, tensor.Float64, 1, 3, 5), tensor.Normal(r, tensor.Float64, 1, 3, 4)
	for _, lora := range []bool{false, true} {
		l := NewLinear(r, 5, 4, true)
		Cast(l, tensor.Float64)
		if lora {
			l.LoRA = &LoRA{A: Normal(r, 1, 2, 5), B: Normal(r, 1, 4, 2), Alpha: 2}
			Cast(l, tensor.Float64)
		}
		s := autograd.Training(rand.NewPCG(3, 4))
		in, add := s.Const(x), s.Const(res)
		y := l.Forward(s, in)
		for a := range numActivations {
			close64(t, a.Apply(y), l.ForwardAct(s, in, a))
		}
		close64(t, autograd.Add(add, y), l.ForwardAdd(s, in, add))
		target := tensor.Of([]int32{3, -1, 0})
		want, _ := CrossEntropy(y, target, -1, 0.1)
		got, n := l.CrossEntropy(s, in, target, -1, 0.1)
		require.Equal(t, 2, n)
		close64(t, want, got)
		close64(t, y, l.end(s, in, 0.5, nil), 0, 2)
		close64(t, y, l.end(s, in, 0, nil))
		close64(t, autograd.Add(add, y), l.end(s, in, 0, add))
		dropped := autograd.Sub(l.end(s, in, 0.5, add), add)
		close64(t, y, dropped, 0, 2)
		s.Train = false
		close64(t, autograd.Add(add, y), l.end(s, in, 0.5, add))
	}
}

// close64 requires each element of got to be that of want times one of scales
// (1 if none is given).
func close64(t *testing.T, want, got *autograd.Var, scales ...float64) {
	t.Helper()
	if len(scales) == 0 {
		scales = []float64{1}
	}
	g := tensor.Data[float64](got.Value())
	for i, w := range tensor.Data[float64](want.Value()) {
		ok := false
		for _, c := range scales {
			ok = ok || max(c*w-g[i], g[i]-c*w) < 1e-12
		}
		require.True(t, ok, "element %d: %v for %v times %v", i, g[i], w, scales)
	}
}
