package tensor

import "github.com/noema-ml/noema/internal/parallel"

// grain is the number of elements below which work is not split over cores.
const grain = 1 << 14

// A nest is the loop nest of an operation over up to three operands of one
// shape, with dimensions merged where every operand allows it.
type nest struct {
	rank   int
	shape  [MaxRank]int
	stride [3][MaxRank]int
}

// newNest builds the nest over shape. Each operand already has that shape
// (Expand broadcasts).
func newNest(shape []int, ops ...*Tensor) nest {
	var n nest
	for i, d := range shape {
		if d == 1 {
			continue
		}
		merge := n.rank > 0
		for k, t := range ops {
			if merge && n.stride[k][n.rank-1] != d*t.stride[i] {
				merge = false
			}
		}
		if !merge {
			n.rank++
			n.shape[n.rank-1] = 1
		}
		n.shape[n.rank-1] *= d
		for k, t := range ops {
			n.stride[k][n.rank-1] = t.stride[i]
		}
	}
	if n.rank == 0 {
		n.rank, n.shape[0] = 1, 1
		for k := range ops {
			n.stride[k][0] = 1
		}
	}
	return n
}

// rows calls body for every innermost run with the operands' offsets, split
// over cores when there is much to do. A single long run is split too.
func (n nest) rows(body func(length int, off [3]int)) { n.split(grain, body) }

// split is rows for a body that does more than one step an element: grain
// elements are work enough for a core.
func (n nest) split(grain int, body func(length int, off [3]int)) {
	last := n.rank - 1
	inner := n.shape[last]
	outer := 1
	for _, d := range n.shape[:last] {
		outer *= d
	}
	if outer == 1 {
		parallel.For(inner, grain, func(lo, hi int) {
			var off [3]int
			for k := range off {
				off[k] = lo * n.stride[k][last]
			}
			body(hi-lo, off)
		})
		return
	}
	if inner == 0 {
		return
	}
	parallel.For(outer, max(1, grain/inner), func(lo, hi int) {
		var index [MaxRank]int
		var off [3]int
		for i, rest := last-1, lo; i >= 0; i-- {
			index[i] = rest % n.shape[i]
			rest /= n.shape[i]
			for k := range off {
				off[k] += index[i] * n.stride[k][i]
			}
		}
		for range hi - lo {
			body(inner, off)
			for i := last - 1; i >= 0; i-- {
				index[i]++
				for k := range off {
					off[k] += n.stride[k][i]
				}
				if index[i] < n.shape[i] {
					break
				}
				for k := range off {
					off[k] -= n.shape[i] * n.stride[k][i]
				}
				index[i] = 0
			}
		}
	})
}
