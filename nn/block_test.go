package nn

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func TestBlockConfig(t *testing.T) {
	require.Equal(t, BlockConfig{Dim: 96, Heads: 3, KVHeads: 3, FFN: 384}, BlockConfig{Dim: 96}.withDefaults())
	require.Equal(t, 256, BlockConfig{Dim: 96, Gated: true}.withDefaults().FFN)
	c := BlockConfig{Dim: 8, Act: SiLU, Gated: true, RopeTheta: 1e4}
	b, err := json.Marshal(c)
	require.NoError(t, err)
	require.JSONEq(t, `{"dim":8,"act":"silu","gated":true,"rope_theta":10000}`, string(b))
	var back BlockConfig
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, c, back)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"act":"swish"}`), &back), `unknown activation "swish"`)
	for _, bad := range []BlockConfig{
		{}, {Dim: -1}, {Dim: 8, Heads: 3}, {Dim: 8, Heads: 4, KVHeads: 3}, {Dim: 6, Heads: 2, RopeTheta: 10},
		{Dim: 8, Dropout: 1}, {Dim: 8, Dropout: math.NaN()}, {Dim: 8, RopeTheta: math.Inf(1)}, {Dim: 8, Act: 9}, {Dim: 8, FFN: -1},
	} {
		require.Error(t, bad.Validate(), "%+v", bad)
		require.Error(t, tensor.Try(func() error { NewBlock(pcg(), bad); return nil }))
	}
}

func TestInitialisers(t *testing.T) {
	moments := func(p *autograd.Param) (mean, std float64) {
		d := tensor.Data[float32](p.Value)
		for _, v := range d {
			mean += float64(v) / float64(len(d))
		}
		for _, v := range d {
			std += (float64(v) - mean) * (float64(v) - mean) / float64(len(d))
		}
		return mean, math.Sqrt(std)
	}
	for name, c := range map[string]struct {
		p   *autograd.Param
		std float64
	}{
		"normal":  {Normal(pcg(), 0.5, 100, 100), 0.5},
		"uniform": {Uniform(pcg(), 3, 100, 100), math.Sqrt(3)},
		"xavier":  {Xavier(pcg(), 50, 150), 0.1},
		"kaiming": {Kaiming(pcg(), 100, 50), 0.2},
		"linear":  {NewLinear(pcg(), 75, 100, false).Weight, 1.0 / 15},
	} {
		mean, std := moments(c.p)
		require.InDelta(t, 0, mean, 0.05*c.std, name)
		require.InDelta(t, c.std, std, 0.05*c.std, name)
	}
	require.Equal(t, tensor.Data[float32](Normal(pcg(), 1, 7).Value), tensor.Data[float32](Normal(pcg(), 1, 7).Value))
}

func TestDropout(t *testing.T) {
	x := Ones(1000).Value
	s := autograd.Inference()
	v := s.Const(x)
	require.Same(t, v, Dropout(0.5).Forward(s, v))
	s = autograd.Training(pcg())
	zeros := 0
	for _, y := range tensor.Data[float32](Dropout(0.25).Forward(s, s.Const(x)).Value()) {
		if y == 0 {
			zeros++
		} else {
			require.InDelta(t, 4.0/3, y, 1e-6)
		}
	}
	require.InDelta(t, 250, zeros, 50)
}

// Without gradients the layers share their memory, and count the same work.
func TestStackWithoutGradients(t *testing.T) {
	m := NewTransformer(pcg(), 6, BlockConfig{Dim: 32})
	x := noise(1, tensor.Float32, 2, 16, 32)
	peak := func(s *autograd.Scope) int {
		m.Forward(s, s.Const(x), BlockInput{Mask: autograd.AttnMask{Causal: true}}, nil)
		_, p := s.Arena().Bytes()
		return p
	}
	in, rec := autograd.Inference(), autograd.NewScope(true)
	require.Less(t, 3*peak(in), peak(rec))
	require.Equal(t, rec.FLOPs, in.FLOPs)
	require.NotZero(t, in.FLOPs)
	require.Error(t, tensor.Try(func() error {
		m.Forward(in, in.Const(x), BlockInput{}, m.Layers.NewCache(2)[1:])
		return nil
	}))
}

func TestCacheMistakes(t *testing.T) {
	m := NewTransformer(pcg(), 1, BlockConfig{Dim: 8, RopeTheta: 100})
	x := noise(1, tensor.Float32, 2, 3, 8)
	s := autograd.Inference()
	cache := m.Layers.NewCache(2)
	m.Forward(s, s.Const(x), BlockInput{}, cache)
	c := cache[0]
	require.Equal(t, []int32{3, 3}, c.Len())
	require.Equal(t, 2, c.Rows())
	rec := autograd.NewScope(true)
	for name, f := range map[string]func(){
		"row out of range":      func() { c.Reorder([]int32{0, 2}) },
		"negative row":          func() { c.Reorder([]int32{-1}) },
		"longer than it is":     func() { c.Truncate([]int32{3, 4}) },
		"too few lengths":       func() { c.Truncate([]int32{3}) },
		"other number of rows":  func() { m.Forward(s, s.Const(x.Slice(0, 0, 1)), BlockInput{}, cache) },
		"lengths of other rows": func() { m.Forward(s, s.Const(x), BlockInput{Mask: autograd.AttnMask{KeyLen: []int32{1}}}, cache) },
		"a scope that records":  func() { m.Layers[0].Attn.Forward(rec, rec.Const(x), autograd.AttnMask{}, nil, c) },
	} {
		require.Error(t, tensor.Try(func() error { f(); return nil }), name)
		require.Equal(t, []int32{3, 3}, c.Len(), name)
	}
	c.Truncate([]int32{0, 2})
	c.Reorder([]int32{1, 1, 0})
	require.Equal(t, []int32{2, 2, 0}, c.Len())
	c.Reorder(nil)
	require.Zero(t, c.Rows())
}
