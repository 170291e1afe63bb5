package autograd_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Whatever a mask says in its fields at once, a query sees what they say one
// by one: also nothing at all, and lengths, starts and shared parts beyond the
// keys or below zero.
func TestAttentionMasksTogether(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	any32 := func(n, limit int) []int32 {
		if r.IntN(2) == 0 {
			return nil
		}
		x := make([]int32, n)
		for i := range x {
			x[i] = int32(r.IntN(limit+4) - 2)
		}
		return x
	}
	at := func(x []int32, i, otherwise int) int {
		if x == nil {
			return otherwise
		}
		return int(x[i])
	}
	for range 400 {
		batch, queries, keys, kvHeads := 1+r.IntN(3), []int{1, 2, 7, 70}[r.IntN(4)], 1+r.IntN(90), 1+r.IntN(2)
		m := autograd.AttnMask{
			Causal: r.IntN(2) == 0, KeyStart: any32(batch*queries, keys), Shared: any32(batch, keys), Offset: any32(batch, keys),
		}
		perQuery := r.IntN(2) == 0
		if perQuery {
			m.KeyLen = any32(batch*queries, keys)
		} else {
			m.KeyLen = any32(batch, keys)
		}
		if m.Shared == nil && r.IntN(2) == 0 {
			m.Window = 1 + r.IntN(keys)
		}
		// One more key, all zeros, is seen by the queries that see no other.
		hidden := tensor.New(tensor.Bool, batch, queries, keys+1)
		h := tensor.Data[bool](hidden)
		for q := range batch * queries {
			b := q / queries
			row := b
			if perQuery {
				row = q
			}
			pos, some := at(m.Offset, b, keys-queries)+q%queries, false
			for j := range keys {
				sees := j < at(m.KeyLen, row, keys) && (!m.Causal || j <= pos) && (m.Window == 0 || j > pos-m.Window && j < pos+m.Window) &&
					(j >= at(m.KeyStart, q, 0) || j < at(m.Shared, b, 0))
				h[q*(keys+1)+j] = !sees
				some = some || sees
			}
			h[q*(keys+1)+keys] = some
		}
		in := []*tensor.Tensor{
			normal(1, tensor.Float64, batch, queries, 2*kvHeads, 3),
			normal(2, tensor.Float64, batch, keys, kvHeads, 3), normal(3, tensor.Float64, batch, keys, kvHeads, 3),
		}
		want := run(autograd.NewScope(true), func(s *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			zero := s.Const(tensor.New(tensor.Float64, batch, 1, kvHeads, 3))
			return composed(xs[0], autograd.Concat(1, xs[1], zero), autograd.Concat(1, xs[2], zero), hidden)
		}, nil, in...)
		got := run(poisoned(), func(_ *autograd.Scope, xs ...*autograd.Var) *autograd.Var {
			return autograd.Attention(xs[0], xs[1], xs[2], m)
		}, nil, in...)
		near(t, "value", want.y, got.y, 1e-12, 1)
		require.Len(t, got.grads, 3)
		for i := range want.grads {
			near(t, "gradient", want.grads[i], got.grads[i], 1e-12, 1)
		}
	}
}
