package autograd_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// composed is attention by MatMul, MaskedFill, Softmax and MatMul; hidden is
// [batch, queries, keys].
func composed(q, k, v *autograd.Var, hidden *tensor.Tensor) *autograd.Var {
	group := q.Dim(2) / k.Dim(2)
	perHead := func(x *autograd.Var) *autograd.Var { // [batch, kvHeads, group, seq, dim]
		x = autograd.Permute(x, 0, 2, 1, 3)
		s := x.Shape()
		return autograd.Expand(autograd.Unsqueeze(x, 2), s[0], s[1], group, s[2], s[3])
	}
	b, n, h, d := q.Dim(0), q.Dim(1), q.Dim(2), q.Dim(3)
	qh := autograd.Reshape(autograd.Permute(q, 0, 2, 1, 3), b, h/group, group, n, d)
	scores := autograd.Scale(autograd.MatMul(qh, autograd.Transpose(perHead(k), -1, -2)), 1/math.Sqrt(float64(d)))
	scores = autograd.MaskedFill(scores, hidden.Unsqueeze(1).Unsqueeze(1), math.Inf(-1))
	o := autograd.MatMul(autograd.Softmax(scores, -1), perHead(v))
	return autograd.Permute(autograd.Reshape(o, b, h, n, d), 0, 2, 1, 3)
}

func TestAttentionEqualsItsComposition(t *testing.T) {
	const batch, heads, dim = 2, 4, 8
	// 150 positions: in one row a prompt of 70 and texts of 3, 37 and 40 that
	// continue it, in the other nothing but texts.
	var prompt []int32
	for _, text := range [][2]int32{{0, 70}, {70, 3}, {73, 37}, {110, 40}, {0, 71}, {71, 79}} {
		prompt = append(prompt, slices.Repeat(text[:1], int(text[1]))...)
	}
	shared := []int32{70, 0}
	for name, tc := range map[string]struct {
		queries, keys, kvHeads int
		mask                   autograd.AttnMask
		sees                   func(b, i, j int) bool
	}{
		"full":    {9, 13, 4, autograd.AttnMask{}, func(b, i, j int) bool { return true }},
		"causal":  {70, 70, 4, autograd.AttnMask{Causal: true}, func(b, i, j int) bool { return j <= i }},
		"grouped": {9, 9, 2, autograd.AttnMask{Causal: true}, func(b, i, j int) bool { return j <= i }},
		"one key head, window, lengths": {12, 12, 1, autograd.AttnMask{Causal: true, Window: 4, KeyLen: []int32{12, 7}}, func(b, i, j int) bool {
			return j <= i && i-j < 4 && j < []int{12, 7}[b]
		}},
		"packed": {8, 8, 2, autograd.AttnMask{Causal: true, KeyStart: []int32{0, 0, 0, 3, 3, 3, 6, 6, 0, 1, 1, 1, 1, 1, 1, 7}}, func(b, i, j int) bool {
			return j <= i && j >= []int{0, 0, 0, 3, 3, 3, 6, 6, 0, 1, 1, 1, 1, 1, 1, 7}[b*8+i]
		}},
		"shared": {150, 150, 2, autograd.AttnMask{Causal: true, KeyStart: prompt, Shared: shared}, func(b, i, j int) bool {
			return j <= i && (j >= int(prompt[b*150+i]) || j < int(shared[b]))
		}},
		"decoding, unequal caches": {1, 10, 2, autograd.AttnMask{Causal: true, KeyLen: []int32{10, 3}, Offset: []int32{9, 2}}, func(b, i, j int) bool {
			return j < []int{10, 3}[b]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			hidden := tensor.New(tensor.Bool, batch, tc.queries, tc.keys)
			for i, h := 0, tensor.Data[bool](hidden); i < len(h); i++ {
				h[i] = !tc.sees(i/tc.keys/tc.queries, i/tc.keys%tc.queries, i%tc.keys)
			}
			for dt, tol := range map[tensor.DType]float64{tensor.Float64: 1e-12, tensor.Float32: 1e-5} {
				in := []*tensor.Tensor{normal(1, dt, batch, tc.queries, heads, dim), normal(2, dt, batch, tc.keys, tc.kvHeads, dim), normal(3, dt, batch, tc.keys, tc.kvHeads, dim)}
				want := run(autograd.NewScope(true), func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
					return composed(xs[0], xs[1], xs[2], hidden)
				}, nil, in...)
				got := run(poisoned(), func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
					return autograd.Attention(xs[0], xs[1], xs[2], tc.mask)
				}, nil, in...)
				near(t, "value", want.y, got.y, tol, 1)
				for i := range want.grads {
					near(t, "gradient", want.grads[i], got.grads[i], tol, 1)
				}
			}
		})
	}
}

// The front of a longer cache is read in place and gives the same bits.
func TestAttentionReadsACacheInPlace(t *testing.T) {
	const batch, most, length, heads, dim = 3, 20, 7, 2, 4
	k, v := normal(1, tensor.Float32, batch, most, heads, dim), normal(2, tensor.Float32, batch, most, heads, dim)
	q := normal(3, tensor.Float32, batch, 1, 2*heads, dim)
	mask := autograd.AttnMask{Causal: true, KeyLen: []int32{7, 3, 5}, Offset: []int32{6, 2, 4}}
	s := autograd.Inference()
	front := func(t *tensor.Tensor) *tensor.Tensor { return t.Slice(1, 0, length) }
	got := autograd.Attention(s.Const(q), s.Const(front(k)), s.Const(front(v)), mask).Detach()
	_, peak := s.Arena().Bytes()
	require.LessOrEqual(t, peak, q.Len()*4+3*64+64)
	want := autograd.Attention(s.Const(q), s.Const(front(k).Clone()), s.Const(front(v).Clone()), mask).Detach()
	sameBits(t, "value", want, got)
}
