package lm

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// prompted is a prompt and its continuations.
type prompted struct {
	prompt []int32
	texts  [][]int32
}

// together packs each prompt with its continuations into one row, padded to n
// tokens. Every text starts with the prompt's last token and predicts what
// follows.
func together(n int, ps []prompted) (in Input, target *tensor.Tensor) {
	var tokens, want []int32
	for r, p := range ps {
		head := p.prompt[:len(p.prompt)-1]
		for i, tok := range head {
			tokens, want, in.Pos, in.Start = append(tokens, tok), append(want, -1), append(in.Pos, int32(i)), append(in.Start, 0)
		}
		in.Shared = append(in.Shared, int32(len(head)))
		for _, text := range p.texts {
			start := int32(len(tokens) - r*n)
			for i, tok := range append(p.prompt[len(head):len(p.prompt):len(p.prompt)], text...) {
				next := int32(-1)
				if i < len(text) {
					next = text[i]
				}
				tokens, want, in.Pos, in.Start = append(tokens, tok), append(want, next), append(in.Pos, int32(len(head)+i)), append(in.Start, start)
			}
		}
		for at := len(tokens); at < (r+1)*n; at++ {
			tokens, want, in.Pos, in.Start = append(tokens, 0), append(want, -1), append(in.Pos, 0), append(in.Start, int32(at-r*n))
		}
	}
	in.Tokens = ids(len(ps), n, tokens...)
	return in, ids(len(ps), n, want...)
}

// apart gives each continuation a row of its own, with its prompt before it.
func apart(n int, ps []prompted) (in Input, target *tensor.Tensor) {
	var alone []int32
	var want []int32
	rows := 0
	for _, p := range ps {
		for _, text := range p.texts {
			row, next := make([]int32, n), make([]int32, n)
			copy(row[copy(row, p.prompt):], text)
			for i := range next {
				next[i] = -1
			}
			copy(next[len(p.prompt)-1:], text)
			alone, want = append(alone, row...), append(want, next...)
			rows++
		}
	}
	return Input{Tokens: ids(rows, n, alone...)}, ids(rows, n, want...)
}

// Continuations that share their prompt's computation give the logits, the
// loss and the gradients of rows of their own.
func TestSharedPrompt(t *testing.T) {
	long := make([]int32, 80)
	for i := range long {
		long[i] = int32(i * i % 17)
	}
	ps := []prompted{
		{[]int32{1, 2, 3, 4, 5}, [][]int32{{6, 7, 8}, {9}, {10, 11, 12, 13}}},
		{long, [][]int32{long[3:50], long[7:60], {2}}},
		{[]int32{7}, [][]int32{{8, 9}, {1}}}, // nothing is shared
	}
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		t.Run(fmt.Sprint(dt), func(t *testing.T) {
			c := small
			c.MaxLen = 200
			m := New(pcg(), c)
			nn.Cast(m, dt)
			pass := func(in Input, target *tensor.Tensor) (logits [][]float64, loss float64, grads []*tensor.Tensor) {
				s := autograd.NewScope(true)
				defer s.Close()
				out := m.Logits(s, m.Hidden(s, in)).Value().Cast(tensor.Float64).Contiguous()
				d, vocab := tensor.Data[float64](out), out.Dim(2)
				for i, w := range tensor.Data[int32](target) {
					if w >= 0 {
						logits = append(logits, d[i*vocab:(i+1)*vocab])
					}
				}
				sum, n := m.Loss(s, in, target)
				require.Equal(t, len(logits), n)
				sum.Backward()
				for _, p := range nn.Params(m) {
					grads = append(grads, p.Param.Grad.Cast(tensor.Float64))
					p.Param.Grad = nil
				}
				return logits, sum.Value().Cast(tensor.Float64).Item(), grads
			}
			tol := map[tensor.DType]float64{tensor.Float32: 1e-5, tensor.Float64: 1e-12}[dt]
			want, wantLoss, wantGrads := pass(apart(140, ps))
			got, loss, grads := pass(together(190, ps))
			for i := range want {
				require.InDeltaSlice(t, want[i], got[i], tol)
			}
			require.InEpsilon(t, wantLoss, loss, tol)
			for i := range wantGrads {
				require.InDeltaSlice(t, tensor.Data[float64](wantGrads[i]), tensor.Data[float64](grads[i]), 20*tol)
			}
		})
	}
}
