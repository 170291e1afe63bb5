package lm

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Answer is a leaf of a Trie and its score: the summed log-probability of its
// tokens, each renormalised over the tokens that the tree allows there.
type Answer struct {
	Leaf  int32
	Score float64
}

// Step continues a decode: row i of the result holds the logits, one for every
// token of the vocabulary, that follow tokens[i] after the text of row
// parents[i] of the last call. The arguments and the result are good until
// the next call.
type Step func(parents, tokens []int32) [][]float32

// Beam searches the tree for the most probable leaves that are not excluded
// (nil: none are), keeping width hypotheses, and returns at most width of
// them, best first, ties by leaf. first holds the logits after the prompt and
// step continues from there. A hypothesis with one leaf left below it needs
// no further step, since what remains has probability 1 in the tree. With
// width ≥ Leaves the search is exhaustive. It returns ctx's error if that
// ends first.
func (t *Trie) Beam(ctx context.Context, first []float32, step Step, width int, excluded *Excluded) ([]Answer, error) {
	type hypothesis struct {
		score       float64
		node        int32
		leaf        int32 // ≥ 0: complete
		parent, tok int32 // row of the last step, and the token to feed
	}
	order := func(a, b hypothesis) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.leaf, b.leaf), cmp.Compare(a.node, b.node))
	}
	active := []hypothesis{{node: 0, leaf: -1}}
	var done []hypothesis
	logits := [][]float32{first}
	var parents, tokens []int32
	for len(active) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pool := done
		for row, h := range active {
			n := &t.nodes[h.node]
			lse := logSumExp(logits[row], n.tokens)
			for k, tok := range n.tokens {
				c := n.next[k]
				if t.open(excluded, c) {
					score := h.score + float64(logits[row][tok]) - lse
					pool = append(pool, hypothesis{score, c, t.nodes[c].only, int32(row), tok})
				}
			}
		}
		slices.SortFunc(pool, order)
		pool = pool[:min(len(pool), width)]
		done, active = nil, nil
		for _, h := range pool {
			if h.leaf >= 0 {
				done = append(done, h)
			} else {
				active = append(active, h)
			}
		}
		// A first child stays in its parent's row if there is one, so that a
		// cache copies only the rows of the others.
		for i := 0; i < len(active); i++ {
			for {
				at := int(active[i].parent)
				if at >= len(active) || int(active[at].parent) == at {
					break
				}
				active[i], active[at] = active[at], active[i]
			}
		}
		parents, tokens = parents[:0], tokens[:0]
		for _, h := range active {
			parents, tokens = append(parents, h.parent), append(tokens, h.tok)
		}
		if len(active) > 0 {
			logits = step(parents, tokens)
		}
	}
	answers := make([]Answer, len(done))
	for i, h := range done {
		answers[i] = Answer{h.leaf, h.score}
	}
	return answers, nil
}

// logSumExp returns log Σ exp(x[i]) over the given indices.
func logSumExp(x []float32, index []int32) float64 {
	top := math.Inf(-1)
	for _, i := range index {
		top = max(top, float64(x[i]))
	}
	sum := 0.0
	for _, i := range index {
		sum += math.Exp(float64(x[i]) - top)
	}
	return top + math.Log(sum)
}
