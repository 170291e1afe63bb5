package kernel

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

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
		{"AdamW", func() {
			AdamW(y, g, m, v, AdamStep{LR: 1e-3, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Decay: 0.1, Scale: 1, Corr1: 0.1, Corr2: 0.05})
		}},
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

// BenchmarkGemm names shapes by the transposition of A and B and M×N×K.
func BenchmarkGemm(b *testing.B) {
	shapes := []string{
		"nn/64x64x64", "nn/128x128x128", "nn/256x256x256", "nn/512x512x512", "nn/1024x1024x1024", "nn/2048x2048x2048",
		"nn/512x1024x256", "nt/512x1024x256", "tn/256x1024x512", "nt/1024x4096x256", "nn/32x1024x1024",
		"nn/8x2048x2048", "nt/8x2048x2048", "nn/1x2048x2048", "nt/1x2048x2048", "nn/16x16x16", "nn/512x1x512", "nn/512x10x512", "nt/128x10x512",
	}
	for _, v := range variants() {
		b.Run(v.name, func(b *testing.B) {
			use(b, v)
			b.Run("f32", func(b *testing.B) { benchGemm[float32](b, shapes) })
			b.Run("f64", func(b *testing.B) {
				benchGemm[float64](b, []string{"nn/128x128x128", "nn/512x512x512", "nn/1024x1024x1024"})
			})
		})
	}
}

func benchGemm[T Float](b *testing.B, shapes []string) {
	for _, name := range shapes {
		b.Run(name, func(b *testing.B) {
			var ta, tb string
			var m, n, k int
			_, err := fmt.Sscanf(name, "%1s%1s/%dx%dx%d", &ta, &tb, &m, &n, &k)
			require.NoError(b, err)
			ar, ac, br, bc := k, 1, n, 1
			if ta == "t" {
				ar, ac = 1, m
			}
			if tb == "t" {
				br, bc = 1, k
			}
			r := rng(6)
			x, y, c := randn[T](r, m*k), randn[T](r, n*k), make([]T, m*n)
			b.ReportAllocs()
			for b.Loop() {
				Gemm(m, n, k, x, ar, ac, y, br, bc, 0, c, n)
			}
			perSecond(b, m*n*k)
		})
	}
}

// BenchmarkGemmBatch is Q·Kᵀ of eight heads.
func BenchmarkGemmBatch(b *testing.B) {
	const batch, seq, dim = 8, 128, 64
	r := rng(7)
	x, y, c := randn[float32](r, batch*seq*dim), randn[float32](r, batch*seq*dim), make([]float32, batch*seq*seq)
	dims, in, out := []int{batch}, []int{seq * dim}, []int{seq * seq}
	b.ReportAllocs()
	for b.Loop() {
		GemmBatch(dims, seq, seq, dim, x, in, dim, 1, y, in, 1, dim, 0, c, out, seq)
	}
	perSecond(b, batch*seq*seq*dim)
}

// perSecond reports the rate of a product of that many terms.
func perSecond(b *testing.B, terms int) {
	b.ReportMetric(2*float64(terms)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}
