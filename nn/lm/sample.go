package lm

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Sampling is how the next token is drawn from the logits: they are divided by
// the temperature, then cut to the TopK largest, then to the smallest set of
// at least TopP of the probability (Holtzman et al. 2019, arXiv 1904.09751).
// The zero value takes the most probable token.
type Sampling struct {
	Temperature float64 `json:"temperature"` // 0: greedy
	TopK        int     `json:"top_k"`       // 0: all
	TopP        float64 `json:"top_p"`       // 0: all
}

// Pick returns the index that it draws from logits, of which equal ones are
// ordered by index. NaN counts as -Inf. Greedy needs no r. It panics if logits
// is empty.
func (p Sampling) Pick(r *rand.PCG, logits []float32) int32 {
	best := 0
	for i, v := range logits {
		if v > logits[best] || logits[best] != logits[best] {
			best = i
		}
	}
	top := float64(logits[best])
	if p.Temperature <= 0 || math.IsInf(top, 0) || math.IsNaN(top) {
		return int32(best)
	}
	if p.TopK <= 0 && !(p.TopP > 0 && p.TopP < 1) {
		return p.draw(r, logits, top)
	}
	type token struct {
		id int32
		w  float64
	}
	ts, sum := make([]token, 0, len(logits)), 0.0
	for i, v := range logits {
		if w := p.weight(v, top); w > 0 { // not NaN, not -Inf
			ts = append(ts, token{int32(i), w})
			sum += w
		}
	}
	if p.TopK > 0 && p.TopK < len(ts) || p.TopP > 0 && p.TopP < 1 {
		slices.SortStableFunc(ts, func(a, b token) int {
			switch {
			case a.w > b.w:
				return -1
			case a.w < b.w:
				return 1
			}
			return 0
		})
		if p.TopK > 0 && p.TopK < len(ts) {
			ts, sum = ts[:p.TopK], 0
			for _, t := range ts {
				sum += t.w
			}
		}
		if p.TopP > 0 && p.TopP < 1 {
			kept, n := 0.0, 0
			for n < len(ts) && kept < p.TopP*sum {
				kept += ts[n].w
				n++
			}
			ts, sum = ts[:max(n, 1)], max(kept, ts[0].w)
		}
	}
	u := rand.New(r).Float64() * sum
	for _, t := range ts {
		if u -= t.w; u < 0 {
			return t.id
		}
	}
	return ts[len(ts)-1].id
}

// weight returns what a logit's probability is proportional to.
func (p Sampling) weight(logit float32, top float64) float64 {
	return math.Exp((float64(logit) - top) / p.Temperature)
}

// draw picks from all logits. It weighs them twice, to need no memory.
func (p Sampling) draw(r *rand.PCG, logits []float32, top float64) int32 {
	sum := 0.0
	for _, v := range logits {
		if w := p.weight(v, top); w > 0 {
			sum += w
		}
	}
	u, last := rand.New(r).Float64()*sum, 0
	for i, v := range logits {
		if w := p.weight(v, top); w > 0 {
			if u -= w; u < 0 {
				return int32(i)
			}
			last = i // rounding may leave a little of u
		}
	}
	return int32(last)
}
