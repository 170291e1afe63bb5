package metric

import (
	"cmp"
	"math"
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// Float is a score.
type Float interface{ ~float32 | ~float64 }

// Rank returns the place of scores[target] among scores, from 1 for the
// highest. Ties count against the target, and so do NaNs: every other score
// that is not below the target's is ahead of it, so a model that scores all
// items alike is last, not first, and a target that scores NaN is last. Items
// to leave out are given the score -Inf. It panics with *tensor.ShapeError if
// target is not an index of scores.
func Rank[T Float](scores []T, target int) int {
	if target < 0 || target >= len(scores) {
		panic(&tensor.ShapeError{Op: "metric.Rank", Reason: "target outside the scores", Shapes: [][]int{{target}, {len(scores)}}})
	}
	want := scores[target]
	rank := 1
	for i, s := range scores {
		if !(s < want) && i != target {
			rank++
		}
	}
	return rank
}

// Ranks returns Rank of each row of scores [len(target), items] for that row's
// target. It panics with *tensor.ShapeError if the sizes do not fit or a
// target is outside the row.
func Ranks[T Float](scores []T, items int, target []int32) []int {
	if items <= 0 || len(scores) != items*len(target) {
		panic(&tensor.ShapeError{Op: "metric.Ranks", Reason: "scores are not rows of items", Shapes: [][]int{{len(scores)}, {len(target), items}}})
	}
	ranks := make([]int, len(target))
	for i, t := range target {
		ranks[i] = Rank(scores[i*items:(i+1)*items], int(t))
	}
	return ranks
}

// Position returns the place of want in a list of answers, best first, from 1;
// 0 if it is not there. Of repeated answers the first counts.
func Position[T comparable](answers []T, want T) int { return slices.Index(answers, want) + 1 }

// Hit is 1 if 1 ≤ rank ≤ k, else 0: recall@k of an item with one right answer,
// also called hit rate.
func Hit(rank, k int) float64 {
	if 1 <= rank && rank <= k {
		return 1
	}
	return 0
}

// Gain is 1/log2(1+rank) if 1 ≤ rank ≤ k, else 0: NDCG@k of an item with one
// right answer, whose ideal is 1 (Järvelin and Kekäläinen 2002).
func Gain(rank, k int) float64 {
	return Hit(rank, k) / math.Log2(float64(1+max(rank, 1)))
}

// ReciprocalRank is 1/rank, and 0 for rank 0 (not found).
func ReciprocalRank(rank int) float64 {
	if rank < 1 {
		return 0
	}
	return 1 / float64(rank)
}

// RecallAt is the share of ranks from 1 to k; NaN if there are none.
func RecallAt(ranks []int, k int) float64 {
	return mean(ranks, func(r int) float64 { return Hit(r, k) })
}

// NDCGAt is the mean of Gain; NaN if there are no ranks.
func NDCGAt(ranks []int, k int) float64 {
	return mean(ranks, func(r int) float64 { return Gain(r, k) })
}

// MRR is the mean reciprocal rank; NaN if there are no ranks.
func MRR(ranks []int) float64 { return mean(ranks, ReciprocalRank) }

func mean[T any](xs []T, f func(T) float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += f(x)
	}
	return sum / float64(len(xs))
}

// NDCG is the normalised discounted cumulative gain at k of items with graded
// relevance, none negative, listed best-scored first: Σ relevance/log2(1+rank)
// over the first k, divided by the same sum for the ideal order of all items
// (Järvelin and Kekäläinen 2002, with the gain linear in the relevance, as in
// scikit-learn). The order of tied scores is the caller's. It is NaN if no
// item is relevant.
func NDCG(relevance []float64, k int) float64 {
	ideal := slices.SortedFunc(slices.Values(relevance), func(a, b float64) int { return cmp.Compare(b, a) })
	return dcg(relevance, k) / dcg(ideal, k)
}

func dcg(relevance []float64, k int) float64 {
	var sum float64
	for i, r := range relevance[:min(max(k, 0), len(relevance))] {
		sum += r / math.Log2(float64(i+2))
	}
	return sum
}
