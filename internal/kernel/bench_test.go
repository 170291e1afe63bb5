package kernel

import "testing"

func BenchmarkUnary(b *testing.B) {
	b.Run("float32", benchUnary[float32])
	b.Run("float64", benchUnary[float64])
}

func benchUnary[T Float](b *testing.B) {
	const n = 4096
	x, y := randn[T](rng(1), n), make([]T, n)
	for _, f := range []struct {
		name string
		call func(dst, x []T)
	}{
		{"Exp", Exp[T]}, {"Log", Log[T]}, {"Tanh", Tanh[T]}, {"Sigmoid", Sigmoid[T]}, {"Sqrt", Sqrt[T]},
		{"GELU", GELU[T]}, {"GELUTanh", GELUTanh[T]}, {"SiLU", SiLU[T]}, {"Softplus", Softplus[T]},
		{"Square", Square[T]}, {"ReLU", ReLU[T]},
	} {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				f.call(y, x)
			}
			perElement(b, n)
		})
	}
}

func perElement(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
}

func BenchmarkRows(b *testing.B) {
	const rows, cols = 16, 768
	r := rng(2)
	x, y, g := randn[float32](r, rows*cols), make([]float32, rows*cols), randn[float32](r, rows*cols)
	w, mean, rstd := randn[float32](r, cols), make([]float32, rows), make([]float32, rows)
	pos, target := make([]int32, rows), make([]int32, rows)
	m, v := make([]float32, rows*cols), make([]float32, rows*cols)
	for _, f := range []struct {
		name string
		call func()
	}{
		{"Softmax", func() { Softmax(y, x, cols) }},
		{"SoftmaxGrad", func() { SoftmaxGrad(y, x, g, cols) }},
		{"LayerNorm", func() { LayerNorm(y, x, w, w, mean, rstd, cols, 1e-5) }},
		{"LayerNormGrad", func() { LayerNormGrad(y, w, w, x, w, mean, rstd, g, cols) }},
		{"RMSNorm", func() { RMSNorm(y, x, w, rstd, cols, 1e-5) }},
		{"RMSNormGrad", func() { RMSNormGrad(y, w, x, w, rstd, g, cols) }},
		{"CrossEntropy", func() { CrossEntropy(mean, rstd, x, target, cols, -1, 0) }},
		{"Rope", func() { Rope(y, x, cols/64, 64, pos, 10000, false) }},
		{"Dropout", func() { Dropout(y, x, 1, 0, 0.1) }},
		{"AdamW", func() { AdamW(y, g, m, v, 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05) }},
		{"Sum", func() { Sum(x) }},
		{"Dot", func() { Dot(x, g) }},
		{"MaxOf", func() { MaxOf(x) }},
		{"Add", func() { Add(y, x, g) }},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.call()
			}
			perElement(b, rows*cols)
		})
	}
}

func BenchmarkAttention(b *testing.B) {
	const seq, heads, kv, dim = 512, 8, 4, 64
	r := rng(3)
	p := &Attn{Batch: 1, Heads: heads, KVHeads: kv, Queries: seq, Keys: seq, Dim: dim, Scale: 0.125, Hi: make([]int32, seq)}
	for i := range p.Hi {
		p.Hi[i] = int32(i + 1)
	}
	q, do := randn[float32](r, seq*heads*dim), randn[float32](r, seq*heads*dim)
	k, v := randn[float32](r, seq*kv*dim), randn[float32](r, seq*kv*dim)
	o, lse := make([]float32, len(q)), make([]float32, heads*seq)
	dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(k))
	b.Run("forward", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Attention(p, o, lse, q, k, v)
		}
	})
	b.Run("backward", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			AttentionGrad(p, dq, dk, dv, q, k, v, o, lse, do)
		}
	})
	b.Run("decode", func(b *testing.B) {
		d := *p
		d.Queries, d.Hi = 1, nil
		b.ReportAllocs()
		for b.Loop() {
			Attention(&d, o[:heads*dim], lse[:heads], q[:heads*dim], k, v)
		}
	})
}
