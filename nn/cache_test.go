package nn

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// However a cache is filled, cut, reordered, copied and emptied, every row
// holds what was put into it and nothing of the others.
func TestCacheHoldsItsRows(t *testing.T) {
	const heads, dim = 2, 3
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		r := rand.New(rand.NewPCG(3, 4))
		s := autograd.Inference()
		type state struct {
			c    *KVCache
			rows [][]float64 // the numbers of the positions that each row holds
		}
		states := []state{{NewKVCache(1), make([][]float64, 1)}}
		number := 0.0
		for range 3000 {
			st := &states[r.IntN(len(states))]
			switch r.IntN(12) {
			case 0:
				n := 1 + r.IntN(5)
				st.c.Reset(n)
				st.rows = make([][]float64, n)
			case 1:
				st.c.Reserve(r.IntN(40))
			case 2:
				lens := make([]int32, len(st.rows))
				for i, row := range st.rows {
					lens[i] = int32(r.IntN(len(row) + 1))
					if r.IntN(2) == 0 {
						lens[i] = int32(len(row))
					}
					st.rows[i] = row[:lens[i]]
				}
				st.c.Truncate(lens)
			case 3:
				copied := state{st.c.Clone(), slices.Clone(st.rows)}
				if len(states) < 3 {
					states = append(states, copied)
				} else {
					states[r.IntN(len(states))] = copied
				}
			case 4, 5, 6:
				from, rows := make([]int32, 1+r.IntN(6)), [][]float64(nil)
				for i := range from {
					from[i] = r.Int32N(int32(len(st.rows)))
					if i < len(st.rows) && r.IntN(2) == 0 {
						from[i] = int32(i)
					}
					rows = append(rows, st.rows[from[i]])
				}
				st.c.Reorder(from)
				st.rows = rows
			default:
				n := 1 + r.IntN(3)
				x := tensor.New(dt, len(st.rows), n, heads, dim)
				var valid []int32
				if r.IntN(3) == 0 {
					valid = make([]int32, len(st.rows))
				}
				before := slices.Clone(st.c.Len())
				rows := make([][]float64, len(st.rows))
				for i, row := range st.rows {
					keep := n
					if valid != nil {
						keep = r.IntN(n + 1)
						valid[i] = int32(keep)
					}
					rows[i] = slices.Clip(row)
					for p := range n {
						number++
						tensor.Fill(x.Slice(0, i, i+1).Slice(1, p, p+1), number)
						if p < keep {
							rows[i] = append(rows[i], number)
						}
					}
				}
				st.rows = rows
				s.Reset()
				k, v, mask := st.c.append(s, s.Const(x), s.Const(tensor.Neg(x)), valid)
				require.Equal(t, before, mask.Offset)
				for i, row := range rows {
					require.EqualValues(t, len(row), st.c.Len()[i])
					for p, want := range row {
						for h := range heads {
							for d := range dim {
								require.Equal(t, want, k.Value().At(i, p, h, d))
								require.Equal(t, -want, v.Value().At(i, p, h, d))
							}
						}
					}
				}
			}
		}
	}
}

// A cache does not take what another layer computed, not even when it is empty.
func TestCacheServesOneLayer(t *testing.T) {
	s, c := autograd.Inference(), NewKVCache(1)
	put := func(dt tensor.DType, shape ...int) error {
		x := s.Const(tensor.New(dt, shape...))
		return tensor.Try(func() error { c.append(s, x, x, nil); return nil })
	}
	require.NoError(t, put(tensor.Float32, 1, 2, 2, 3))
	c.Reset(1)
	require.Error(t, put(tensor.Float32, 1, 1, 3, 2))
	require.Error(t, put(tensor.Float32, 1, 1, 2, 4))
	require.Error(t, put(tensor.Float64, 1, 1, 2, 3))
	require.NoError(t, put(tensor.Float32, 1, 1, 2, 3))
}
