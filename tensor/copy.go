package tensor

import (
	"fmt"
	"math"

	"github.com/noema-ml/noema/internal/kernel"
	"github.com/noema-ml/noema/internal/parallel"
)

// Copy copies src, broadcast to dst's shape, into dst, which may be strided.
// The dtypes must be equal (Cast converts). It panics with *ShapeError
// otherwise.
func Copy(dst, src *Tensor) {
	dst.writable("copy")
	if dst.dt != src.dt {
		Fail("copy", fmt.Sprintf("%v into %v", src.dt, dst.dt), dst, src)
	}
	src = src.expand("copy", dst.dims())
	if dst.Len() == 0 {
		return
	}
	if dst.dt.Block() > 1 {
		copy(Bytes(dst), Bytes(src))
		return
	}
	switch dst.dt.Size() {
	case 8:
		copyOf[int64](dst, src)
	case 4:
		copyOf[int32](dst, src)
	case 2:
		copyOf[uint16](dst, src)
	default:
		copyOf[int8](dst, src)
	}
}

// copyOf moves elements as T, any type of their size.
func copyOf[T Elem](dst, src *Tensor) {
	d, s := raw[T](dst), raw[T](src)
	if n := dst.Len(); dst.IsContiguous() { // no nest, which is allocated
		switch {
		case n <= grain && src.IsContiguous():
			copy(d[:n], s[:n])
			return
		case src.isOne():
			fillRun(d[:n], s[0])
			return
		}
	}
	n := newNest(dst.dims(), dst, src)
	ds, ss, _ := n.inner()
	if n.rank == 2 && ds == 1 && n.stride[1][0] == 1 {
		transpose(d, s, n.shape[0], n.shape[1], n.stride[0][0], ss)
		return
	}
	n.rows(func(length int, off [3]int) {
		d, s := d[off[0]:], s[off[1]:]
		switch {
		case ds == 1 && ss == 1:
			copy(d[:length], s[:length])
		case ds == 1 && ss == 0:
			d, v := d[:length], s[0]
			for i := range d {
				d[i] = v
			}
		default:
			for i := range length {
				d[i*ds] = s[i*ss]
			}
		}
	})
}

// transpose sets d[i·ds + j] = s[i + j·ss] for i < m, j < n, in tiles whose
// rows and columns both stay in cache.
func transpose[T Elem](d, s []T, m, n, ds, ss int) {
	const tile = 32
	parallel.For((m+tile-1)/tile, max(1, grain/tile/n), func(lo, hi int) {
		for i0 := lo * tile; i0 < min(hi*tile, m); i0 += tile {
			for j0 := 0; j0 < n; j0 += tile {
				for i := i0; i < min(i0+tile, m); i++ {
					row := d[i*ds:]
					for j := j0; j < min(j0+tile, n); j++ {
						row[j] = s[i+j*ss]
					}
				}
			}
		}
	})
}

// Fill sets every element of t to v, converted to t's dtype as Cast does.
func Fill(t *Tensor, v float64) {
	t.writable("fill")
	switch t.dt {
	case Float32:
		fill(t, float32(v))
	case Float64:
		fill(t, v)
	case BFloat16:
		fill(t, kernel.ToBFloat16(float32(v)))
	case Float16:
		fill(t, kernel.ToFloat16(float32(v)))
	case Int8:
		fill(t, toInt[int8](v, math.MinInt8, math.MaxInt8))
	case Int32:
		fill(t, toInt[int32](v, math.MinInt32, math.MaxInt32))
	case Int64:
		fill(t, toInt[int64](v, math.MinInt64, math.MaxInt64))
	case Bool:
		fill(t, v != 0)
	default:
		t.noBlocks("fill")
	}
}

func fill[T Elem](t *Tensor, v T) {
	if t.Len() == 0 {
		return
	}
	d := raw[T](t)
	if size := t.Len(); t.IsContiguous() {
		fillRun(d[:size], v)
		return
	}
	n := newNest(t.dims(), t)
	s, _, _ := n.inner()
	n.rows(func(length int, off [3]int) {
		d := d[off[0]:]
		for i := range length {
			d[i*s] = v
		}
	})
}

// fillRun sets d to v, over several cores if it is long.
func fillRun[T Elem](d []T, v T) {
	if len(d) > grain {
		parallel.For(len(d), grain, func(lo, hi int) { fillRun(d[lo:hi], v) })
		return
	}
	for i := range d {
		d[i] = v
	}
}
