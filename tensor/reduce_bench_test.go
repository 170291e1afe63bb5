package tensor

import (
	"fmt"
	"testing"
)

func BenchmarkSumTo(b *testing.B) {
	for _, c := range []struct{ from, to []int }{
		{[]int{8192, 768}, []int{768}},
		{[]int{64, 128, 768}, []int{768}},
		{[]int{65536, 10}, []int{10}},
		{[]int{512, 16384}, []int{16384}},
		{[]int{8192, 768}, []int{8192, 1}},
		{[]int{64, 12, 128, 64}, []int{12, 1, 64}},
		{[]int{32, 64}, []int{64}},
		{[]int{1 << 22}, nil},
	} {
		b.Run(fmt.Sprintf("%v to %v", c.from, c.to), func(b *testing.B) {
			a := new(Arena)
			x := Full(Float32, 1, c.from...)
			b.SetBytes(int64(4 * x.Len()))
			b.ReportAllocs()
			for b.Loop() {
				// An arena operand puts the result in the arena.
				y := a.New(Float32, c.to...)
				sumInto(y, x, axesBetween(x, y))
				a.Reset()
			}
		})
	}
}

// axesBetween marks the dimensions that y repeats in x.
func axesBetween(x, y *Tensor) (set [MaxRank]bool) {
	for i := range x.Rank() {
		j := i - (x.Rank() - y.Rank())
		set[i] = j < 0 || y.Dim(j) == 1
	}
	return set
}
