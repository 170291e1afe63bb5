package kernel

// GatherRows copies row idx[i] of src, cols long, to row i of dst. An index
// out of range panics.
func GatherRows[T Float](dst, src []T, idx []int32, cols int) {
	for i, r := range idx {
		copy(dst[i*cols:(i+1)*cols], src[int(r)*cols:(int(r)+1)*cols])
	}
}

// ScatterAddRows adds row i of src, cols long, to row idx[i] of dst, in the
// order of i. An index out of range panics.
func ScatterAddRows[T Float](dst, src []T, idx []int32, cols int) {
	for i, r := range idx {
		d := dst[int(r)*cols : (int(r)+1)*cols]
		Add(d, d, src[i*cols:(i+1)*cols])
	}
}
