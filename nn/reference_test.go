package nn

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The references below are plain loops over vectors, written from the papers'
// formulas and sharing nothing with the kernels.

type vec = []float64

// vectors returns t [..., n] as rows.
func vectors(t *tensor.Tensor) []vec {
	d, n := tensor.Data[float64](t.Contiguous()), t.Dim(-1)
	var out []vec
	for i := 0; i < len(d); i += n {
		out = append(out, d[i:i+n])
	}
	return out
}

func (l *Linear) plain(x vec) vec {
	y := make(vec, l.Weight.Value.Dim(0))
	for o, w := range vectors(l.Weight.Value) {
		for i, v := range x {
			y[o] += w[i] * v
		}
		if l.Bias != nil {
			y[o] += l.Bias.Value.At(o)
		}
	}
	return y
}

func plainNorm(n Norm, x vec) vec {
	y, mean, sq := make(vec, len(x)), 0.0, 0.0
	l, layer := n.(*LayerNorm)
	if layer {
		for _, v := range x {
			mean += v / float64(len(x))
		}
	}
	for _, v := range x {
		sq += (v - mean) * (v - mean) / float64(len(x))
	}
	for i, v := range x {
		y[i] = (v - mean) / math.Sqrt(sq+1e-5)
		if layer {
			y[i] *= l.Weight.Value.At(i)
			if l.Bias != nil {
				y[i] += l.Bias.Value.At(i)
			}
		} else {
			y[i] *= n.(*RMSNorm).Weight.Value.At(i)
		}
	}
	return y
}

// turn is the rotation of Su et al. in the rotate-half layout.
func turn(x vec, pos int, theta float64) vec {
	y, half := make(vec, len(x)), len(x)/2
	for j := range half {
		sin, cos := math.Sincos(float64(pos) / math.Pow(theta, float64(2*j)/float64(len(x))))
		y[j], y[j+half] = x[j]*cos-x[j+half]*sin, x[j]*sin+x[j+half]*cos
	}
	return y
}

// plainAttend is one query's attention: head h of q reads the part of k and v
// that its group shares; see says which keys it sees.
func plainAttend(q vec, ks, vs []vec, heads, kvHeads int, see func(j int) bool) vec {
	d := len(q) / heads
	out := make(vec, len(q))
	for h := range heads {
		g, sum := h/(heads/kvHeads)*d, 0.0
		for j, k := range ks {
			if !see(j) {
				continue
			}
			dot := 0.0
			for i := range d {
				dot += q[h*d+i] * k[g+i]
			}
			w := math.Exp(dot / math.Sqrt(float64(d)))
			sum += w
			for i := range d {
				out[h*d+i] += w * vs[j][g+i]
			}
		}
		for i := range d {
			if sum > 0 {
				out[h*d+i] /= sum
			}
		}
	}
	return out
}

func (a *Attention) plain(xs []vec, see func(i, j int) bool) []vec {
	var qs, ks, vs, out []vec
	spin := func(x vec, pos int) vec {
		if a.RopeTheta == 0 {
			return x
		}
		var y vec
		d := a.QProj.Weight.Value.Dim(0) / a.Heads
		for h := 0; h < len(x); h += d {
			y = append(y, turn(x[h:h+d], pos, a.RopeTheta)...)
		}
		return y
	}
	for i, x := range xs {
		qs, ks, vs = append(qs, spin(a.QProj.plain(x), i)), append(ks, spin(a.KProj.plain(x), i)), append(vs, a.VProj.plain(x))
	}
	for i, q := range qs {
		out = append(out, a.OProj.plain(plainAttend(q, ks, vs, a.Heads, a.KVHeads, func(j int) bool { return see(i, j) })))
	}
	return out
}

func (a *CrossAttention) plain(x vec, memory []vec) vec {
	var ks, vs []vec
	for _, m := range memory {
		ks, vs = append(ks, a.KProj.plain(m)), append(vs, a.VProj.plain(m))
	}
	y := a.OProj.plain(plainAttend(a.QProj.plain(plainNorm(a.Norm, x)), ks, vs, a.Heads, a.KVHeads, func(int) bool { return true }))
	gate := 1.0
	if a.Gate != nil {
		gate = math.Tanh(a.Gate.Value.Item())
	}
	return plus(x, y, gate)
}

func plus(x, y vec, c float64) vec {
	z := make(vec, len(x))
	for i := range z {
		z[i] = x[i] + c*y[i]
	}
	return z
}

func (f *FFN) plain(x vec) vec {
	act := map[Activation]func(float64) float64{
		GELU:     func(v float64) float64 { return v * 0.5 * (1 + math.Erf(v/math.Sqrt2)) },
		GELUTanh: func(v float64) float64 { return 0.5 * v * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) },
		SiLU:     func(v float64) float64 { return v / (1 + math.Exp(-v)) },
		ReLU:     func(v float64) float64 { return math.Max(0, v) },
	}[f.Act]
	h := f.UpProj.plain(x)
	if f.GateProj != nil {
		for i, g := range f.GateProj.plain(x) {
			h[i] *= act(g)
		}
	} else {
		for i := range h {
			h[i] = act(h[i])
		}
	}
	return f.DownProj.plain(h)
}

func requireRows(t *testing.T, want []vec, got *autograd.Var) {
	t.Helper()
	rows := vectors(got.Value())
	require.Len(t, rows, len(want))
	for i := range want {
		require.InDeltaSlice(t, want[i], rows[i], 1e-10, "row %d", i)
	}
}

func TestNormsAgainstPlainLoops(t *testing.T) {
	for _, n := range []Norm{NewLayerNorm(5, true), NewLayerNorm(5, false), NewRMSNorm(5)} {
		dense(n)
		x := noise(1, tensor.Float64, 2, 3, 5)
		var want []vec
		for _, v := range vectors(x) {
			want = append(want, plainNorm(n, v))
		}
		s := autograd.Inference()
		requireRows(t, want, n.Forward(s, s.Const(x)))
	}
}

func TestFFNAgainstPlainLoops(t *testing.T) {
	for act := range numActivations {
		for _, gated := range []bool{false, true} {
			f := dense(NewFFN(pcg(), BlockConfig{Dim: 4, FFN: 6, Act: act, Gated: gated})).(*FFN)
			x := noise(2, tensor.Float64, 5, 4)
			var want []vec
			for _, v := range vectors(x) {
				want = append(want, f.plain(v))
			}
			s := autograd.Inference()
			requireRows(t, want, f.Forward(s, s.Const(x)))
		}
	}
}

func TestAttentionAgainstPlainLoops(t *testing.T) {
	const seq = 5
	for name, c := range map[string]struct {
		kv     int
		theta  float64
		window int
		mask   autograd.AttnMask
		see    func(b, i, j int) bool
	}{
		"all":     {4, 0, 0, autograd.AttnMask{}, func(_, i, j int) bool { return true }},
		"causal":  {2, 30, 0, autograd.AttnMask{Causal: true}, func(_, i, j int) bool { return j <= i }},
		"window":  {1, 30, 2, autograd.AttnMask{Causal: true}, func(_, i, j int) bool { return j <= i && i-j < 2 }},
		"padding": {4, 0, 0, autograd.AttnMask{KeyLen: []int32{3, 0}}, func(b, i, j int) bool { return b == 0 && j < 3 }},
	} {
		t.Run(name, func(t *testing.T) {
			a := NewAttention(pcg(), BlockConfig{Dim: 8, Heads: 4, KVHeads: c.kv, RopeTheta: c.theta})
			a.Window = c.window
			dense(a)
			x := noise(3, tensor.Float64, 2, seq, 8)
			var want []vec
			for b := range 2 {
				want = append(want, a.plain(vectors(x.Select(0, b)), func(i, j int) bool { return c.see(b, i, j) })...)
			}
			s := autograd.Inference()
			requireRows(t, want, a.Forward(s, s.Const(x), c.mask, nil, nil))
		})
	}
}

// Rows that share a memory read what each is allowed to; with lengths of its
// own every query reads its own range.
func TestCrossAttentionAgainstPlainLoops(t *testing.T) {
	a := dense(NewCrossAttention(pcg(), BlockConfig{Dim: 8, Heads: 4, KVHeads: 2, MemoryDim: 5, CrossGate: true})).(*CrossAttention)
	x, mem := noise(4, tensor.Float64, 4, 3, 8), noise(5, tensor.Float64, 2, 6, 5)
	s := autograd.Inference()
	lens := []int32{6, 0, 2, 5}
	var want, ranges []vec
	var start, end []int32
	for i, v := range vectors(x) {
		row := i / 3
		m := vectors(mem.Select(0, row/2))
		want = append(want, a.plain(v, m[:lens[row]]))
		lo, hi := i%4, i%4+i%3
		start, end = append(start, int32(lo)), append(end, int32(hi))
		ranges = append(ranges, a.plain(v, m[lo:hi]))
	}
	requireRows(t, want, a.Forward(s, s.Const(x), s.Const(mem), nil, lens, nil))
	requireRows(t, ranges, a.Forward(s, s.Const(x), s.Const(mem), start, end, nil))

	empty := s.Const(tensor.New(tensor.Float64, 2, 0, 5))
	requireRows(t, vectors(x), a.Forward(s, s.Const(x), empty, nil, nil, nil))
	for _, f := range []func(){
		func() { a.Forward(s, s.Const(x), s.Const(mem), nil, []int32{1, 2}, nil) },
		func() { a.Forward(s, s.Const(x), s.Const(mem), start, lens, nil) },
		func() { a.Forward(s, s.Const(x), s.Const(noise(5, tensor.Float64, 3, 6, 5)), nil, nil, nil) },
	} {
		require.Error(t, tensor.Try(func() error { f(); return nil }))
	}
}

func TestPerceiverAgainstPlainLoops(t *testing.T) {
	p := dense(NewPerceiver(pcg(), 3, 2, BlockConfig{Dim: 8, Heads: 2, FFN: 6, MemoryDim: 5})).(*PerceiverResampler)
	x := noise(6, tensor.Float64, 2, 4, 5)
	reference := func(lens []int32, groups int) []vec {
		var out []vec
		for row, n := range lens {
			m := vectors(x.Select(0, row/groups))[:n]
			for _, z := range vectors(p.Latents.Value) {
				for _, l := range p.Layers {
					z = l.Cross.plain(z, m)
					z = plus(z, l.FFN.plain(plainNorm(l.FFNNorm, z)), 1)
				}
				out = append(out, plainNorm(p.Norm, z))
			}
		}
		return out
	}
	s := autograd.NewScope(true)
	got := p.Forward(s, s.Const(x), []int32{4, 0, 2, 1}, 2)
	require.Equal(t, []int{4, 3, 8}, got.Shape())
	requireRows(t, reference([]int32{4, 0, 2, 1}, 2), got)
	requireRows(t, reference([]int32{4, 4}, 1), p.Forward(s, s.Const(x), nil, 1))
	require.Error(t, tensor.Try(func() error { p.Forward(s, s.Const(x), []int32{1, 2}, 2); return nil }))
}

func TestTransformerAgainstPlainLoops(t *testing.T) {
	for _, post := range []bool{false, true} {
		tr := dense(NewTransformer(pcg(), 2, BlockConfig{Dim: 8, Heads: 2, FFN: 6, MemoryDim: 5, PostNorm: post})).(*Transformer)
		x, mem := noise(7, tensor.Float64, 1, 3, 8), noise(8, tensor.Float64, 1, 4, 5)
		h := vectors(x)
		causal := func(i, j int) bool { return j <= i }
		for _, l := range tr.Layers {
			residual := func(n Norm, f func([]vec) []vec) {
				in := h
				if !post {
					in = each(h, func(v vec) vec { return plainNorm(n, v) })
				}
				out := f(in)
				for i := range out {
					out[i] = plus(h[i], out[i], 1)
				}
				if post {
					out = each(out, func(v vec) vec { return plainNorm(n, v) })
				}
				h = out
			}
			residual(l.AttnNorm, func(x []vec) []vec { return l.Attn.plain(x, causal) })
			h = each(h, func(v vec) vec { return l.Cross.plain(v, vectors(mem)) })
			residual(l.FFNNorm, func(x []vec) []vec { return each(x, l.FFN.plain) })
		}
		if tr.Norm != nil {
			h = each(h, func(v vec) vec { return plainNorm(tr.Norm, v) })
		}
		require.Equal(t, post, tr.Norm == nil)
		for _, s := range []*autograd.Scope{autograd.NewScope(true), autograd.Inference()} {
			requireRows(t, h, tr.Forward(s, s.Const(x), BlockInput{Mask: autograd.AttnMask{Causal: true}, Memory: s.Const(mem)}, nil))
		}
	}
}

func each(xs []vec, f func(vec) vec) []vec {
	var out []vec
	for _, x := range xs {
		out = append(out, f(x))
	}
	return out
}
