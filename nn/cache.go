package nn

import (
	"fmt"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// KVCache keeps one layer's keys and values between the calls of a decoder: its
// own, which grow, and those of the cross-attention's memory, computed once.
// Rows may be of different lengths. It lives on the heap and serves one
// goroutine.
type KVCache struct {
	self  [2]buffer // keys, values
	spare [2]buffer // what Reorder copies into
	width int       // elements of one position: heads · dim
	shape [2]int    // heads, dim
	cap   int       // positions a row
	len   []int32
	cross *memoryCache
}

// buffer is the storage of [rows, cap, heads, dim].
type buffer struct{ t *tensor.Tensor }

// NewKVCache returns an empty cache of the given number of rows.
func NewKVCache(rows int) *KVCache { return &KVCache{len: make([]int32, rows)} }

// Rows returns the number of rows; a nil cache has none.
func (c *KVCache) Rows() int {
	if c == nil {
		return 0
	}
	return len(c.len)
}

// Len returns the positions that each row holds. The caller must not change it.
func (c *KVCache) Len() []int32 { return c.len }

// Truncate forgets what row r holds beyond lens[r] positions. It panics with
// *tensor.ShapeError unless lens has an entry from 0 to Len()[r] for every row.
func (c *KVCache) Truncate(lens []int32) {
	if len(lens) != len(c.len) {
		cacheFail("truncate", fmt.Sprintf("%d lengths for %d rows", len(lens), len(c.len)))
	}
	for r, n := range lens {
		if n < 0 || n > c.len[r] {
			cacheFail("truncate", fmt.Sprintf("row %d holds %d positions, not %d", r, c.len[r], n))
		}
	}
	copy(c.len, lens)
}

// Reorder makes row i what row rows[i] was, as beam search needs it: rows may
// be repeated, dropped and more or fewer than before. It panics with
// *tensor.ShapeError on a row that does not exist.
func (c *KVCache) Reorder(rows []int32) {
	same := len(rows) == len(c.len)
	for i, r := range rows {
		if r < 0 || int(r) >= len(c.len) {
			cacheFail("reorder", fmt.Sprintf("row %d of %d", r, len(c.len)))
		}
		same = same && int(r) == i
	}
	if same {
		return
	}
	if c.cap > 0 {
		for i := range c.self {
			dst := c.spare[i].grown(c.self[i].t.DType(), len(rows)*c.cap*c.width)
			c.self[i].copyRows(dst, rows, c.cap*c.width, c.len, c.width)
			c.self[i], c.spare[i] = dst, c.self[i]
		}
	}
	lens := make([]int32, len(rows))
	for i, r := range rows {
		lens[i] = c.len[r]
	}
	c.len = lens
	if c.cross != nil {
		c.cross = c.cross.reorder(rows)
	}
}

// Clone returns an independent copy.
func (c *KVCache) Clone() *KVCache {
	d := *c
	d.spare = [2]buffer{}
	d.len = slices.Clone(c.len)
	for i, b := range c.self {
		if b.t != nil {
			d.self[i].t = b.t.Clone()
		}
	}
	return &d // the memory is never changed in place
}

// append puts k and v [rows, n, heads, dim] behind each row's positions and
// returns the rows' keys and values, and where the queries stand among them.
// Only the first valid[r] new positions stay (nil: all).
func (c *KVCache) append(s *autograd.Scope, k, v *autograd.Var, valid []int32) (ks, vs *autograd.Var, mask autograd.AttnMask) {
	rows, n := k.Dim(0), k.Dim(1)
	if valid != nil && len(valid) != rows {
		cacheFail("append", fmt.Sprintf("%d lengths for %d rows", len(valid), rows))
	}
	mask = autograd.AttnMask{Causal: true, Offset: int32s(s, rows)}
	copy(mask.Offset, c.len)
	most := n
	for _, at := range c.len {
		most = max(most, int(at)+n)
	}
	c.reserve(k, most)
	var out [2]*autograd.Var
	for i, x := range []*autograd.Var{k, v} {
		c.self[i].write(x.Value().Contiguous(), c.len, c.cap*c.width, c.width)
		t := c.self[i].t.Slice(0, 0, rows*c.cap*c.width).Reshape(rows, c.cap, c.shape[0], c.shape[1])
		out[i] = s.Const(t.Slice(1, 0, most))
	}
	for r := range c.len {
		if valid == nil {
			c.len[r] += int32(n)
		} else {
			c.len[r] += min(max(valid[r], 0), int32(n))
		}
	}
	return out[0], out[1], mask
}

// reserve makes room for n positions a row.
func (c *KVCache) reserve(k *autograd.Var, n int) {
	if c.cap == 0 {
		c.shape = [2]int{k.Dim(2), k.Dim(3)}
		c.width = c.shape[0] * c.shape[1]
	}
	if n <= c.cap {
		return
	}
	wider := max(n, 2*c.cap, 16)
	for i := range c.self {
		dst := buffer{}.grown(k.DType(), len(c.len)*wider*c.width)
		if c.cap > 0 {
			for r := range c.len { // rows lie further apart now
				n := int(c.len[r]) * c.width
				from := c.self[i].t.Slice(0, r*c.cap*c.width, r*c.cap*c.width+n)
				tensor.Copy(dst.t.Slice(0, r*wider*c.width, r*wider*c.width+n), from)
			}
		}
		c.self[i], c.spare[i] = dst, buffer{}
	}
	c.cap = wider
}

// grown returns b, or a larger buffer if it has not n elements of dt.
func (b buffer) grown(dt tensor.DType, n int) buffer {
	if b.t != nil && b.t.DType() == dt && b.t.Len() >= n {
		return b
	}
	return buffer{tensor.New(dt, n)}
}

// copyRows copies the used part of row rows[i] to row i of dst.
func (b buffer) copyRows(dst buffer, rows []int32, stride int, lens []int32, width int) {
	if b.t.DType() == tensor.Float64 {
		copyRows(tensor.Data[float64](dst.t), tensor.Data[float64](b.t), rows, stride, lens, width)
	} else {
		copyRows(tensor.Data[float32](dst.t), tensor.Data[float32](b.t), rows, stride, lens, width)
	}
}

func copyRows[T tensor.Float](dst, src []T, rows []int32, stride int, lens []int32, width int) {
	for i, r := range rows {
		n := int(lens[r]) * width
		copy(dst[i*stride:i*stride+n], src[int(r)*stride:])
	}
}

// write puts row r of x [rows, n, ...] behind the lens[r] positions of row r.
func (b buffer) write(x *tensor.Tensor, lens []int32, stride, width int) {
	if x.DType() == tensor.Float64 {
		writeRows(tensor.Data[float64](b.t), tensor.Data[float64](x), lens, stride, width)
	} else {
		writeRows(tensor.Data[float32](b.t), tensor.Data[float32](x), lens, stride, width)
	}
}

func writeRows[T tensor.Float](dst, x []T, lens []int32, stride, width int) {
	n := len(x) / max(1, len(lens))
	for r, at := range lens {
		copy(dst[r*stride+int(at)*width:], x[r*n:(r+1)*n])
	}
}

func cacheFail(op, reason string) {
	panic(&tensor.ShapeError{Op: "cache " + op, Reason: reason})
}

// int32s returns n numbers that live as long as the pass.
func int32s(s *autograd.Scope, n int) []int32 {
	return tensor.Data[int32](s.New(tensor.Int32, n))
}
