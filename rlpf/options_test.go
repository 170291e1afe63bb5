package rlpf

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

// At every step, wherever the grid lies, those that are left apart are what step by step
// is in no smaller cell that has enough, in their order.
func TestApart(t *testing.T) {
	const buckets = 10
	removed := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := &history.Dataset{}
		p := &popularity{steps: steps(buckets)}
		var cell []candidate
		for i := range int32(40) {
			year := 0
			if r.IntN(4) > 0 {
				year = 1960 + r.IntN(60)
			}
			d.Items = append(d.Items, history.Item{Year: year})
			p.bucket = append(p.bucket, int32(r.IntN(buckets)))
			cell = append(cell, candidate{i, r.ExpFloat64()})
		}
		g := &grid{a: &Asker{Data: d}, p: p, year: r.IntN(32), bucket: r.IntN(16)}
		for at := range p.steps {
			want := slices.Clone(cell)
			for _, s := range p.steps[:at] {
				within := map[[2]int]mass{}
				for _, c := range want {
					m := within[g.cell(s, c.item)]
					m.add(c)
					within[g.cell(s, c.item)] = m
				}
				want = slices.DeleteFunc(want, func(c candidate) bool { return within[g.cell(s, c.item)].enough() })
			}
			removed += len(cell) - len(want)
			got := g.apart(slices.Clone(cell), at)
			require.Len(t, got, len(want))
			for k := range want {
				require.Equal(t, want[k], got[k])
			}
		}
	}
	require.Greater(t, removed, 1000)
}
