package kernel

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func eachVariantAndType(t *testing.T, f32, f64 func(t *testing.T)) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", f32)
		t.Run("float64", f64)
	})
}

// Fetching ahead changes no bit, whatever is fetched: much or little, forwards
// or backwards, within the matrix or beyond it.
func TestMicroAheadIsMicro(t *testing.T) {
	eachVariantAndType(t, testMicroAhead[float32], testMicroAhead[float64])
}

func testMicroAhead[T Float](t *testing.T) {
	g := tableOf[T]()
	if g.microAhead == nil {
		t.Skip("this variant fetches nothing ahead")
	}
	r := rng(60)
	next := randn[T](r, 100)
	for rows := 1; rows <= g.mr; rows++ {
		far := 400*64/(rows*128) + 1 // terms before the end, where the kernel turns to C
		for _, k := range []int{1, 2, rows, far - 1, far, far + 1, far + rows - 1, far + rows, far + rows + 1, far + 2*rows, 384} {
			k = max(1, k)
			for _, lay := range [][2]int{{k + 3, 1}, {1, rows + 2}} {
				a, b := randn[T](r, rows*(k+3)+k*(rows+2)), randn[T](r, k*(g.nr+1))
				ldc := g.nr + 5
				for _, add := range []bool{false, true} {
					want := randn[T](r, rows*ldc)
					micro := append([]T(nil), want...)
					g.micro(rows, g.nr, k, a, lay[0], lay[1], b, g.nr+1, micro, ldc, add)
					for _, count := range []int{1, 2, k, k + 40} {
						for _, step := range []int{0, 1, 1024, 1 << 20, -1 << 20} {
							got := append([]T(nil), want...)
							g.microAhead(rows, k, a, lay[0], lay[1], b, g.nr+1, got, ldc, add, next, step, count)
							sameBits(t, micro, got, "%d rows, k %d, count %d, step %d", rows, k, count, step)
						}
					}
				}
			}
		}
	}
}

// Rows come out one after the other although they are copied in whole panels,
// which are wider than what is left of a row, or than the pitch.
func TestCopyRows(t *testing.T) {
	eachVariantAndType(t, testCopyRows[float32], testCopyRows[float64])
}

func testCopyRows[T Float](t *testing.T) {
	g := tableOf[T]()
	r := rng(61)
	for n := 1; n <= 3*g.nr+1; n++ {
		for _, rows := range []int{1, 2, 7} {
			for _, pitch := range []int{n, oddLines(n), n + 5} {
				const mark = 77
				stride := n + r.IntN(4)
				src := randn[T](r, (rows-1)*stride+n)
				end := (rows-1)*pitch + roundUp(n, g.nr)
				out := make([]T, end+g.nr)
				fill(out, mark)
				g.copyRows(out[:end], pitch, src, stride, n, rows)
				for i := range rows {
					sameBits(t, src[i*stride:][:n], out[i*pitch:][:n], "row %d of %d, %d wide, %d apart", i, rows, n, pitch)
				}
				for _, x := range out[end:] {
					require.Equal(t, float64(mark), float64(x), "written beyond the end")
				}
			}
		}
	}
}
