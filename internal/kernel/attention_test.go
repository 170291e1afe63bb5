package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sees is the definition of what Lo, Hi and Shared say.
func (p *Attn) sees(b, i, j int) bool {
	r := b*p.Queries + i
	own := p.Lo == nil || j >= int(p.Lo[r]) || p.Shared != nil && j < int(p.Shared[b])
	return own && (p.Hi == nil || j < int(p.Hi[r]))
}

// naiveAttention is the definition, in float64, of o and lse.
func naiveAttention[T Float](p *Attn, q, k, v []T) (o, lse []float64) {
	qb, kb := p.strides()
	o, lse = make([]float64, p.Batch*qb), make([]float64, p.Batch*p.Heads*p.Queries)
	for b := range p.Batch {
		for h := range p.Heads {
			kh := h / (p.Heads / p.KVHeads)
			for i := range p.Queries {
				at := b*qb + (i*p.Heads+h)*p.Dim
				var sum float64
				for j := range p.Keys {
					if !p.sees(b, i, j) {
						continue
					}
					ka := b*kb + (j*p.KVHeads+kh)*p.Dim
					var s float64
					for d := range p.Dim {
						s += float64(q[at+d]) * float64(k[ka+d])
					}
					e := math.Exp(p.Scale * s)
					sum += e
					for d := range p.Dim {
						o[at+d] += e * float64(v[ka+d])
					}
				}
				if sum > 0 {
					for d := range p.Dim {
						o[at+d] /= sum
					}
				}
				lse[(b*p.Heads+h)*p.Queries+i] = math.Log(sum)
			}
		}
	}
	return o, lse
}

type attnCase struct {
	p    Attn
	mask string
}

func attnCases() []attnCase {
	var all []attnCase
	for _, mask := range []string{"none", "causal", "window", "random", "shared", "random shared"} {
		for _, s := range []Attn{
			{Batch: 1, Heads: 1, KVHeads: 1, Queries: 1, Keys: 1, Dim: 1},
			{Batch: 2, Heads: 4, KVHeads: 2, Queries: 1, Keys: 37, Dim: 6},
			{Batch: 2, Heads: 2, KVHeads: 2, Queries: 5, Keys: 9, Dim: 4},
			{Batch: 1, Heads: 6, KVHeads: 2, Queries: 70, Keys: 83, Dim: 8, QBatch: 70*48 + 5, KBatch: 83*16 + 7},
			{Batch: 2, Heads: 3, KVHeads: 1, Queries: 130, Keys: 130, Dim: 5},
			{Batch: 1, Heads: 2, KVHeads: 1, Queries: 1, Keys: 1300, Dim: 20},
			{Batch: 1, Heads: 2, KVHeads: 1, Queries: 150, Keys: 1100, Dim: 33},
			{Batch: 1, Heads: 5, KVHeads: 1, Queries: 300, Keys: 300, Dim: 64},
			{Batch: 2, Heads: 2, KVHeads: 1, Queries: 3, Keys: 0, Dim: 4},
			{Batch: 0, Heads: 2, KVHeads: 1, Queries: 3, Keys: 4, Dim: 4},
		} {
			s.Scale = 1 / math.Sqrt(float64(s.Dim))
			s.Lo, s.Hi = masks(mask, &s)
			if strings.Contains(mask, "shared") {
				s.Shared = sharedKeys(mask, &s)
			}
			all = append(all, attnCase{s, mask})
		}
	}
	return all
}

func masks(kind string, p *Attn) (lo, hi []int32) {
	if kind == "none" {
		return nil, nil
	}
	r := rng(30)
	lo, hi = make([]int32, p.Batch*p.Queries), make([]int32, p.Batch*p.Queries)
	for i := range lo {
		end := i%p.Queries + 1 + p.Keys - p.Queries
		switch kind {
		case "causal":
			hi[i] = int32(end)
		case "shared": // texts of some 40 keys
			hi[i] = int32(end)
			if i%p.Queries > 0 && r.IntN(40) > 0 {
				lo[i] = lo[i-1]
			} else {
				lo[i] = int32(end - 1)
			}
		case "window":
			lo[i], hi[i] = int32(end-7), int32(end) // starts below zero
		case "random", "random shared": // also empty, inverted and beyond the keys
			lo[i], hi[i] = int32(r.IntN(p.Keys+1)-2), int32(r.IntN(p.Keys+4)-1)
		}
	}
	return lo, hi
}

// sharedKeys returns how many keys each batch shares: a part that ends within
// a block, and none, or anything, beyond the ends too.
func sharedKeys(kind string, p *Attn) []int32 {
	r := rng(37)
	n := make([]int32, p.Batch)
	for b := range n {
		switch kind {
		case "shared":
			n[b] = int32(p.Keys / 3 * (1 - b%2))
		default:
			n[b] = int32(r.IntN(p.Keys+4) - 2)
		}
	}
	return n
}

func (c *attnCase) inputs(r *rand.Rand) (q, k, v, do []float64) {
	qb, kb := c.p.strides()
	nq, nk := c.p.Batch*qb, c.p.Batch*kb
	return randn[float64](r, nq), randn[float64](r, nk), randn[float64](r, nk), randn[float64](r, nq)
}

func narrowed(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func TestAttention(t *testing.T) { eachVariant(t, testAttention) }

func testAttention(t *testing.T) {
	r := rng(31)
	for _, c := range attnCases() {
		p := &c.p
		t.Run(fmt.Sprintf("%s/%dx%d", c.mask, p.Queries, p.Keys), func(t *testing.T) {
			q, k, v, _ := c.inputs(r)
			want, wantLSE := naiveAttention(p, q, k, v)
			o, lse := make([]float64, len(q)), make([]float64, len(wantLSE))
			if p.QBatch == 0 { // elsewhere the gap is left alone
				fill(o, math.NaN())
			}
			Attention(p, o, lse, q, k, v)
			o32, lse32 := make([]float32, len(q)), make([]float32, len(lse))
			Attention(p, o32, lse32, narrowed(q), narrowed(k), narrowed(v))
			for i := range want {
				near(t, want[i], o[i], 1e-13, "o[%d]", i)
				near(t, want[i], float64(o32[i]), 3e-6, "float32 o[%d]", i)
			}
			for i := range lse {
				near(t, wantLSE[i], lse[i], 1e-13, "lse[%d]", i)
				near(t, wantLSE[i], float64(lse32[i]), 3e-6, "float32 lse[%d]", i)
			}
		})
	}
}

// naiveGrad is the gradient of naiveAttention, in float64.
func naiveGrad(p *Attn, dq, dk, dv, q, k, v, o, lse, do []float64) {
	qb, kb := p.strides()
	for b := range p.Batch {
		for h := range p.Heads {
			kh := h / (p.Heads / p.KVHeads)
			for i := range p.Queries {
				at := b*qb + (i*p.Heads+h)*p.Dim
				qi, oi, di := q[at:at+p.Dim], o[at:at+p.Dim], do[at:at+p.Dim]
				for j := range p.Keys {
					if !p.sees(b, i, j) {
						continue
					}
					ka := b*kb + (j*p.KVHeads+kh)*p.Dim
					pr := math.Exp(p.Scale*Dot(qi, k[ka:ka+p.Dim]) - lse[(b*p.Heads+h)*p.Queries+i])
					ds := pr * (Dot(di, v[ka:ka+p.Dim]) - Dot(di, oi)) * p.Scale
					for d := range p.Dim {
						dv[ka+d] += pr * di[d]
						dq[at+d] += ds * k[ka+d]
						dk[ka+d] += ds * qi[d]
					}
				}
			}
		}
	}
}

func TestAttentionGrad(t *testing.T) { eachVariant(t, testAttentionGrad) }

func testAttentionGrad(t *testing.T) {
	r := rng(32)
	for _, c := range attnCases() {
		p := &c.p
		t.Run(fmt.Sprintf("%s/%dx%d", c.mask, p.Queries, p.Keys), func(t *testing.T) {
			q, k, v, do := c.inputs(r)
			o, lse := naiveAttention(p, q, k, v)
			// The gradients are added to what is there.
			dq, dk, dv := randn[float64](r, len(q)), randn[float64](r, len(k)), randn[float64](r, len(k))
			dq32, dk32, dv32 := narrowed(dq), narrowed(dk), narrowed(dv)
			wq, wk, wv := append([]float64{}, dq...), append([]float64{}, dk...), append([]float64{}, dv...)
			naiveGrad(p, wq, wk, wv, q, k, v, o, lse, do)
			AttentionGrad(p, AttnFresh{}, dq, dk, dv, q, k, v, o, lse, do)
			if p.KBatch == 0 { // what lies between batches is not written
				nq, nk, nv := slices.Repeat([]float64{math.NaN()}, len(q)), slices.Repeat([]float64{math.NaN()}, len(k)), slices.Repeat([]float64{math.NaN()}, len(k))
				AttentionGrad(p, AttnFresh{true, true, true}, nq, nk, nv, q, k, v, o, lse, do)
				zq, zk, zv := make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(k))
				AttentionGrad(p, AttnFresh{}, zq, zk, zv, q, k, v, o, lse, do)
				sameBits(t, slices.Concat(zq, zk, zv), slices.Concat(nq, nk, nv), "fresh")
			}
			AttentionGrad(p, AttnFresh{}, dq32, dk32, dv32, narrowed(q), narrowed(k), narrowed(v), narrowed(o), narrowed(lse), narrowed(do))
			for _, g := range []struct {
				name      string
				want, got []float64
				got32     []float32
			}{{"dq", wq, dq, dq32}, {"dk", wk, dk, dk32}, {"dv", wv, dv, dv32}} {
				for i := range g.want {
					near(t, g.want[i], g.got[i], 1e-12, "%s[%d]", g.name, i)
					near(t, g.want[i], float64(g.got32[i]), 2e-5, "float32 %s[%d]", g.name, i)
				}
			}
		})
	}
}

func TestAttentionGradByDifferences(t *testing.T) {
	c := attnCase{p: Attn{Batch: 2, Heads: 4, KVHeads: 2, Queries: 3, Keys: 5, Dim: 3, Scale: 0.7}}
	p := &c.p
	p.Lo, p.Hi = masks("causal", p)
	q, k, v, do := c.inputs(rng(33))
	lse := make([]float64, p.Batch*p.Heads*p.Queries)
	f := func() []float64 {
		o := make([]float64, len(q))
		Attention(p, o, lse, q, k, v)
		return o
	}
	o := f()
	dq, dk, dv := make([]float64, len(q)), make([]float64, len(k)), make([]float64, len(v))
	AttentionGrad(p, AttnFresh{}, dq, nil, nil, q, k, v, o, lse, do)
	AttentionGrad(p, AttnFresh{}, nil, dk, nil, q, k, v, o, lse, do)
	AttentionGrad(p, AttnFresh{}, nil, nil, dv, q, k, v, o, lse, do)
	slopes(t, "dq", q, dq, do, f)
	slopes(t, "dk", k, dk, do, f)
	slopes(t, "dv", v, dv, do, f)
}

func TestAttentionSameBitsForAnyCores(t *testing.T) {
	for _, keys := range []int{300, 1100} { // the latter are split, too
		c := attnCase{p: Attn{Batch: 1, Heads: 4, KVHeads: 2, Queries: 100, Keys: keys, Dim: 16, Scale: 0.25}}
		p := &c.p
		p.Lo, p.Hi = masks("shared", p)
		p.Shared = []int32{70}
		one := *p
		one.Queries, one.Lo, one.Hi, one.Shared = 1, nil, nil, nil
		eachProcs(t, func() []float32 {
			a, b, e, g := c.inputs(rng(34))
			q, k, v, do := narrowed(a), narrowed(b), narrowed(e), narrowed(g)
			o, lse := make([]float32, len(q)), make([]float32, p.Batch*p.Heads*p.Queries)
			dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(k))
			Attention(p, o, lse, q, k, v)
			AttentionGrad(p, AttnFresh{}, dq, dk, dv, q, k, v, o, lse, do)
			decoded, decodedLSE := make([]float32, 64), make([]float32, 4)
			Attention(&one, decoded, decodedLSE, q, k, v)
			return slices.Concat(o, lse, dq, dk, dv, decoded, decodedLSE)
		})
	}
}

// Decoding a token against cached keys gives what the whole sequence gives.
func TestAttentionDecodes(t *testing.T) {
	const n = 90
	c := attnCase{p: Attn{Batch: 1, Heads: 4, KVHeads: 2, Queries: n, Keys: n, Dim: 16, Scale: 0.25}}
	all := &c.p
	all.Lo, all.Hi = masks("causal", all)
	a, b, e, _ := c.inputs(rng(35))
	q, k, v := narrowed(a), narrowed(b), narrowed(e)
	o, lse := make([]float32, len(q)), make([]float32, 4*n)
	Attention(all, o, lse, q, k, v)
	one, oneLSE := make([]float32, 64), make([]float32, 4)
	for i := range n {
		p := *all
		p.Queries, p.Keys, p.Lo, p.Hi = 1, i+1, nil, nil
		Attention(&p, one, oneLSE, q[i*64:], k, v)
		for j, want := range o[i*64 : (i+1)*64] {
			near(t, float64(want), float64(one[j]), 3e-6, "token %d", i)
		}
	}
}

// A NaN or +Inf among the scores of a query makes its output and the gradients
// that it reaches NaN; a query whose scores are all -Inf is like one that sees
// no key; other queries are not touched.
func TestAttentionNotFinite(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, queries := range []int{1, 40, 300} {
			const dim = 8
			inf := float32(math.Inf(1))
			for name, bad := range map[string]float32{"NaN": float32(math.NaN()), "+Inf": inf, "-Inf": -inf} {
				t.Run(fmt.Sprint(name, queries), func(t *testing.T) {
					const keys = 700
					p := &Attn{Batch: 1, Heads: 1, KVHeads: 1, Queries: queries, Keys: keys, Dim: dim, Scale: 1}
					r := rng(36)
					q, do, k, v := randn[float32](r, queries*dim), randn[float32](r, queries*dim), randn[float32](r, keys*dim), randn[float32](r, keys*dim)
					for i := 0; i < len(k); i += dim {
						k[i] = 1
					}
					at := queries / 2
					q[at*dim] = bad
					o, lse := make([]float32, len(q)), make([]float32, queries)
					dq, dk, dv := make([]float32, len(q)), make([]float32, len(k)), make([]float32, len(k))
					Attention(p, o, lse, q, k, v)
					AttentionGrad(p, AttnFresh{}, dq, dk, dv, q, k, v, o, lse, do)
					for i, x := range o {
						switch {
						case i/dim != at:
							require.False(t, x != x || dq[i] != dq[i])
						case bad == -inf:
							require.Zero(t, x)
							require.Zero(t, dq[i])
						default:
							require.True(t, x != x && dq[i] != dq[i] && dk[i%dim] != dk[i%dim] && dv[i%dim] != dv[i%dim])
						}
					}
				})
			}
		}
	})
}

func TestAttentionWithoutFeatures(t *testing.T) {
	p := &Attn{Batch: 1, Heads: 2, KVHeads: 1, Queries: 3, Keys: 4, Scale: 1}
	require.NotPanics(t, func() {
		Attention[float32](p, nil, make([]float32, 6), nil, nil, nil)
		AttentionGrad[float32](p, AttnFresh{}, nil, nil, nil, nil, nil, nil, nil, make([]float32, 6), nil)
	})
}

// Scratch memory does not grow with the number of keys.
func TestAttentionScratch(t *testing.T) {
	size := func(keys int) (bytes int) {
		p := &Attn{Batch: 1, Heads: 2, KVHeads: 2, Queries: 64, Keys: keys, Dim: 16, Scale: 1}
		c := newAttnCall[float32](p)
		defer c.drop()
		x := make([]float32, 64*2*16)
		kv := make([]float32, keys*2*16)
		c.q, c.k, c.v, c.o, c.lse, c.do = x, kv, kv, make([]float32, len(x)), make([]float32, 128), x
		c.dq, c.dk, c.dv = make([]float32, len(x)), make([]float32, len(kv)), make([]float32, len(kv))
		c.chunk, c.chunks = 64, 1
		w := new(attnWork[float32])
		c.forward(w, 0)
		c.chunk = keys
		c.backward(w, 0)
		return len(w.buf)
	}
	require.Equal(t, size(1<<10), size(1<<14))
}

// attnProbes are the probes of attention_rows.go.
func attnProbes[T Float]() []probe[T] {
	bounds := func(rows, cols int) (lo, hi []int32) {
		for i := range rows {
			lo, hi = append(lo, int32(min(i, cols))), append(hi, int32(max(cols-2+i, min(i, cols))))
		}
		return lo, hi
	}
	return []probe[T]{
		{"scaleRows", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			tb.scaleRows(x[0], cols, x[1], cols, rows, cols, []T{0.75, -2}[:rows])
			return nil
		}, 0, true, true}, // that is, a result depends on its row
		{"scaleRows by one factor", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			tb.scaleRows(x[0], cols, x[1], cols, rows, cols, []T{0.75})
			return nil
		}, 0, false, true},
		{"addRows", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			tb.addRows(x[0], cols, x[1], cols, rows, cols, -1.5)
			return nil
		}, 2, true, false},
		{"rowDots", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			dst := make([]T, rows)
			tb.rowDots(dst, x[0], cols, x[1], cols, cols)
			return dst
		}, 8, true, false},
		{"softRows", 1, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			lo, hi := bounds(rows, cols)
			m, l, fix := []T{0.5, T(math.Inf(-1))}[:rows], []T{2, 0}[:rows], make([]T, 2)[:rows]
			tb.softRows(x[0], cols, cols, lo, hi, m, l, fix)
			for i, sum := range l {
				if sum != sum { // then nothing else of the row matters
					m[i], fix[i] = sum, sum
					fill(x[0][i*cols:(i+1)*cols], sum)
				}
			}
			return slices.Concat(m, l, fix)
		}, 8, true, false},
		{"gradRows", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			lo, hi := bounds(rows, cols)
			tb.gradRows(x[0], x[1], cols, cols, lo, hi, []T{4, 5}[:rows], []T{0.5, -1}[:rows])
			return nil
		}, 8, true, false},
	}
}
