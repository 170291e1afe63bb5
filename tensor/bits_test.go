package tensor

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

var nanValue = math.NaN()

// Results do not depend on how many cores there are.
func TestSameBitsOnAnyNumberOfCores(t *testing.T) {
	for _, dt := range []DType{Float32, Float64} {
		r := rand.NewPCG(11, 12)
		x := Normal(r, dt, 1, 37, 300, 3)
		tall, long, w := Normal(r, dt, 1, 3000, 70), Normal(r, dt, 1, 100003), Normal(r, dt, 1, 70, 33)
		idx := indices(rand.New(r), 50, 3000)
		ops := map[string]func() *Tensor{
			"sum":          func() *Tensor { return Sum(x) },
			"sum middle":   func() *Tensor { return Sum(x, 1) },
			"sum to":       func() *Tensor { return SumTo(tall, 70) },
			"sum long":     func() *Tensor { return Sum(long, 0) },
			"sum strided":  func() *Tensor { return Sum(x.Transpose(0, 2), 1) },
			"mean":         func() *Tensor { return Mean(tall, 1) },
			"variance":     func() *Tensor { return Variance(x, 0) },
			"log sum exp":  func() *Tensor { return LogSumExp(tall, 0) },
			"softmax":      func() *Tensor { return Softmax(tall, 0) },
			"cumsum":       func() *Tensor { return CumSum(tall, 0) },
			"max":          func() *Tensor { v, _ := Max(tall, 0); return v },
			"add":          func() *Tensor { return Add(tall, Sum(tall, 0)) },
			"mul strided":  func() *Tensor { return Mul(tall.Transpose(0, 1), Sum(tall, 1)) },
			"exp":          func() *Tensor { return Exp(tall) },
			"matmul":       func() *Tensor { return MatMul(tall, w) },
			"matmul batch": func() *Tensor { return MatMul(x, x.Transpose(1, 2)).Slice(1, 0, 40) },
			"index add":    func() *Tensor { y := New(dt, 50, 70); IndexAdd(y, 0, idx, tall); return y },
			"scatter add": func() *Tensor {
				y := New(dt, 50, 70)
				ScatterAdd(y, 0, idx.Unsqueeze(1).Expand(3000, 70), tall)
				return y
			},
			"sort":          func() *Tensor { v, _ := Sort(tall.Transpose(0, 1), true); return v },
			"copy":          func() *Tensor { return tall.Transpose(0, 1).Clone() },
			"cast":          func() *Tensor { return tall.Cast(BFloat16) },
			"scatter lanes": func() *Tensor { y := New(dt, 50); ScatterAdd(y, 0, idx, tall.Select(1, 0)); return y },
		}
		for name, op := range ops {
			procs := runtime.GOMAXPROCS(1)
			one := op().Contiguous()
			runtime.GOMAXPROCS(max(2, procs))
			two := op().Contiguous()
			runtime.GOMAXPROCS(procs)
			require.Equal(t, one.Shape(), two.Shape(), name)
			require.True(t, bytes.Equal(bytesOf(one), bytesOf(two)), name)
		}
	}
}

func bytesOf(t *Tensor) []byte {
	p := unsafe.Add(unsafe.Pointer(unsafe.SliceData(t.st.mem)), t.off*t.dt.Size())
	return unsafe.Slice((*byte)(p), t.Len()*t.dt.Size())
}
