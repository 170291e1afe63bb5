package optim

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// Whatever the singular values of a gradient, those of the step are alike: for wide,
// high and square matrices, and for one whose columns are all that is beyond its
// first dimension.
func TestMuonIsOrthogonal(t *testing.T) {
	for _, shape := range [][]int{{4, 9}, {9, 4}, {6, 6}, {1, 5}, {5, 1}, {3, 2, 4}} {
		r := rand.New(rand.NewPCG(1, 2))
		w, g := tensor.New(tensor.Float64, shape...), tensor.New(tensor.Float64, shape...)
		rows := shape[0]
		cols := g.Len() / rows
		for i := range g.Len() { // values a hundred times as large in some rows
			tensor.Data[float64](g)[i] = r.NormFloat64() * math.Pow(100, float64(i/cols)/float64(rows))
		}
		opt := &Muon{LR: 1}
		opt.Step([]nn.Named{{Name: "w", Param: &autograd.Param{Value: w, Grad: g}}})
		var svd mat.SVD
		require.True(t, svd.Factorize(mat.NewDense(rows, cols, tensor.Data[float64](w)), mat.SVDNone))
		for _, v := range svd.Values(nil) {
			v /= 0.2 * math.Sqrt(float64(max(rows, cols)))
			require.Greater(t, v, .6, "%v", shape)
			require.Less(t, v, 1.25, "%v", shape)
		}
	}
}

// A gradient of zeros moves nothing, and the transpose of a gradient makes the
// transpose of the step.
func TestMuonTransposed(t *testing.T) {
	step := func(g []float64, rows, cols int) []float64 {
		p := param("w", make([]float64, len(g)), rows, cols)
		p.Param.Grad = tensor.Of(g, rows, cols)
		(&Muon{LR: .1, Decay: .1}).Step([]nn.Named{p})
		return tensor.Data[float64](p.Param.Value)
	}
	require.Equal(t, make([]float64, 6), step(make([]float64, 6), 2, 3))
	wide, high := step([]float64{1, 2, 3, -4, 5, 6}, 2, 3), step([]float64{1, -4, 2, 5, 3, 6}, 3, 2)
	for i := range 2 {
		for j := range 3 {
			require.InDelta(t, wide[i*3+j], high[j*2+i], 1e-12)
		}
	}
}

func TestHiddenMatrices(t *testing.T) {
	for name, hidden := range map[string]bool{
		"layers.0.attn.q_proj.weight": true, "head_norm.weight": true,
		"embed.weight": false, "embed_tokens.weight": false, "lm_head.weight": false, "head.weight": false, "encoder.embed.weight": false,
	} {
		require.Equal(t, hidden, HiddenMatrices(param(name, make([]float64, 4), 2, 2)), name)
		require.False(t, HiddenMatrices(param(name, make([]float64, 4), 4)), "a vector")
	}
	// What is not hidden is moved as by AdamW.
	a, b := model(), model()
	setGrads(a, 0)
	setGrads(b, 0)
	(&Muon{LR: .1, Decay: .1, Hidden: func(nn.Named) bool { return false }}).Step(a)
	(&AdamW{LR: .1, Decay: .1}).Step(b)
	require.Equal(t, weights(b), weights(a))
}
