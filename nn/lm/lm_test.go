package lm

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

var small = Config{Vocab: 17, Dim: 16, Layers: 3, Heads: 4, KVHeads: 2, FFN: 24, MaxLen: 32}

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

func ids(rows, n int, v ...int32) *tensor.Tensor { return tensor.Of(v, rows, n) }

// open sets every gate to a value away from 0.
func open(m *Model) {
	for _, l := range m.Layers {
		if l.Cross != nil && l.Cross.Gate != nil {
			tensor.Fill(l.Cross.Gate.Value, 0.7)
		}
	}
}

func TestNames(t *testing.T) {
	c := small
	c.Layers, c.CrossEvery, c.Gated, c.Untied = 2, 2, true, true
	var names []string
	for _, p := range nn.Params(New(pcg(), c)) {
		names = append(names, p.Name)
	}
	block := func(l string) []string {
		return []string{
			l + "attn_norm.weight", l + "attn.q_proj.weight", l + "attn.k_proj.weight", l + "attn.v_proj.weight", l + "attn.o_proj.weight",
		}
	}
	ffn := func(l string) []string {
		return []string{l + "ffn_norm.weight", l + "ffn.gate_proj.weight", l + "ffn.up_proj.weight", l + "ffn.down_proj.weight"}
	}
	want := []string{"embed.weight"}
	want = append(want, block("layers.0.")...)
	want = append(want, ffn("layers.0.")...)
	want = append(want, block("layers.1.")...)
	for _, n := range []string{"norm.weight", "q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight", "gate"} {
		want = append(want, "layers.1.cross."+n)
	}
	want = append(want, ffn("layers.1.")...)
	want = append(want, "norm.weight", "head.weight")
	require.Equal(t, want, names)
}

func TestConfig(t *testing.T) {
	m := New(pcg(), Config{})
	require.Equal(t, Config{Vocab: 256, Dim: 128, Layers: 4, Heads: 4, KVHeads: 4, FFN: 352, MaxLen: 512, RopeTheta: 10000, MemoryDim: 128}, m.Config)
	b, err := json.Marshal(m.Config)
	require.NoError(t, err)
	var c Config
	require.NoError(t, json.Unmarshal(b, &c))
	require.Equal(t, m.Config, c)
	for _, bad := range []Config{{Dim: 10, Heads: 3}, {Vocab: -1}, {Heads: 4, KVHeads: 3}, {Dropout: 1}, {Layers: -2}, {Dim: 12, Heads: 4}, {RopeTheta: math.NaN()}, {CrossEvery: -1}, {MemoryDim: -4}} {
		require.Error(t, bad.Validate(), "%+v", bad)
		require.Error(t, tensor.Try(func() error { New(pcg(), bad); return nil }))
	}
}

// Adding cross-attention behind a closed gate changes no bit of the logits.
func TestGateZeroIsPlain(t *testing.T) {
	plain := New(pcg(), small)
	c := small
	c.CrossEvery, c.MemoryDim, c.Gated = 2, 6, true
	cross := New(pcg(), c)
	tokens := ids(2, 4, 1, 2, 3, 4, 5, 6, 7, 8)
	mem := noise(3, tensor.Float32, 1, 5, 6)
	a := autograd.Inference()
	want := bits(plain.Logits(a, plain.Hidden(a, Input{Tokens: tokens})))
	s := autograd.NewScope(true)
	leaf := s.Leaf(mem)
	h := cross.Hidden(s, Input{Tokens: tokens, Memory: leaf, MemoryLen: []int32{5, 3}})
	got := cross.Logits(s, h)
	require.Equal(t, want, bits(got))
	autograd.Sum(got).Backward()
	for _, g := range tensor.Data[float32](leaf.Grad()) {
		require.Zero(t, g, "the memory's gradient behind a closed gate")
	}
	require.NotZero(t, cross.Layers[1].Cross.Gate.Grad.Item(), "the gate learns")

	open(cross)
	a.Reset()
	require.NotEqual(t, want, bits(cross.Logits(a, cross.Hidden(a, Input{Tokens: tokens, Memory: a.Const(mem)}))))
}

func bits(v *autograd.Var) []uint32 {
	var out []uint32
	for _, f := range tensor.Data[float32](v.Value().Clone()) {
		out = append(out, math.Float32bits(f))
	}
	return out
}

func TestGradients(t *testing.T) {
	c := Config{Vocab: 7, Dim: 8, Layers: 2, Heads: 4, KVHeads: 2, FFN: 10, CrossEvery: 2, MemoryDim: 6, Gated: true, Untied: true}
	m := New(pcg(), c)
	open(m)
	nn.Cast(m, tensor.Float64)
	m.Embed.Weight.Value = noise(8, tensor.Float64, 7, 8) // norms of small vectors bend too much for differences
	_, err := nn.AddLoRA(pcg(), m, 2, 4, "layers.*.attn.q_proj", "head")
	require.NoError(t, err)
	for _, l := range []*nn.Linear{m.Layers[0].Attn.QProj, m.Head} {
		l.LoRA.B.Value = noise(5, tensor.Float64, l.LoRA.B.Value.Shape()...)
	}
	tokens, target := ids(4, 3, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5), ids(4, 3, 2, 3, -1, -1, 6, 0, 1, 2, 3, -1, -1, 6)
	f := func(s *autograd.Scope, prefix, mem *autograd.Var) *autograd.Var {
		sum, n := m.Loss(s, Input{Tokens: tokens, Prefix: prefix, Memory: mem, MemoryLen: []int32{3, 0, 2, 1}}, target)
		require.Equal(t, 8, n)
		return sum
	}
	prefix, mem := noise(6, tensor.Float64, 4, 2, 8), noise(7, tensor.Float64, 2, 3, 6)
	var ps []*autograd.Param
	for _, p := range nn.Params(m) {
		ps = append(ps, p.Param)
	}
	require.NoError(t, autograd.GradCheckParams(func(s *autograd.Scope) *autograd.Var {
		return f(s, s.Const(prefix), s.Const(mem))
	}, 1e-7, ps...))
	require.NoError(t, autograd.GradCheck(func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
		return f(s, xs[0], xs[1])
	}, 1e-7, prefix, mem))
}

// The loss over chosen rows equals that of all logits.
func TestLossSkipsRows(t *testing.T) {
	for _, untied := range []bool{false, true} {
		c := small
		c.Untied = untied
		lossSkipsRows(t, New(pcg(), c))
	}
}

func lossSkipsRows(t *testing.T, m *Model) {
	t.Helper()
	tokens, target := ids(2, 3, 1, 2, 3, 4, 5, 6), ids(2, 3, -1, 3, 4, 5, -1, 7)
	s := autograd.Inference()
	sum, n := m.Loss(s, Input{Tokens: tokens}, target)
	all, count := nn.CrossEntropy(m.Logits(s, m.Hidden(s, Input{Tokens: tokens})), target, -1, 0)
	require.Equal(t, count, n)
	require.InDelta(t, all.Value().Item(), sum.Value().Item(), 1e-5)
	sum, n = m.Loss(s, Input{Tokens: tokens}, ids(2, 3, -1, -1, -1, -1, -1, -1))
	require.Zero(t, n)
	require.Zero(t, sum.Value().Item())
}

// Decoding with a cache gives the logits of the full pass: rows of different
// lengths, rows repeated and dropped on the way, a prefix, and a memory that
// the rows share.
func TestCacheEqualsFullPass(t *testing.T) {
	c := small
	c.CrossEvery, c.MemoryDim, c.Gated = 1, 6, true
	m := New(pcg(), c)
	open(m)
	mem := noise(3, tensor.Float32, 2, 5, 6)
	memLen := []int32{5, 2, 0, 4}
	prefix := noise(4, tensor.Float32, 4, 2, 16)
	seqs := [][]int32{{1, 2, 3}, {4}, {5, 6, 7, 8, 9}, {10, 11}}
	root := []int{0, 1, 2, 3} // which prefix and memory length a row has

	full := func(seq []int32, row int) []float32 {
		s := autograd.Inference()
		in := Input{
			Tokens: ids(1, len(seq), seq...),
			Prefix: s.Const(prefix.Slice(0, row, row+1).Clone()),
			Memory: s.Const(mem.Slice(0, row/2, row/2+1).Clone()), MemoryLen: memLen[row : row+1],
		}
		return m.lastLogits(s, in)
	}
	check := func(got []float32, seqs [][]int32, root []int) {
		t.Helper()
		for i, seq := range seqs {
			want := full(seq, root[i])
			for j, w := range want {
				require.InDelta(t, w, got[i*c.Vocab+j], 1e-5, "row %d", i)
			}
		}
	}

	tokens := tensor.New(tensor.Int32, 4, 5)
	lens := make([]int32, 4)
	for i, q := range seqs {
		copy(tensor.Data[int32](tokens)[i*5:], q)
		lens[i] = int32(len(q))
	}
	cache := m.NewCache(4)
	s := autograd.Inference()
	s.Arena().Poison = true
	got := m.lastLogits(s, Input{Tokens: tokens, TokenLen: lens, Prefix: s.Const(prefix), Memory: s.Const(mem), MemoryLen: memLen, Cache: cache})
	check(got, seqs, root)
	require.Equal(t, []int32{5, 3, 7, 4}, cache[0].Len())

	step := func(rows []int32, next ...int32) {
		t.Helper()
		for _, c := range cache {
			c.Reorder(rows)
		}
		var ns [][]int32
		var nr []int
		for i, r := range rows {
			ns = append(ns, append(append([]int32(nil), seqs[r]...), next[i]))
			nr = append(nr, root[r])
		}
		seqs, root = ns, nr
		s.Reset()
		check(m.lastLogits(s, Input{Tokens: ids(len(next), 1, next...), Cache: cache}), seqs, root)
	}
	step([]int32{0, 1, 2, 3}, 1, 2, 3, 4)
	step([]int32{0, 0, 1, 1, 2, 2, 3, 3}, 5, 6, 7, 8, 9, 10, 11, 12) // wider
	step([]int32{1, 0, 3, 3, 7, 6, 4, 4}, 1, 2, 3, 4, 5, 6, 7, 8)    // within groups
	step([]int32{4, 5, 6, 7}, 1, 2, 3, 4)                            // one memory left
	step([]int32{3, 2, 0}, 1, 2, 3)                                  // ragged
	for range 20 {                                                   // beyond the first capacity
		step([]int32{0, 1, 2}, 3, 2, 1)
	}
	step([]int32{0, 2}, 4, 5)       // where they are
	step([]int32{0, 0, 1}, 4, 5, 6) // not one after the other
	step([]int32{2}, 9)

	clone := []*nn.KVCache{}
	for _, c := range cache {
		clone = append(clone, c.Clone())
	}
	before := append([]int32(nil), cache[0].Len()...)
	step([]int32{0}, 7)
	require.Equal(t, before, clone[0].Len())
	for _, c := range cache {
		c.Truncate(before)
	}
	seqs[0] = seqs[0][:len(seqs[0])-1]
	step([]int32{0}, 8)
}

func TestGenerate(t *testing.T) {
	c := small
	c.CrossEvery, c.MemoryDim = 2, 6
	m := New(pcg(), c)
	ctx := context.Background()
	q := Request{Tokens: [][]int32{{1, 2, 3}, {4}}, MaxNew: 6, Memory: noise(3, tensor.Float32, 1, 4, 6), MemoryLen: []int32{4, 0}}
	both, err := m.Generate(ctx, nil, q)
	require.NoError(t, err)
	for i := range both {
		one := q
		one.Tokens, one.MemoryLen = q.Tokens[i:i+1], q.MemoryLen[i:i+1]
		alone, err := m.Generate(ctx, nil, one)
		require.NoError(t, err)
		require.Equal(t, both[i], alone[0])
		require.Len(t, alone[0], 6)
	}
	q.Stop = both[0][2:3]
	stopped, err := m.Generate(ctx, nil, q)
	require.NoError(t, err)
	require.NotContains(t, stopped[0], q.Stop[0])
	require.Less(t, len(stopped[0]), 3)

	q.Stop, q.MaxNew = nil, 0
	full, err := m.Generate(ctx, nil, q)
	require.NoError(t, err)
	require.Len(t, full[1], c.MaxLen-1)

	q.Sampling, q.MaxNew = Sampling{Temperature: 1.5, TopK: 10, TopP: 0.9}, 8
	a, err := m.Generate(ctx, pcg(), q)
	require.NoError(t, err)
	b, err := m.Generate(ctx, pcg(), q)
	require.NoError(t, err)
	require.Equal(t, a, b)

	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err = m.Generate(done, nil, q)
	require.ErrorIs(t, err, context.Canceled)
	for _, bad := range []Request{
		{Tokens: [][]int32{{}}},
		{Tokens: [][]int32{{17}}},
		{Tokens: [][]int32{make([]int32, 32)}},
		{Tokens: [][]int32{{1}}, Prefix: tensor.New(tensor.Float32, 2, 2, 16)},
		{Tokens: [][]int32{{1}}, Memory: tensor.New(tensor.Float32, 2, 2, 6)},
		{Tokens: [][]int32{{1}}, Memory: tensor.New(tensor.Float32, 1, 2, 6), MemoryLen: []int32{1, 1}},
	} {
		_, err = m.Generate(ctx, nil, bad)
		require.Error(t, err)
	}
	none, err := m.Generate(ctx, nil, Request{})
	require.NoError(t, err)
	require.Empty(t, none)
	prefixed, err := m.Generate(ctx, nil, Request{Tokens: [][]int32{nil}, Prefix: noise(1, tensor.Float32, 1, 3, 16), MaxNew: 2})
	require.NoError(t, err)
	require.Len(t, prefixed[0], 2)
}

func TestPick(t *testing.T) {
	logits := []float32{1, 3, float32(math.NaN()), 3, 2, float32(math.Inf(-1))}
	require.EqualValues(t, 1, Sampling{}.Pick(nil, logits))
	require.EqualValues(t, 1, Sampling{Temperature: 1, TopK: 1}.Pick(pcg(), logits))
	require.EqualValues(t, 1, Sampling{Temperature: 1, TopP: 1e-9}.Pick(pcg(), logits))
	count := func(p Sampling) []float64 {
		r, n := pcg(), make([]float64, len(logits))
		for range 20000 {
			n[p.Pick(r, logits)] += 1.0 / 20000
		}
		return n
	}
	// softmax([1 3 3 2]) = .0581 .4293 .4293 .1580 ... renormalised after each cut
	for _, c := range []struct {
		p    Sampling
		want []float64
	}{
		{Sampling{Temperature: 1}, []float64{.0541, .3995, 0, .3995, .1470, 0}},
		{Sampling{Temperature: 1, TopK: 3}, []float64{0, .4223, 0, .4223, .1554, 0}},
		{Sampling{Temperature: 1, TopP: .7}, []float64{0, .5, 0, .5, 0, 0}},
		{Sampling{Temperature: .5}, []float64{.0088, .4621, 0, .4621, .0625, 0}},
	} {
		sum := 0.0
		for i, g := range count(c.p) {
			require.InDelta(t, c.want[i], g, .02, "%+v", c.p)
			sum += g
		}
		require.InDelta(t, 1, sum, 1e-9)
	}
}

func TestEightGoroutinesDecode(t *testing.T) {
	c := small
	c.CrossEvery, c.MemoryDim = 2, 6
	m := New(pcg(), c)
	q := Request{Tokens: [][]int32{{1, 2, 3}, {4}}, MaxNew: 5, Memory: noise(3, tensor.Float32, 1, 4, 6)}
	want, err := m.Generate(context.Background(), nil, q)
	require.NoError(t, err)
	var wg sync.WaitGroup
	got := make([][][]int32, 8)
	for i := range got {
		wg.Go(func() { got[i], _ = m.Generate(context.Background(), nil, q) })
	}
	wg.Wait()
	for _, g := range got {
		require.Equal(t, want, g)
	}
}

// A model learns a short sequence by heart, and what is frozen keeps its bits.
func TestOverfit(t *testing.T) {
	c := small
	c.Dropout = 0.05
	m := New(pcg(), c)
	require.NoError(t, nn.TrainOnly(m, "embed.*", "layers.**", "norm.*"))
	m.Layers[1].FFN.UpProj.Weight.Frozen = true
	frozen := m.Layers[1].FFN.UpProj.Weight.Value.Clone()
	seq := []int32{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7}
	n := len(seq) - 1
	tokens, target := ids(1, n, seq[:n]...), ids(1, n, seq[1:]...)
	s := autograd.Training(pcg())
	ps := nn.Params(m)
	v := make([]*tensor.Tensor, len(ps)) // mean squared gradients
	for range 150 {
		s.Reset()
		sum, _ := m.Loss(s, Input{Tokens: tokens}, target)
		sum.Backward()
		for i, p := range ps {
			if p.Param.Grad == nil {
				continue
			}
			if v[i] == nil {
				v[i] = tensor.New(tensor.Float32, p.Param.Value.Shape()...)
			}
			w, g, a := tensor.Data[float32](p.Param.Value), tensor.Data[float32](p.Param.Grad), tensor.Data[float32](v[i])
			for j := range w {
				a[j] = 0.9*a[j] + 0.1*g[j]*g[j]
				w[j] -= 0.005 * g[j] / (float32(math.Sqrt(float64(a[j]))) + 1e-6)
			}
			tensor.Fill(p.Param.Grad, 0)
		}
	}
	out, err := m.Generate(context.Background(), nil, Request{Tokens: [][]int32{seq[:2]}, MaxNew: len(seq) - 2})
	require.NoError(t, err)
	require.Equal(t, seq[2:], out[0])
	require.Equal(t, tensor.Data[float32](frozen), tensor.Data[float32](m.Layers[1].FFN.UpProj.Weight.Value))
	require.Nil(t, m.Layers[1].FFN.UpProj.Weight.Grad)
}
