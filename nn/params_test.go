package nn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func names(ps []Named) []string {
	out := []string{}
	for _, p := range ps {
		out = append(out, p.Name)
	}
	return out
}

func TestSnake(t *testing.T) {
	for field, want := range map[string]string{
		"Weight": "weight", "QProj": "q_proj", "AttnNorm": "attn_norm", "FFN": "ffn", "MLP2": "mlp2",
		"W1": "w1", "Layer2Norm": "layer2_norm", "HeadQProj": "head_q_proj", "X": "x",
	} {
		got, ok := snake(field)
		require.True(t, ok, field)
		require.Equal(t, want, got)
	}
	for _, field := range []string{"FFNNorm", "LoRA", "UserLLM", "MLPUp", "FFN2Norm"} {
		_, ok := snake(field)
		require.False(t, ok, field)
	}
}

type base struct{ Scale *autograd.Param }

type Shared struct{ Bias *autograd.Param }

type zoo struct {
	Shared   // its fields are the outer struct's
	In       *Linear
	Layers   []*Linear
	Pair     [2]*Linear
	Norm     Norm
	Value    Linear // a module by value in a field is found
	Tied     *autograd.Param
	FFNNorm  *RMSNorm `name:"ffn_norm"`
	None     *Linear
	Hidden   *Linear        `name:"-"`
	Running  *tensor.Tensor // a buffer
	Any      any
	Options  map[string]int
	Func     func(*Linear)
	Numbers  []float64
	internal *tensor.Tensor // not saved
}

func newZoo() *zoo {
	r := pcg()
	z := &zoo{
		Shared: Shared{Zeros(1)}, In: NewLinear(r, 2, 3, true),
		Layers: []*Linear{NewLinear(r, 2, 2, false), nil, NewLinear(r, 2, 2, false)},
		Norm:   NewLayerNorm(2, true), Value: *NewLinear(r, 2, 2, false),
		FFNNorm: NewRMSNorm(2), Hidden: NewLinear(r, 1, 1, false),
		Running: tensor.New(tensor.Float32, 2), Any: NewEmbedding(r, 2, 2),
		internal: tensor.New(tensor.Float32, 2),
	}
	z.Pair = [2]*Linear{z.Layers[0], NewLinear(r, 2, 2, false)}
	z.Tied = z.In.Weight
	return z
}

func TestParams(t *testing.T) {
	z := newZoo()
	require.Equal(t, []string{
		"bias", "in.weight", "in.bias", "layers.0.weight", "layers.2.weight", "pair.1.weight",
		"norm.weight", "norm.bias", "value.weight", "ffn_norm.weight", "any.weight",
	}, names(Params(z)))
	require.Equal(t, "0.weight", Params([]any{z.In, z})[0].Name)
	bs := Buffers(z)
	require.Len(t, bs, 1)
	require.Equal(t, "running", bs[0].Name)
	require.Same(t, z.Running, bs[0].Tensor)
	total, trained := NumParams(z)
	require.Equal(t, 1+6+3+4+4+4+2+2+4+2+4, total)
	require.Equal(t, total, trained)

	Cast(z, tensor.Float64)
	require.Equal(t, tensor.Float64, z.Running.DType())
	for _, p := range Params(z) {
		require.Equal(t, tensor.Float64, p.Param.Value.DType(), p.Name)
	}
	require.Same(t, z.Tied, z.In.Weight)
	require.Equal(t, tensor.Float32, z.Hidden.Weight.Value.DType())
}

func TestParamsPanics(t *testing.T) {
	l := NewLinear(pcg(), 1, 1, false)
	type loop struct{ Next any }
	cycle := &loop{}
	cycle.Next = cycle
	type inside struct{ hidden any }
	for name, m := range map[string]any{
		"unexported field":             &struct{ w *autograd.Param }{},
		"unexported nested":            &struct{ layers []struct{ L *Linear } }{},
		"unexported embedded":          &struct{ base }{},
		"unexported interface":         &struct{ n Norm }{NewRMSNorm(1)},
		"interface to unexported":      &struct{ X any }{&inside{l}},
		"map":                          &struct{ M map[string]*Linear }{},
		"map of interfaces":            &struct{ M map[string]any }{map[string]any{"a": l}},
		"cycle":                        cycle,
		"module by value in interface": &struct{ X any }{*l},
		"initialism":                   &struct{ FFNNorm *RMSNorm }{},
		"initialism in interface":      &struct{ FFNNorm Norm }{NewRMSNorm(1)},
		"initialism of a buffer":       &struct{ EMAMean *tensor.Tensor }{},
		"param by value":               &struct{ W autograd.Param }{},
		"tensor by value":              &struct{ T tensor.Tensor }{},
		"model by value":               Linear{},
		"two of one name": &struct {
			A, B *autograd.Param `name:"x"`
		}{Zeros(1), Zeros(1)},
		"embedded shadows": &struct {
			Shared
			Bias *autograd.Param
		}{Shared{Zeros(1)}, Zeros(1)},
	} {
		require.Panics(t, func() { Params(m) }, name)
	}
	for name, m := range map[string]any{
		"nil":                        nil,
		"typed nil":                  (*Linear)(nil),
		"empty map of interfaces":    &struct{ M map[string]any }{map[string]any{"a": 1}},
		"initialism of no parameter": &struct{ XYZAny any }{3},
		"struct in an interface":     &struct{ X any }{struct{ A int }{1}},
	} {
		require.Empty(t, Params(m), name)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"layers.*.attn.**", "layers.3.attn.q_proj.weight", true},
		{"layers.*.attn.**", "layers.3.ffn.up_proj.weight", false},
		{"layers.*.weight", "layers.3.attn.weight", false},
		{"**", "a", true},
		{"**.weight", "weight", true},
		{"**.cross.**", "layers.1.cross.gate", true},
		{"**.cross.**", "cross", true},
		{"**.lora.*", "head.lora.a", true},
		{"layers.*.attn.?_proj.*", "layers.0.attn.q_proj.weight", true},
		{"layers.[01].**", "layers.2.w", false},
		{"a.b", "a.b.c", false},
		{"a.b.c", "a.b", false},
	} {
		g, err := parseGlob(c.pattern)
		require.NoError(t, err)
		require.Equal(t, c.want, g.match(c.name), "%s on %s", c.pattern, c.name)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("layers.*.**", "layers.0.attn")
	f.Add("[", "a")
	f.Add("**.**.**.**.**.**.**.x", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if g, err := parseGlob(pattern); err == nil {
			g.match(name)
		}
	})
}

func TestTrainOnly(t *testing.T) {
	z := newZoo()
	require.NoError(t, TrainOnly(z, "layers.**", "in.bias"))
	for _, p := range Params(z) {
		want := p.Name == "layers.0.weight" || p.Name == "layers.2.weight" || p.Name == "in.bias"
		require.Equal(t, want, !p.Param.Frozen, p.Name)
	}
	require.ErrorContains(t, TrainOnly(z, "norm.*", "nothing.*"), `"nothing.*"`)
	require.Error(t, TrainOnly(z, "layers.[.x"))
	require.Error(t, TrainOnly(z, ""))
	require.False(t, z.In.Bias.Frozen, "an error changes nothing")
	require.NoError(t, TrainOnly(z))
	_, trained := NumParams(z)
	require.Zero(t, trained)
}

func TestLoRA(t *testing.T) {
	r := pcg()
	m := NewTransformer(r, 2, BlockConfig{Dim: 8, Heads: 2})
	x := noise(1, tensor.Float32, 2, 3, 8)
	run := func() []float32 {
		s := autograd.Inference()
		return tensor.Data[float32](m.Forward(s, s.Const(x), BlockInput{}, nil).Detach())
	}
	before, named := run(), names(Params(m))
	added, err := AddLoRA(r, m, 2, 4, "layers.*.attn.[qv]_proj", "layers.1.ffn.*")
	require.NoError(t, err)
	require.Equal(t, []string{
		"layers.0.attn.q_proj", "layers.0.attn.v_proj", "layers.1.attn.q_proj", "layers.1.attn.v_proj",
		"layers.1.ffn.up_proj", "layers.1.ffn.down_proj",
	}, added)
	require.Equal(t, before, run(), "B is zero")
	require.NoError(t, TrainOnly(m, "**.lora.*"))
	_, trained := NumParams(m)
	require.Equal(t, 4*2*(8+8)+2*2*(8+32), trained)
	require.Subset(t, names(Params(m)), named)

	for _, l := range []*Linear{m.Layers[0].Attn.VProj, m.Layers[1].FFN.DownProj} {
		l.LoRA.B.Value = noise(3, tensor.Float32, l.LoRA.B.Value.Shape()...)
	}
	apart := run()
	require.NotEqual(t, before, apart)
	MergeLoRA(m)
	require.Equal(t, named, names(Params(m)))
	merged := run()
	for i := range apart {
		require.InDelta(t, apart[i], merged[i], 1e-5)
	}

	_, err = AddLoRA(r, m, 0, 1, "**.q_proj")
	require.Error(t, err)
	_, err = AddLoRA(r, m, 2, 1, "**.weight")
	require.ErrorContains(t, err, "matches no linear layer")
	_, err = AddLoRA(r, m, 2, 1, "layers.1.attn.q_proj")
	require.NoError(t, err)
	_, err = AddLoRA(r, m, 2, 1, "**.q_proj")
	require.ErrorContains(t, err, "layers.1.attn.q_proj has a LoRA")
	require.Nil(t, m.Layers[0].Attn.QProj.LoRA)

	half := NewLinear(r, 4, 4, false)
	Cast(half, tensor.BFloat16)
	half.LoRA = &LoRA{A: Ones(1, 4), B: Ones(4, 1), Alpha: 2}
	w := half.Weight.Value.Cast(tensor.Float32)
	MergeLoRA(half)
	require.Equal(t, tensor.BFloat16, half.Weight.Value.DType())
	require.InDelta(t, w.At(1, 2)+2, half.Weight.Value.At(1, 2), 0.01)
}
