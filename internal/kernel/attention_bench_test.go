package kernel

import (
	"fmt"
	"testing"
)

func BenchmarkAttention(b *testing.B) {
	for _, s := range [][4]int{{8, 8, 128, 32}, {1, 8, 512, 64}, {1, 8, 4096, 64}} {
		batch, heads, seq, dim := s[0], s[1], s[2], s[3]
		p := &Attn{Batch: batch, Heads: heads, KVHeads: heads, Queries: seq, Keys: seq, Dim: dim, Scale: 0.125, Hi: make([]int32, batch*seq)}
		for i := range p.Hi {
			p.Hi[i] = int32(i%seq + 1)
		}
		r := rng(3)
		n := batch * seq * heads * dim
		q, k, v, do := randn[float32](r, n), randn[float32](r, n), randn[float32](r, n), randn[float32](r, n)
		o, lse := make([]float32, n), make([]float32, batch*heads*seq)
		dq, dk, dv := make([]float32, n), make([]float32, n), make([]float32, n)
		forward := func() { Attention(p, o, lse, q, k, v) }
		backward := func() { AttentionGrad(p, AttnFresh{}, dq, dk, dv, q, k, v, o, lse, do) }
		name := fmt.Sprintf("%dx%dx%dx%d", batch, heads, seq, dim)
		terms := float64(batch*heads) * float64(seq) * float64(seq+1) / 2 * float64(dim) // of one product
		benchAttention(b, name+"/forward", 2*terms, forward)
		benchAttention(b, name+"/backward", 5*terms, backward)
		benchAttention(b, name+"/both", 7*terms, func() { forward(); backward() })
	}
	for _, keys := range []int{128, 1024, 8192} {
		const heads, dim = 8, 64
		r := rng(4)
		p := &Attn{Batch: 1, Heads: heads, KVHeads: heads, Queries: 1, Keys: keys, Dim: dim, Scale: 0.125}
		q, o, lse := randn[float32](r, heads*dim), make([]float32, heads*dim), make([]float32, heads)
		k, v := randn[float32](r, keys*heads*dim), randn[float32](r, keys*heads*dim)
		benchAttention(b, fmt.Sprintf("decode/%d", keys), float64(2*len(k)), func() { Attention(p, o, lse, q, k, v) })
	}
}

// benchAttention times f, which sums the given number of products.
func benchAttention(b *testing.B, name string, terms float64, f func()) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
		b.ReportMetric(2*terms*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	})
}
