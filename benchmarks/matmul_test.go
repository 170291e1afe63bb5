package benchmarks

import (
	"fmt"
	"strings"
	"testing"

	"github.com/noema-ml/noema/tensor"
)

// A product C = A·B, batch times, of sizes m×n×k; layout says for A and B
// whether they are stored as they are (n) or transposed (t).
type product struct {
	layout         string
	batch, m, n, k int
}

func (p product) String() string {
	size := fmt.Sprintf("%dx%dx%d", p.m, p.n, p.k)
	if p.batch > 1 {
		size = fmt.Sprintf("%dx%s", p.batch, size)
	}
	return p.layout + "/" + size
}

// The square sizes, then what occurs in models: a feed-forward layer forward,
// backward to its input and to its weights, an output layer, few rows, and
// the scores of attention.
var products = []product{
	{"nn", 1, 64, 64, 64},
	{"nn", 1, 128, 128, 128},
	{"nn", 1, 256, 256, 256},
	{"nn", 1, 512, 512, 512},
	{"nn", 1, 1024, 1024, 1024},
	{"nn", 1, 2048, 2048, 2048},
	{"nn", 1, 512, 1024, 256},
	{"nt", 1, 512, 1024, 256},
	{"tn", 1, 256, 1024, 512},
	{"nt", 1, 1024, 4096, 256},
	{"nn", 1, 32, 1024, 1024},
	{"nn", 1, 8, 2048, 2048},
	{"nn", 1, 1, 2048, 2048},
	{"nt", 8, 128, 128, 64},
}

var products64 = []product{
	{"nn", 1, 128, 128, 128},
	{"nn", 1, 256, 256, 256},
	{"nn", 1, 512, 512, 512},
	{"nn", 1, 1024, 1024, 1024},
	{"nn", 1, 2048, 2048, 2048},
}

func BenchmarkMatMul(b *testing.B) {
	for _, dt := range []struct {
		name     string
		dtype    tensor.DType
		products []product
	}{{"f32", tensor.Float32, products}, {"f64", tensor.Float64, products64}} {
		for _, p := range dt.products {
			b.Run(dt.name+"/"+p.String(), func(b *testing.B) { p.bench(b, dt.dtype) })
		}
	}
}

func (p product) bench(b *testing.B, dt tensor.DType) {
	operand := func(layout byte, rows, cols int) *tensor.Tensor {
		if layout == 't' {
			return normal(dt, p.batch, cols, rows).Transpose(1, 2)
		}
		return normal(dt, p.batch, rows, cols)
	}
	x, y := operand(p.layout[0], p.m, p.k), operand(p.layout[1], p.k, p.n)
	z := tensor.New(dt, p.batch, p.m, p.n)
	if p.batch == 1 {
		x, y, z = x.Squeeze(0), y.Squeeze(0), z.Squeeze(0)
	}
	measure(b, 2*p.batch*p.m*p.n*p.k, func() { tensor.Gemm(z, x, y, 0) })
}

// The shapes of the table that is compared with other libraries.
func TestProducts(t *testing.T) {
	var names []string
	for _, p := range products {
		names = append(names, p.String())
	}
	got := strings.Join(names, " ")
	const want = "nn/64x64x64 nn/128x128x128 nn/256x256x256 nn/512x512x512 nn/1024x1024x1024 nn/2048x2048x2048 " +
		"nn/512x1024x256 nt/512x1024x256 tn/256x1024x512 nt/1024x4096x256 nn/32x1024x1024 nn/8x2048x2048 nn/1x2048x2048 nt/8x128x128x64"
	if got != want {
		t.Errorf("the products are\n%s\nnot\n%s", got, want)
	}
}
