package optable

import (
	"math"

	ag "github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

func attentionSamples(b *row) {
	type size struct{ batch, queries, keys, heads, kvHeads, dim int }
	add := func(name string, z size, mask ag.AttnMask, visible func(b, i, j int) bool) *Sample {
		f := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var { return ag.Attention(xs[0], xs[1], xs[2], mask) }
		return b.add(name, f, attention(visible), b.normal(z.batch, z.queries, z.heads, z.dim),
			b.normal(z.batch, z.keys, z.kvHeads, z.dim), b.normal(z.batch, z.keys, z.kvHeads, z.dim))
	}
	all := func(b, i, j int) bool { return true }
	causal := func(b, i, j int) bool { return j <= i }
	add("plain", size{2, 3, 5, 2, 2, 4}, ag.AttnMask{}, all)
	add("single", size{1, 1, 1, 1, 1, 1}, ag.AttnMask{}, all)
	add("grouped heads", size{2, 3, 4, 6, 2, 3}, ag.AttnMask{}, all)
	add("causal", size{2, 5, 5, 2, 1, 3}, ag.AttnMask{Causal: true}, causal)
	add("decoding", size{2, 1, 6, 4, 2, 3}, ag.AttnMask{Causal: true}, all)
	add("chunk after a cache", size{1, 2, 6, 2, 2, 3}, ag.AttnMask{Causal: true}, func(b, i, j int) bool { return j <= i+4 })
	add("window", size{1, 7, 7, 1, 1, 3}, ag.AttnMask{Causal: true, Window: 3}, func(b, i, j int) bool { return j <= i && j > i-3 })
	add("window both ways", size{1, 7, 7, 1, 1, 3}, ag.AttnMask{Window: 3}, func(b, i, j int) bool { return j < i+3 && j > i-3 })
	lens := []int32{4, 0, 2}
	add("key lengths", size{3, 2, 4, 2, 1, 3}, ag.AttnMask{KeyLen: lens}, func(b, i, j int) bool { return j < int(lens[b]) })
	add("causal key lengths", size{3, 4, 4, 2, 1, 3}, ag.AttnMask{Causal: true, KeyLen: lens}, func(b, i, j int) bool { return j <= i && j < int(lens[b]) })
	perQuery := []int32{1, 4, 3, 0, 2, 4}
	add("key lengths per query", size{2, 3, 4, 2, 2, 3}, ag.AttnMask{KeyLen: perQuery}, func(b, i, j int) bool { return j < int(perQuery[b*3+i]) })
	past := []int32{3, 0}
	add("caches of unequal length", size{2, 2, 5, 2, 1, 3}, ag.AttnMask{Causal: true, KeyLen: []int32{5, 2}, Offset: past}, func(b, i, j int) bool { return j <= int(past[b])+i })
	starts := []int32{0, 0, 2, 2, 2, 0, 1, 1, 3, 4}
	packed := func(b, i, j int) bool { return j <= i && j >= int(starts[b*5+i]) }
	add("packed texts", size{2, 5, 5, 2, 1, 3}, ag.AttnMask{Causal: true, KeyStart: starts}, packed)
	add("packed texts, both ways", size{1, 4, 4, 1, 1, 3}, ag.AttnMask{KeyStart: []int32{0, 0, 2, 2}, KeyLen: []int32{2, 2, 4, 4}}, func(b, i, j int) bool { return i/2 == j/2 })
	shared := []int32{2, 5}
	prompt := func(b, i, j int) bool { return packed(b, i, j) || j <= i && j < int(shared[b]) }
	add("texts that share a prompt", size{2, 5, 5, 2, 1, 3}, ag.AttnMask{Causal: true, KeyStart: starts, Shared: shared}, prompt)
	add("a query behind a prompt", size{2, 1, 6, 2, 1, 3}, ag.AttnMask{KeyStart: []int32{4, 6}, Shared: shared}, func(b, i, j int) bool { return j < int(shared[b]) || b == 0 && j >= 4 })
	one := func(_ *ag.Scope, xs ...*ag.Var) *ag.Var {
		return ag.Attention(xs[0], xs[0], xs[0], ag.AttnMask{Causal: true})
	}
	same := func(xs ...*tensor.Tensor) *tensor.Tensor { return attention(causal)(xs[0], xs[0], xs[0]) }
	b.add("one operand", one, same, b.normal(2, 5, 2, 3))
	add("no keys", size{2, 3, 0, 2, 2, 4}, ag.AttnMask{}, all)
	add("no queries", size{2, 0, 3, 2, 2, 4}, ag.AttnMask{}, all)
	add("no batch", size{0, 2, 3, 2, 2, 4}, ag.AttnMask{Causal: true}, all)
	add("big", size{2, 70, 70, 4, 2, 16}, ag.AttnMask{Causal: true}, causal).Big = true
}

// attention is the definition: every score, a softmax over the visible ones,
// and the weighted sum.
func attention(visible func(b, i, j int) bool) reference {
	return func(xs ...*tensor.Tensor) *tensor.Tensor {
		q, k, v := xs[0], xs[1], xs[2]
		group := q.Dim(2) / k.Dim(2)
		scale := 1 / math.Sqrt(float64(q.Dim(3)))
		return build(q.Shape(), func(i []int) float64 {
			kv := i[2] / group
			var scores, values []float64
			for j := range k.Dim(1) {
				if !visible(i[0], i[1], j) {
					continue
				}
				dot := 0.0
				for d := range q.Dim(3) {
					dot += q.At(i[0], i[1], i[2], d) * k.At(i[0], j, kv, d)
				}
				scores, values = append(scores, dot*scale), append(values, v.At(i[0], j, kv, i[3]))
			}
			if len(scores) == 0 {
				return 0
			}
			total := 0.0
			for j, p := range softmax(scores) {
				total += p * values[j]
			}
			return total
		})
	}
}
