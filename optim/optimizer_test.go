package optim

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// param makes a float64 parameter without a gradient.
func param(name string, data []float64, shape ...int) nn.Named {
	return nn.Named{Name: name, Param: &autograd.Param{Value: tensor.Of(data, shape...)}}
}

// model is the little model of the reference values: a matrix and a vector.
func model() []nn.Named {
	return []nn.Named{
		param("w", []float64{0.5, -1, 0.75, 2, 0.25, -0.5}, 2, 3),
		param("b", []float64{0.1, -0.2}, 2),
	}
}

// setGrads puts sin(1.3i + 0.7t) into element i; the vector's begin at 10.
func setGrads(ps []nn.Named, t int) {
	for k, p := range ps {
		g := tensor.New(p.Param.Value.DType(), p.Param.Value.Shape()...)
		for i := range g.Len() {
			v := math.Sin(1.3*float64(10*k+i) + 0.7*float64(t))
			if g.DType() == tensor.Float32 {
				tensor.Data[float32](g)[i] = float32(v)
			} else {
				tensor.Data[float64](g)[i] = v
			}
		}
		p.Param.Grad = g
	}
}

func weights(ps []nn.Named) []float64 {
	var out []float64
	for _, p := range ps {
		out = append(out, tensor.Data[float64](p.Param.Value)...)
	}
	return out
}

// kinds are the optimizers with the weights after five steps from model with
// the gradients of setGrads. The numbers are a Python program's that follows
// PyTorch's documentation (SGD, Adam, AdamW) and the papers (Adafactor, with
// its sums instead of our means; Muon) element by element.
var kinds = []struct {
	name string
	make func() Optimizer
	want []float64
}{
	{"sgd", func() Optimizer { return &SGD{LR: 0.1} },
		[]float64{0.217213506596907, -1.1226417279385463, 0.9671734562749802, 2.2388290182623667, 0.1605995089785065, -0.7866580715157916, -0.17710695751166874, -0.2022851300788075}},
	{"momentum", func() Optimizer { return &SGD{LR: 0.1, Momentum: 0.9, Decay: 0.05} },
		[]float64{-0.2133852438563201, -1.6147798014713377, 1.0185464769546124, 2.719563477799154, 0.3709643922424241, -1.2435838087235065, -0.7446504167882417, -0.6102382279718437}},
	{"nesterov", func() Optimizer { return &SGD{LR: 0.1, Momentum: 0.9, Nesterov: true, Decay: 0.05} },
		[]float64{-0.4283690312296863, -1.6364187144358326, 1.1907138400928825, 2.8228326338318066, 0.25527078982193807, -1.4326598382360745, -0.9372923326210862, -0.5714995352534666}},
	{"adam", func() Optimizer { return &Adam{LR: 0.01, Decay: 0.1} },
		[]float64{0.45534661663658527, -1.0352626644533875, 0.7481948522801761, 2.0419126126031384, 0.2679980590787083, -0.5455600167983792, 0.05330110103843939, -0.22847655414526757}},
	{"adamw", func() Optimizer { return &AdamW{LR: 0.01, Decay: 0.1} },
		[]float64{0.46389594424460173, -1.0326270941044124, 0.7486587718328679, 2.034878449855405, 0.2678083222749818, -0.5436395428335851, 0.05330110103843939, -0.22847655414526757}},
	{"adamw, not the defaults", func() Optimizer { return &AdamW{LR: 0.01, Beta1: 0.8, Beta2: 0.95, Eps: 1e-3, Decay: 0.1} },
		[]float64{0.4627670249693979, -1.0301069891593344, 0.7517899805981124, 2.0336717498234105, 0.2641953254801284, -0.5439612227289053, 0.05361747500030657, -0.22516270071823202}},
	{"adafactor", func() Optimizer { return &Adafactor{LR: 0.05, Decay: 0.1} },
		[]float64{0.30033355079405005, -1.0407287428756187, 0.8551227999027029, 2.1157351679913714, 0.15479558266133148, -0.7068199969507872, -0.09699108698363904, -0.17211630562562286}},
	{"adafactor, relative", func() Optimizer { return &Adafactor{Relative: true} },
		[]float64{0.4613165286960088, -1.0135136263618136, 0.7755673437942924, 2.0341113453442436, 0.23160211196416536, -0.5452623418002625, 0.09375337071330761, -0.1991365338386092}},
	{"muon", func() Optimizer { return &Muon{LR: 0.05, Decay: 0.1} },
		[]float64{0.4673505599712276, -1.0368598638875326, 0.7187485815109698, 1.9833366982997689, 0.21533950396981066, -0.5356963880187541, -0.1334944948078033, -0.34238277072633777}},
	{"muon without momentum", func() Optimizer { return &Muon{LR: 0.05, Momentum: -1} },
		[]float64{0.4725247999257378, -1.0392642585868004, 0.7564689137166982, 2.0099334777322366, 0.21373570647985457, -0.5293347898073112, -0.1334944948078033, -0.34238277072633777}},
}

func TestReferenceValues(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			ps, opt := model(), k.make()
			for step := range 5 {
				setGrads(ps, step)
				opt.Step(ps)
			}
			require.InDeltaSlice(t, k.want, weights(ps), 1e-12)

			single := model()
			for _, p := range single {
				p.Param.Value = p.Param.Value.Cast(tensor.Float32)
			}
			opt = k.make()
			for step := range 5 {
				setGrads(single, step)
				opt.Step(single)
			}
			for _, p := range single {
				p.Param.Value = p.Param.Value.Cast(tensor.Float64)
			}
			require.InDeltaSlice(t, k.want, weights(single), 1e-6)
		})
	}
}

// A state carried over in the middle, into an optimizer whose first steps it
// never saw, changes no bit.
func TestStateIsExact(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			straight, broken := model(), model()
			a, b := k.make(), k.make()
			for step := range 5 {
				setGrads(straight, step)
				a.Step(straight)
				setGrads(broken, step)
				b.Step(broken)
				state, err := b.MarshalBinary()
				require.NoError(t, err)
				b = k.make()
				require.NoError(t, b.UnmarshalBinary(state))
				again, err := b.MarshalBinary()
				require.NoError(t, err)
				require.Equal(t, state, again)
			}
			require.Equal(t, weights(straight), weights(broken))
		})
	}
}

func TestFrozenAndUnreachedAreLeftAlone(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			ps, opt := model(), k.make()
			before := weights(ps)
			setGrads(ps, 0)
			ps[0].Param.Frozen, ps[1].Param.Grad = true, nil
			ps = append(ps, param("empty", nil, 0, 3))
			ps[2].Param.Grad = tensor.New(tensor.Float64, 0, 3)
			empty, err := k.make().MarshalBinary()
			require.NoError(t, err)
			opt.Step(ps)
			require.Equal(t, before, weights(ps))
			after, err := opt.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, empty, after)
		})
	}
}

// A parameter that joins late is corrected for its own steps only.
func TestStepsCountByParameter(t *testing.T) {
	ps, opt := model(), &AdamW{LR: 0.01}
	for step := range 3 {
		setGrads(ps, step)
		ps[1].Param.Frozen = step < 2
		opt.Step(ps)
	}
	alone := model()[1:]
	setGrads(append([]nn.Named{ps[0]}, alone...), 2)
	(&AdamW{LR: 0.01}).Step(alone)
	require.Equal(t, weights(alone), weights(ps[1:]))
}

func TestDecays(t *testing.T) {
	ps := model()
	setGrads(ps, 0)
	Scale(ps, 0)
	opt := &AdamW{LR: 0.5, Decay: 0.1, Decays: func(p nn.Named) bool { return p.Name == "b" }}
	opt.Step(ps)
	require.InDeltaSlice(t, append(weights(model()[:1]), 0.095, -0.19), weights(ps), 1e-15)
	opt.SetLR(0)
	before := weights(ps)
	opt.Step(ps)
	require.Equal(t, before, weights(ps))
}

func TestStateOfAnotherShapePanics(t *testing.T) {
	ps, opt := model(), &AdamW{LR: 0.1}
	setGrads(ps, 0)
	opt.Step(ps)
	other := []nn.Named{param("w", make([]float64, 8), 4, 2)}
	setGrads(other, 0)
	require.ErrorContains(t, tensor.Try(func() error { opt.Step(other); return nil }), "adamw: the optimizer's state of w does not fit")

	half := []nn.Named{param("h", []float64{1, 2})}
	half[0].Param.Value = half[0].Param.Value.Cast(tensor.BFloat16)
	half[0].Param.Grad = half[0].Param.Value
	require.ErrorContains(t, tensor.Try(func() error { opt.Step(half); return nil }), "h is bfloat16")
}

func TestDamagedState(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			ps, opt := model(), k.make()
			setGrads(ps, 0)
			opt.Step(ps)
			state, err := opt.MarshalBinary()
			require.NoError(t, err)
			for i := range state {
				require.Error(t, opt.UnmarshalBinary(state[:i]), "cut at %d", i)
				bad := append([]byte(nil), state...)
				bad[i] ^= 1
				require.Error(t, opt.UnmarshalBinary(bad), "flipped at %d", i)
			}
			after, err := opt.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, state, after, "a failed restore changes nothing")
		})
	}
	sgd, err := (&SGD{}).MarshalBinary()
	require.NoError(t, err)
	require.ErrorContains(t, (&Adam{}).UnmarshalBinary(sgd), `of "sgd", not of "adam"`)
}

func FuzzParseState(f *testing.F) {
	ps, opt := model(), &AdamW{LR: 0.1}
	setGrads(ps, 0)
	opt.Step(ps)
	state, _ := opt.MarshalBinary()
	f.Add(state[len(stateMagic) : len(state)-32])
	f.Add([]byte("\x05adamw\x01\x01w\x01\x01\x04\x02\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\x7f"))
	f.Add(binary.AppendUvarint([]byte("\x05adamw"), math.MaxUint64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if slots, err := parseState("adamw", b); err == nil {
			st := states{slots: slots}
			again := st.marshal("adamw")
			require.NoError(t, new(states).unmarshal("adamw", again))
		}
	})
}

// Large enough that the work is split.
func TestBitsDoNotDependOnCores(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			run := func(cores int) ([]float64, float64) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
				r := rand.New(rand.NewPCG(1, 2))
				ps := []nn.Named{param("m", make([]float64, 300*500), 300, 500), param("v", make([]float64, 3*grain+7))}
				for _, p := range ps {
					for i := range tensor.Data[float64](p.Param.Value) {
						tensor.Data[float64](p.Param.Value)[i] = r.NormFloat64()
					}
				}
				opt, norm := k.make(), 0.0
				for step := range 2 {
					setGrads(ps, step)
					norm = ClipNorm(ps, 1)
					opt.Step(ps)
				}
				return weights(ps), norm
			}
			w1, n1 := run(1)
			w4, n4 := run(4)
			require.Equal(t, w1, w4)
			require.Equal(t, n1, n4)
		})
	}
}
