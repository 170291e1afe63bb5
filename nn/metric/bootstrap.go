package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// Interval is an estimate with a 95 % confidence interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// String gives "0.043 [0.028, 0.059]".
func (i Interval) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", i.Value, i.Low, i.High) }

// Bootstrap returns the mean of values with the percentile bootstrap interval
// (Efron 1979) from n resamples, 1,000 or more for two stable digits. Items of
// one cluster, such as one user, are not independent: whole clusters are drawn,
// as many as there are, with replacement (the cluster bootstrap; Davison and
// Hinkley 1997, section 3.8). The estimate is the sum of the values drawn over
// the number of values drawn, so clusters of unequal size weigh as they do in
// the mean. The ends are the 2.5 and 97.5 percentiles, interpolated linearly.
//
// cluster names the cluster of each value; nil makes each value its own. Equal
// inputs and an equal state of r give equal bits. Without values all three
// numbers are NaN; with a single cluster the interval is a point, and says
// nothing. It panics with *tensor.ShapeError if the lengths differ or n < 1.
func Bootstrap(values []float64, cluster []int32, r *rand.PCG, n int) Interval {
	return bootstrap(sums("metric.Bootstrap", values, nil, cluster), r, n)
}

// BootstrapRatio is like Bootstrap for the ratio Σnum/Σden, where den is not
// negative: the negative log-likelihoods of texts over their tokens, say, whose
// exp, end by end, is the perplexity's interval.
func BootstrapRatio(num, den []float64, cluster []int32, r *rand.PCG, n int) Interval {
	if len(num) != len(den) {
		panic(&tensor.ShapeError{Op: "metric.BootstrapRatio", Reason: "lengths differ", Shapes: [][]int{{len(num)}, {len(den)}}})
	}
	return bootstrap(sums("metric.BootstrapRatio", num, den, cluster), r, n)
}

// Difference is the mean difference of two methods with its 95 % interval, and
// the two-sided p-value of there being none.
type Difference struct {
	Interval
	P float64 `json:"p"`
}

// String gives "0.012 [0.004, 0.020], p = 0.003".
func (d Difference) String() string { return fmt.Sprintf("%v, p = %.3g", d.Interval, d.P) }

// Paired compares two methods on the same items: the mean of a minus b, its
// interval as in Bootstrap, and the p-value of a permutation test. If the
// methods did not differ, then in each cluster a and b might as well have been
// swapped; the test flips the sign of whole clusters' differences n times at
// random and counts how often the sum is at least as far from 0 as the one
// that was seen. That count and n both get 1 added, for what was seen, so P is
// never 0 (Phipson and Smyth 2010). Ties count as at least as far: if a and b
// are equal everywhere, P is 1. Without items all is NaN. It panics with
// *tensor.ShapeError if the lengths differ or n < 1.
func Paired(a, b []float64, cluster []int32, r *rand.PCG, n int) Difference {
	if len(a) != len(b) {
		panic(&tensor.ShapeError{Op: "metric.Paired", Reason: "lengths differ", Shapes: [][]int{{len(a)}, {len(b)}}})
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	cs := sums("metric.Paired", d, nil, cluster)
	return Difference{bootstrap(cs, r, n), signFlip(cs, r, n)}
}

// A sum is what a cluster adds to an estimate.
type sum struct{ num, den float64 }

// sums adds up clusters, in the order of their first items; den nil counts.
func sums(op string, num, den []float64, cluster []int32) []sum {
	if cluster != nil && len(cluster) != len(num) {
		panic(&tensor.ShapeError{Op: op, Reason: "not one cluster a value", Shapes: [][]int{{len(num)}, {len(cluster)}}})
	}
	var out []sum
	index := map[int32]int{}
	for i, x := range num {
		at := len(out)
		if cluster != nil {
			if c, ok := index[cluster[i]]; ok {
				at = c
			} else {
				index[cluster[i]] = at
			}
		}
		if at == len(out) {
			out = append(out, sum{})
		}
		out[at].num += x
		if den == nil {
			out[at].den++
		} else {
			out[at].den += den[i]
		}
	}
	return out
}

func total(cs []sum) (t sum) {
	for _, c := range cs {
		t.num += c.num
		t.den += c.den
	}
	return t
}

func bootstrap(cs []sum, r *rand.PCG, n int) Interval {
	if n < 1 {
		panic(&tensor.ShapeError{Op: "metric.Bootstrap", Reason: "no resamples", Shapes: [][]int{{n}}})
	}
	all := total(cs)
	value := all.num / all.den
	if len(cs) == 0 {
		return Interval{value, value, value}
	}
	random := rand.New(r)
	estimates := make([]float64, n)
	for i := range estimates {
		var drawn sum
		for range cs {
			c := cs[random.IntN(len(cs))]
			drawn.num += c.num
			drawn.den += c.den
		}
		estimates[i] = drawn.num / drawn.den
	}
	slices.Sort(estimates)
	return Interval{value, quantile(estimates, 0.025), quantile(estimates, 0.975)}
}

// quantile interpolates linearly between order statistics, as NumPy does.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func signFlip(cs []sum, r *rand.PCG, n int) float64 {
	seen := math.Abs(total(cs).num)
	if len(cs) == 0 || math.IsNaN(seen) {
		return math.NaN()
	}
	// Sums that are equal in exact arithmetic may differ by rounding.
	var size float64
	for _, c := range cs {
		size += math.Abs(c.num)
	}
	seen -= 1e-12 * size
	far := 0
	for range n {
		var flipped float64
		var bits uint64
		for i, c := range cs {
			if i%64 == 0 {
				bits = r.Uint64()
			}
			flipped += math.Copysign(1, float64(int64(bits))) * c.num
			bits <<= 1
		}
		if math.Abs(flipped) >= seen {
			far++
		}
	}
	return float64(far+1) / float64(n+1)
}
