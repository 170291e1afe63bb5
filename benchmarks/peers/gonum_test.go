package peers

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

func BenchmarkMatMul(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{256, 512, 1024} {
		b.Run(fmt.Sprintf("f32/nn/%dx%dx%d/gonum", n, n, n), func(b *testing.B) {
			var m [3]blas32.General
			for i := range m {
				m[i] = blas32.General{Rows: n, Cols: n, Stride: n, Data: make([]float32, n*n)}
				for j := range m[i].Data {
					m[i].Data[j] = float32(r.NormFloat64())
				}
			}
			for b.Loop() {
				blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, m[0], m[1], 0, m[2])
			}
		})
	}
}
