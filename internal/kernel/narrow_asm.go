//go:build !noasm

package kernel

// dotsTile multiplies as many rows of x as its index in a list, plus one, with
// n rows of w.
type dotsTile func(n, k int, w *byte, ldw int, x *float32, ldx int, out *float32, ldo int)

// inTiles covers m rows of x, as many at a time as there are tiles.
func inTiles(tiles []dotsTile, m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
	for i := 0; i < m; i += len(tiles) {
		rows := min(len(tiles), m-i)
		tiles[rows-1](n, k, &w[0], ldw, &x[i*ldx], ldx, &out[i*ldo], ldo)
	}
}

// halfTiles returns dots for 16-bit weights. What k leaves after whole steps is
// added one by one.
func halfTiles(step int, from func(uint16) float32, tiles ...dotsTile) func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
	return func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
		if m == 0 || n == 0 {
			return
		}
		whole := k / step * step
		_, _ = x[:(m-1)*ldx+k], out[(m-1)*ldo+n-1]
		_ = w[:(n-1)*ldw+2*k]
		if whole > 0 {
			inTiles(tiles, m, n, whole, x, ldx, w, ldw, out, ldo)
		}
		if whole == k && k > 0 {
			return
		}
		for j := range n {
			tail := halves(w[j*ldw:])[whole:k]
			for i := range m {
				var sum float32
				if whole > 0 {
					sum = out[i*ldo+j]
				}
				for p, b := range tail {
					sum += x[i*ldx+whole+p] * from(b)
				}
				out[i*ldo+j] = sum
			}
		}
	}
}

func q8Tiles(tiles ...dotsTile) func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
	return func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int) {
		blocks := k / q8Values
		if m == 0 || n == 0 || blocks == 0 {
			dotsQ8(m, n, k, x, ldx, w, ldw, out, ldo)
			return
		}
		_, _ = x[(m-1)*ldx+blocks*q8Row-1], out[(m-1)*ldo+n-1]
		_ = w[(n-1)*ldw+blocks*q8Bytes-1]
		inTiles(tiles, m, n, blocks, x, ldx, w, ldw, out, ldo)
	}
}

// quantiseBy makes of assembly what quantises a row.
func quantiseBy(f func(n int, dst, src *float32)) func(dst, src []float32) {
	return func(dst, src []float32) {
		if blocks := len(src) / q8Values; blocks > 0 {
			_ = dst[blocks*q8Row-1]
			f(blocks, &dst[0], &src[0])
		}
	}
}

// widenRun is how many values assembly widens before it may be preempted.
const widenRun = 1 << 16

// widenVectors returns widen of 16-bit weights: whole vectors of step values by
// f, the rest by last.
func widenVectors(step int, f func(n int, dst *float32, src *byte), last func(dst []float32, src []byte)) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		src = src[:2*len(dst)]
		for len(dst) >= step {
			n := min(widenRun, len(dst)/step*step)
			f(n, &dst[0], &src[0])
			dst, src = dst[n:], src[2*n:]
		}
		last(dst, src)
	}
}

func widenBlocks(f func(blocks int, dst *float32, src *byte)) func(dst []float32, src []byte) {
	return func(dst []float32, src []byte) {
		blocks := len(dst) / q8Values
		src = src[:blocks*q8Bytes]
		for blocks > 0 {
			n := min(widenRun/q8Values, blocks)
			f(n, &dst[0], &src[0])
			dst, src, blocks = dst[n*q8Values:], src[n*q8Bytes:], blocks-n
		}
	}
}
