package tensor

import (
	"fmt"

	"github.com/noema-ml/noema/internal/kernel"
)

// WidenRows sets row i of dst, float32, to row idx[i] of t, a matrix of a type
// that stores weights. It panics with *ShapeError if they do not fit or an
// index is out of range.
func WidenRows(dst, t *Tensor, idx []int32) {
	s, ok := t.dt.Storage()
	if !ok || dst.dt != Float32 || t.rank != 2 || dst.rank < 1 || dst.Len() != len(idx)*t.shape[1] || dst.Dim(-1) != t.shape[1] {
		Fail("widen rows", fmt.Sprintf("%v to %v, %d rows", t.dt, dst.dt, len(idx)), dst, t)
	}
	d, b, cols := Data[float32](dst), Bytes(t), t.shape[1]
	for i, r := range idx {
		if uint(r) >= uint(t.shape[0]) {
			Fail("widen rows", fmt.Sprintf("index %d out of range", r), t)
		}
		kernel.Widen(s, d[i*cols:(i+1)*cols], b[s.Bytes(int(r)*cols):])
	}
}
