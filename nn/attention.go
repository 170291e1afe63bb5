package nn

import (
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// Attention is multi-head self-attention (Vaswani et al. 2017, arXiv
// 1706.03762), with fewer key/value heads than query heads if wanted (Ainslie
// et al. 2023, arXiv 2305.13245) and rotary positions (Su et al. 2021, arXiv
// 2104.09864).
type Attention struct {
	QProj     *Linear // [heads·d, dim]
	KProj     *Linear // [kvHeads·d, dim]
	VProj     *Linear // [kvHeads·d, dim]
	OProj     *Linear // [dim, heads·d]
	Heads     int
	KVHeads   int
	RopeTheta float64 // 0: no rotary positions
	Window    int     // a query sees this many positions, its own included; 0: all
	Dropout   Dropout // of the output
}

// NewAttention returns the self-attention of a block of configuration c.
func NewAttention(r *rand.PCG, c BlockConfig) *Attention {
	c = c.withDefaults()
	d := c.Dim / c.Heads
	return &Attention{
		QProj: NewLinear(r, c.Dim, c.Heads*d, !c.NoBias),
		KProj: NewLinear(r, c.Dim, c.KVHeads*d, !c.NoBias),
		VProj: NewLinear(r, c.Dim, c.KVHeads*d, !c.NoBias),
		OProj: NewLinear(r, c.Heads*d, c.Dim, !c.NoBias),
		Heads: c.Heads, KVHeads: c.KVHeads, RopeTheta: c.RopeTheta, Dropout: Dropout(c.Dropout),
	}
}

// Forward maps x [B, S, dim] to [B, S, dim]. at gives the rotary positions,
// [B·S]; nil counts them from the row's start.
//
// With a cache, x is S further positions of the cache's B rows: they see what
// the row holds, themselves and what comes before them, and are then kept, in
// row r the first mask.KeyLen[r] of them (nil: all); the rest of mask is
// ignored. The scope must not record, and rows hold one text each. It panics
// with *tensor.ShapeError if the shapes do not fit.
func (a *Attention) Forward(s *autograd.Scope, x *autograd.Var, mask autograd.AttnMask, at []int32, cache *KVCache) *autograd.Var {
	return a.forward(s, x, nil, mask, at, cache)
}

// forward is Forward, added to r if that is not nil.
func (a *Attention) forward(s *autograd.Scope, x, r *autograd.Var, mask autograd.AttnMask, at []int32, cache *KVCache) *autograd.Var {
	if x.Rank() != 3 || cache != nil && cache.Rows() != x.Dim(0) {
		tensor.Fail("self attention", fmt.Sprintf("needs [rows, seq, dim], and as many rows as the cache has (%d)", cache.Rows()), x.Value())
	}
	b, n := x.Dim(0), x.Dim(1)
	q := splitHeads(a.QProj.Forward(s, x), a.Heads)
	k := splitHeads(a.KProj.Forward(s, x), a.KVHeads)
	v := splitHeads(a.VProj.Forward(s, x), a.KVHeads)
	if a.RopeTheta != 0 {
		pos := at
		if pos == nil {
			pos = positions(s, b, n, cache)
		}
		q, k = autograd.Rope(q, pos, a.RopeTheta), autograd.Rope(k, pos, a.RopeTheta)
	}
	if cache != nil {
		if s.Grad() || mask.KeyStart != nil || mask.Shared != nil {
			tensor.Fail("self attention", "a KVCache holds values without gradients, and one text a row", x.Value())
		}
		k, v, mask = cache.append(s, k, v, mask.KeyLen)
	}
	if a.Window != 0 {
		mask.Window = a.Window
	}
	o := autograd.Attention(q, k, v, mask)
	return a.OProj.end(s, autograd.Reshape(o, b, n, a.Heads*q.Dim(-1)), a.Dropout, r)
}

// positions returns the positions of n further tokens in each of b rows.
func positions(s *autograd.Scope, b, n int, cache *KVCache) []int32 {
	pos := int32s(s, b*n)
	for i := range pos {
		pos[i] = int32(i % n)
		if cache != nil {
			pos[i] += cache.len[i/n]
		}
	}
	return pos
}
