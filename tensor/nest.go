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

// inner returns the operands' strides along the innermost run.
func (n *nest) inner() (a, b, c int) {
	last := n.rank - 1
	return n.stride[0][last], n.stride[1][last], n.stride[2][last]
}

// rows calls body for every innermost run with the operands' offsets, split
// over cores when there is much to do. Long runs come in pieces.
func (n *nest) rows(body func(length int, off [3]int)) { n.split(grain, body) }

// split is rows for a body that does more than one step an element: grain
// elements are work enough for a core.
func (n *nest) split(grain int, body func(length int, off [3]int)) {
	last := n.rank - 1
	inner, outer := n.shape[last], 1
	for _, d := range n.shape[:last] {
		outer *= d
	}
	if inner == 0 || outer == 0 {
		return
	}
	pieces := (inner + grain - 1) / grain
	parallel.For(outer*pieces, max(1, grain/inner), func(lo, hi int) { n.walk(lo, hi, pieces, grain, body) })
}

// walk does the pieces lo to hi, counted through all runs.
func (n *nest) walk(lo, hi, pieces, grain int, body func(length int, off [3]int)) {
	last := n.rank - 1
	var index [MaxRank]int
	var off [3]int
	for i, rest := last-1, lo/pieces; i >= 0; i-- {
		index[i] = rest % n.shape[i]
		rest /= n.shape[i]
		for k := range off {
			off[k] += index[i] * n.stride[k][i]
		}
	}
	for piece := lo % pieces; lo < hi; lo++ {
		from := piece * grain
		at := off
		for k := range at {
			at[k] += from * n.stride[k][last]
		}
		body(min(grain, n.shape[last]-from), at)
		if piece++; piece < pieces {
			continue
		}
		piece = 0
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
}
