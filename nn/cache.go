package nn

import (
	"fmt"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/internal/parallel"
	"github.com/noema-ml/noema/tensor"
)

// KVCache keeps one layer's keys and values between the calls of a decoder: its
// own, which grow, and those of the cross-attention's memory, computed once.
// Rows may be of different lengths. It lives on the heap and serves one
// goroutine.
type KVCache struct {
	self  [2]*tensor.Tensor // keys, values: at least rows·cap·width elements
	spare [2]*tensor.Tensor // what Reorder copies into
	whole [2]*tensor.Tensor // seen as [rows, cap, heads, dim]
	seen  [2]*tensor.Tensor // what self was then
	shape [2]int            // heads, dim
	width int               // their product, the elements of a position
	cap   int               // positions a row has room for
	want  int               // and is to have at the first growth
	len   []int32           // and holds
	cross *memoryCache

	// The first common positions are the same in the first held rows of self,
	// used or not: Reorder need not copy the prompt of a beam search.
	common int32
	held   int
}

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

// Reserve says that rows will hold n positions, so that they need not be moved
// on the way there.
func (c *KVCache) Reserve(n int) { c.want = n }

// Reset empties the cache for the given number of rows. It keeps its buffers,
// so it goes on serving the same layer.
func (c *KVCache) Reset(rows int) {
	c.len = append(c.len[:0], make([]int32, rows)...)
	if c.cap > 0 && rows*c.cap*c.width > c.self[0].Len() {
		c.cap = c.self[0].Len() / (rows * c.width)
	}
	c.common, c.held, c.cross = 0, rows, nil
}

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
	for _, n := range lens {
		c.common = min(c.common, n)
	}
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
	if need := len(rows) * c.cap * c.width; need > 0 {
		move := need > c.self[0].Len() || !inPlace(rows)
		if move {
			c.held = 0
		}
		for i, from := range c.self {
			to := from
			if move {
				to, c.spare[i] = c.spare[i], from
				if to == nil || to.Len() < need {
					to = tensor.New(from.DType(), need)
				}
			}
			if from.DType() == tensor.Float64 {
				copyRows[float64](c, to, from, rows)
			} else {
				copyRows[float32](c, to, from, rows)
			}
			c.self[i] = to
		}
		c.held = max(c.held, len(rows))
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
	d.spare = [2]*tensor.Tensor{}
	d.len = slices.Clone(c.len)
	for i, t := range c.self {
		if t != nil {
			d.self[i] = t.Clone()
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
	if c.cap > 0 && (k.Dim(2) != c.shape[0] || k.Dim(3) != c.shape[1] || k.DType() != c.self[0].DType()) {
		cacheFail("append", fmt.Sprintf("%d heads of %d %vs to %d heads of %d %vs", k.Dim(2), k.Dim(3), k.DType(), c.shape[0], c.shape[1], c.self[0].DType()))
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
		if x.DType() == tensor.Float64 {
			writeRows[float64](c, c.self[i], x.Value().Contiguous())
		} else {
			writeRows[float32](c, c.self[i], x.Value().Contiguous())
		}
		out[i] = s.Const(c.view(i).Slice(1, 0, most))
	}
	for r := range c.len {
		if valid == nil {
			c.len[r] += int32(n)
		} else {
			c.len[r] += min(max(valid[r], 0), int32(n))
		}
	}
	if rows == 1 {
		c.common, c.held = c.len[0], 1
	}
	return out[0], out[1], mask
}

// view returns self[i] as [rows, cap, heads, dim].
func (c *KVCache) view(i int) *tensor.Tensor {
	rows := len(c.len)
	if v := c.whole[i]; v != nil && c.seen[i] == c.self[i] && v.Dim(0) == rows && v.Dim(1) == c.cap {
		return v
	}
	c.seen[i] = c.self[i]
	c.whole[i] = c.self[i].Slice(0, 0, rows*c.cap*c.width).Reshape(rows, c.cap, c.shape[0], c.shape[1])
	return c.whole[i]
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
	if c.want >= n {
		wider = c.want
	}
	for i, from := range c.self {
		to := tensor.New(k.DType(), len(c.len)*wider*c.width)
		for r, n := range c.len { // rows lie further apart now
			if n > 0 {
				src, dst, used := r*c.cap*c.width, r*wider*c.width, int(n)*c.width
				tensor.Copy(to.Slice(0, dst, dst+used), from.Slice(0, src, src+used))
			}
		}
		c.self[i], c.spare[i] = to, nil
	}
	c.cap, c.held = wider, len(c.len)
}

// inPlace reports whether rows can be copied one after the other within one
// buffer: none is read after another was written over it.
func inPlace(rows []int32) bool {
	for i, r := range rows {
		if int(r) < i && rows[r] != r {
			return false
		}
	}
	return true
}

// copyRows copies what row rows[i] of from holds to row i of to, but not what
// that holds already. to may be from if inPlace allows it.
func copyRows[T tensor.Float](c *KVCache, to, from *tensor.Tensor, rows []int32) {
	dst, src, stride := tensor.Data[T](to), tensor.Data[T](from), c.cap*c.width
	row := func(i int, r int32) {
		first, n := 0, int(c.len[r])*c.width
		if i < c.held {
			first = int(c.common) * c.width
		}
		copy(dst[i*stride+first:i*stride+n], src[int(r)*stride+first:])
	}
	if to == from {
		for i, r := range rows {
			if int(r) != i {
				row(i, r)
			}
		}
		return
	}
	parallel.For(len(rows), max(1, copyGrain/max(1, stride)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row(i, rows[i])
		}
	})
}

// copyGrain is how many elements a core copies at a time.
const copyGrain = 1 << 16

// writeRows puts row r of x [rows, n, heads, dim] behind what row r holds.
func writeRows[T tensor.Float](c *KVCache, to, x *tensor.Tensor) {
	dst, src, n := tensor.Data[T](to), tensor.Data[T](x), x.Dim(1)*c.width
	for r, at := range c.len {
		copy(dst[(r*c.cap+int(at))*c.width:], src[r*n:(r+1)*n])
	}
}

func cacheFail(op, reason string) {
	panic(&tensor.ShapeError{Op: "cache " + op, Reason: reason})
}

// int32s returns n numbers that live as long as the pass.
func int32s(s *autograd.Scope, n int) []int32 {
	return tensor.Data[int32](s.New(tensor.Int32, n))
}
