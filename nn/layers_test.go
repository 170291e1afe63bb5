package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func pcg() *rand.PCG { return rand.NewPCG(1, 2) }

// noise returns a heap tensor of normal numbers.
func noise(seed uint64, dt tensor.DType, shape ...int) *tensor.Tensor {
	r := rand.New(rand.NewPCG(seed, 9))
	t := tensor.New(tensor.Float64, shape...)
	for i, d := 0, tensor.Data[float64](t); i < len(d); i++ {
		d[i] = r.NormFloat64()
	}
	return t.Cast(dt)
}

func dense(m any) any {
	Cast(m, tensor.Float64)
	for i, p := range Params(m) { // off the zeros and ones of the start
		tensor.AddScaled(p.Param.Value, noise(uint64(100+i), tensor.Float64, p.Param.Value.Shape()...), 0.3)
	}
	return m
}

// A layer's case: f applies m to the inputs xs.
type layerCase struct {
	name string
	m    any
	f    func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var
	xs   []*tensor.Tensor
}

func layerCases() []layerCase {
	r := pcg()
	f64 := func(seed uint64, shape ...int) *tensor.Tensor { return noise(seed, tensor.Float64, shape...) }
	var cs []layerCase
	add := func(name string, m any, f func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var, xs ...*tensor.Tensor) {
		cs = append(cs, layerCase{name, dense(m), f, xs})
	}
	linear := NewLinear(r, 4, 3, true)
	add("linear", linear, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return linear.Forward(s, xs[0]) }, f64(1, 2, 5, 4))
	lora := NewLinear(r, 4, 3, false)
	lora.LoRA = &LoRA{A: Normal(r, 1, 2, 4), B: Normal(r, 1, 3, 2), Alpha: 3}
	add("lora", lora, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return lora.Forward(s, xs[0]) }, f64(1, 5, 4))
	embed := NewEmbedding(r, 5, 3)
	add("embedding", embed, func(s *autograd.Scope, _ ...*autograd.Var) *autograd.Var {
		return embed.Forward(s, tensor.Of([]int32{1, 4, 1, 0}, 2, 2))
	})
	for name, n := range map[string]Norm{"layer norm": NewLayerNorm(4, true), "layer norm without bias": NewLayerNorm(4, false), "rms norm": NewRMSNorm(4)} {
		add(name, n, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var { return n.Forward(s, xs[0]) }, f64(2, 3, 4))
	}
	for act := range numActivations {
		for _, gated := range []bool{false, true} {
			ffn := NewFFN(r, BlockConfig{Dim: 4, FFN: 6, Act: act, Gated: gated})
			add(fmt.Sprintf("ffn %v gated=%v", act, gated), ffn, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
				return ffn.Forward(s, xs[0])
			}, f64(3, 3, 4))
		}
	}
	drop := Dropout(0.4)
	add("dropout", &struct{}{}, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		s.Train, s.Rand = true, rand.NewPCG(5, 5)
		return drop.Forward(s, xs[0])
	}, f64(4, 3, 5))
	for name, c := range map[string]struct {
		mask   autograd.AttnMask
		theta  float64
		kv     int
		window int
	}{
		"attention":        {},
		"causal rope gqa":  {autograd.AttnMask{Causal: true}, 100, 2, 0},
		"padded":           {autograd.AttnMask{KeyLen: []int32{3, 0}}, 0, 1, 0},
		"causal windowed":  {autograd.AttnMask{Causal: true}, 10, 4, 2},
		"padded both ways": {autograd.AttnMask{Causal: true, KeyLen: []int32{2, 4}}, 0, 4, 0},
	} {
		a := NewAttention(r, BlockConfig{Dim: 8, Heads: 4, KVHeads: c.kv, RopeTheta: c.theta})
		a.Window = c.window
		add("attention: "+name, a, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return a.Forward(s, xs[0], c.mask, nil, nil)
		}, f64(5, 2, 4, 8))
	}
	for name, c := range map[string]struct {
		rows int
		gate bool
		lens []int32
	}{
		"plain": {2, false, nil}, "gated": {2, true, []int32{3, 0}}, "grouped": {6, true, []int32{1, 2, 3, 0, 3, 2}},
	} {
		x := NewCrossAttention(r, BlockConfig{Dim: 8, Heads: 4, KVHeads: 2, MemoryDim: 5, CrossGate: c.gate, RMSNorm: true})
		add("cross attention: "+name, x, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return x.Forward(s, xs[0], xs[1], nil, c.lens, nil)
		}, f64(6, c.rows, 2, 8), f64(7, 2, 3, 5))
	}
	for name, c := range map[string]BlockConfig{
		"pre-norm":  {Dim: 8, Heads: 2, FFN: 6, MemoryDim: 5, CrossGate: true},
		"post-norm": {Dim: 8, Heads: 2, FFN: 6, MemoryDim: 5, PostNorm: true},
		"llama":     {Dim: 8, Heads: 2, KVHeads: 1, FFN: 6, Act: SiLU, Gated: true, RMSNorm: true, NoBias: true, RopeTheta: 50},
	} {
		tr := NewTransformer(r, 2, c)
		add("transformer: "+name, tr, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return tr.Forward(s, xs[0], BlockInput{Mask: autograd.AttnMask{Causal: true}, Memory: xs[1]}, nil)
		}, f64(8, 2, 3, 8), f64(9, 2, 4, 5))
	}
	per := NewPerceiver(r, 3, 2, BlockConfig{Dim: 8, Heads: 2, FFN: 6, MemoryDim: 5})
	per.Layers[1].AttnNorm, per.Layers[1].Attn = NewRMSNorm(8), NewAttention(r, BlockConfig{Dim: 8, Heads: 2})
	add("perceiver", per, func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return per.Forward(s, xs[0], []int32{4, 0, 2, 1}, 2)
	}, f64(10, 2, 4, 5))
	return cs
}

func TestGradients(t *testing.T) {
	for _, c := range layerCases() {
		t.Run(c.name, func(t *testing.T) {
			var ps []*autograd.Param
			for _, p := range Params(c.m) {
				ps = append(ps, p.Param)
			}
			require.NoError(t, autograd.GradCheckParams(func(s *autograd.Scope) *autograd.Var {
				var xs []*autograd.Var
				for _, x := range c.xs {
					xs = append(xs, s.Const(x))
				}
				return c.f(s, xs...)
			}, 1e-6, ps...))
			require.NoError(t, autograd.GradCheck(c.f, 1e-6, c.xs...))
		})
	}
}

// Every layer gives nearly the same values and gradients in float32 as in
// float64, and the same values in a scope that records and one that does not.
func TestPrecisions(t *testing.T) {
	for _, c := range layerCases() {
		t.Run(c.name, func(t *testing.T) {
			run := func(s *autograd.Scope, dt tensor.DType) (*tensor.Tensor, []*tensor.Tensor) {
				Cast(c.m, dt)
				var xs []*autograd.Var
				for _, x := range c.xs {
					xs = append(xs, s.Leaf(x.Cast(dt)))
				}
				y := c.f(s, xs...)
				v := y.Detach()
				var gs []*tensor.Tensor
				if s.Grad() {
					autograd.Sum(autograd.Mul(y, s.Const(noise(77, dt, y.Shape()...)))).Backward()
					for _, p := range Params(c.m) {
						gs = append(gs, p.Param.Grad)
					}
					for _, x := range xs {
						if x.Grad() != nil { // nil: a memory that nothing reads
							gs = append(gs, x.Grad().Clone())
						}
					}
				}
				return v, gs
			}
			inferred, _ := run(autograd.Inference(), tensor.Float64)
			want, wantGrads := run(autograd.NewScope(true), tensor.Float64)
			got, gotGrads := run(autograd.NewScope(true), tensor.Float32)
			require.Equal(t, tensor.Data[float64](want), tensor.Data[float64](inferred))
			near(t, want, got)
			for i := range wantGrads {
				near(t, wantGrads[i], gotGrads[i])
			}
		})
	}
}

func near(t *testing.T, want, got *tensor.Tensor) {
	t.Helper()
	w, g := tensor.Data[float64](want.Cast(tensor.Float64)), tensor.Data[float64](got.Cast(tensor.Float64))
	most := 1.0
	for _, v := range w {
		most = max(most, v, -v)
	}
	for i := range w {
		require.InDelta(t, w[i], g[i], 2e-5*most)
	}
}
