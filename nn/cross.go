package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// CrossAttention reads a memory of another width, with its own norm and
// residual: y = x + tanh(Gate)·Attention(Norm(x), memory), or without the
// tanh where there is no Gate (Alayrac et al. 2022, arXiv 2204.14198). With a
// Gate of 0 y equals x exactly. It has no biases, so that a row whose memory
// is empty is passed through.
type CrossAttention struct {
	Norm    Norm
	QProj   *Linear         // [heads·d, dim]
	KProj   *Linear         // [kvHeads·d, memory]
	VProj   *Linear         // [kvHeads·d, memory]
	OProj   *Linear         // [dim, heads·d]
	Gate    *autograd.Param // [1], or nil
	Heads   int
	KVHeads int
	Dropout Dropout // of the attention's output
}

// NewCrossAttention returns the cross-attention of a block of configuration c,
// whose memory is c.MemoryDim wide (0: c.Dim), with a gate of 0 if c.CrossGate.
func NewCrossAttention(r *rand.PCG, c BlockConfig) *CrossAttention {
	c = c.withDefaults()
	d := c.Dim / c.Heads
	memory := orDefault(c.MemoryDim, c.Dim)
	a := &CrossAttention{
		Norm:  c.norm(),
		QProj: NewLinear(r, c.Dim, c.Heads*d, false),
		KProj: NewLinear(r, memory, c.KVHeads*d, false),
		VProj: NewLinear(r, memory, c.KVHeads*d, false),
		OProj: NewLinear(r, c.Heads*d, c.Dim, false),
		Heads: c.Heads, KVHeads: c.KVHeads, Dropout: Dropout(c.Dropout),
	}
	if c.CrossGate {
		a.Gate = Zeros(1)
	}
	return a
}

// Forward adds to x [B, S, dim] what it reads in memory [M, N, memoryDim]. B is
// a multiple T of M, and row r reads the first memoryLen[r] of the N vectors of
// memory row r/T (nil: all of them; 0: x stays as it is); the memory is
// projected once for its T rows. Where each of the B·S queries reads a part of
// the memory of its own, memoryStart and memoryLen are its start and its end,
// [B·S].
//
// With a cache, what was projected is kept there, and from then on memory and
// memoryLen are ignored; there is no memoryStart. It panics with
// *tensor.ShapeError if the shapes do not fit.
func (a *CrossAttention) Forward(s *autograd.Scope, x, memory *autograd.Var, memoryStart, memoryLen []int32, cache *KVCache) *autograd.Var {
	b, n := x.Dim(0), x.Dim(1)
	if memoryStart != nil && (len(memoryStart) != b*n || len(memoryLen) != b*n || cache != nil) {
		tensor.Fail("cross attention", fmt.Sprintf("%d memory starts and %d ends, without a cache", len(memoryStart), len(memoryLen)), x.Value())
	}
	if memoryStart == nil && memoryLen != nil && len(memoryLen) != b {
		tensor.Fail("cross attention", fmt.Sprintf("%d memory lengths for %d rows", len(memoryLen), b), x.Value())
	}
	k, v, lens := a.project(s, memory, memoryLen, b, cache)
	q := splitHeads(a.QProj.Forward(s, a.Norm.Forward(s, x)), a.Heads)
	d := q.Dim(-1)
	mask := autograd.AttnMask{KeyLen: lens, KeyStart: memoryStart}
	if m := k.Dim(0); m != b {
		q = autograd.Reshape(q, m, b/m*n, a.Heads, d)
		if lens != nil && memoryStart == nil { // one a row becomes one a query
			mask.KeyLen = int32s(s, b*n)
			for i := range mask.KeyLen {
				mask.KeyLen[i] = lens[i/n]
			}
		}
	}
	o := autograd.Reshape(autograd.Attention(q, k, v, mask), b, n, a.Heads*d)
	if a.Gate == nil {
		return a.OProj.end(s, o, a.Dropout, x)
	}
	y := a.OProj.end(s, o, a.Dropout, nil)
	return autograd.Add(x, autograd.Mul(y, autograd.Tanh(s.Use(a.Gate))))
}

// project returns the memory's keys and values [M, N, heads, d] for b rows and
// how many of them are seen, from the cache if they are there.
func (a *CrossAttention) project(s *autograd.Scope, memory *autograd.Var, memoryLen []int32, b int, cache *KVCache) (k, v *autograd.Var, lens []int32) {
	if cache != nil && cache.cross != nil {
		c := cache.cross
		if len(c.row) != b {
			tensor.Fail("cross attention", fmt.Sprintf("%d rows for a cache of %d", b, len(c.row)), c.kv[0])
		}
		return s.Const(c.kv[0]), s.Const(c.kv[1]), c.len
	}
	if memory.Rank() != 3 || memory.Dim(0) == 0 && b > 0 || memory.Dim(0) > 0 && b%memory.Dim(0) != 0 {
		tensor.Fail("cross attention", fmt.Sprintf("%d rows do not share the memory", b), memory.Value())
	}
	k = splitHeads(a.KProj.Forward(s, memory), a.KVHeads)
	v = splitHeads(a.VProj.Forward(s, memory), a.KVHeads)
	if cache != nil {
		cache.keepMemory(k, v, memoryLen)
	}
	return k, v, memoryLen
}

// splitHeads turns [B, S, heads·d] into [B, S, heads, d].
func splitHeads(x *autograd.Var, heads int) *autograd.Var {
	return autograd.Reshape(x, x.Dim(0), x.Dim(1), heads, x.Dim(2)/heads)
}

// memoryCache is the projected memory of a cross-attention. It is never
// changed in place, so copies of a cache share it.
type memoryCache struct {
	kv  [2]*tensor.Tensor // [M, N, heads, d]
	row []int32           // of each row of the cache: the memory row that it reads,
	len []int32           // and how much of it
}

// keepMemory keeps k and v for the cache's rows. Row r reads memory row
// r·M/rows.
func (c *KVCache) keepMemory(k, v *autograd.Var, memoryLen []int32) {
	m := &memoryCache{
		kv:  [2]*tensor.Tensor{k.Detach(), v.Detach()},
		row: make([]int32, len(c.len)),
		len: make([]int32, len(c.len)),
	}
	for r := range m.row {
		m.row[r], m.len[r] = int32(r*k.Dim(0)/len(c.len)), int32(k.Dim(1))
		if memoryLen != nil {
			m.len[r] = memoryLen[r]
		}
	}
	c.cross = m
}

// reorder returns the cache for rows that were rows[i]. Memory row j must then
// serve rows j·T to (j+1)·T-1 for one T; the largest T that allows it is used,
// so that rows which share a memory go on sharing it where they lie together.
func (m *memoryCache) reorder(rows []int32) *memoryCache {
	to := &memoryCache{kv: m.kv, row: make([]int32, len(rows)), len: make([]int32, len(rows))}
	group, start := 0, 0
	for i, r := range rows {
		to.row[i], to.len[i] = m.row[r], m.len[r]
		if i > 0 && to.row[i] != to.row[i-1] {
			group, start = gcd(group, i-start), i
		}
	}
	group = gcd(group, len(rows)-start)
	var pick []int32
	for i := 0; i < len(rows); i += group {
		pick = append(pick, to.row[i])
	}
	same := len(pick) == m.kv[0].Dim(0)
	for i, p := range pick {
		same = same && int(p) == i
	}
	if same {
		return to
	}
	for i := range to.row {
		to.row[i] = int32(i / group)
	}
	for i, t := range m.kv {
		shape := t.Shape()
		shape[0] = len(pick)
		to.kv[i] = tensor.New(t.DType(), shape...)
		for j, p := range pick {
			tensor.Copy(to.kv[i].Slice(0, j, j+1), t.Slice(0, int(p), int(p)+1))
		}
	}
	return to
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// hasMemory reports whether c, which may be nil, holds a projected memory.
func (c *KVCache) hasMemory() bool { return c != nil && c.cross != nil }
