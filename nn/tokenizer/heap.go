package tokenizer

// A heap is a binary heap that pops first the element that is before all
// others. container/heap would allocate for every element.
type heap[T interface{ before(T) bool }] []T

func (h *heap[T]) push(x T) {
	q := append(*h, x)
	i := len(q) - 1
	for i > 0 && x.before(q[(i-1)/2]) {
		q[i] = q[(i-1)/2]
		i = (i - 1) / 2
	}
	q[i] = x
	*h = q
}

func (h *heap[T]) pop() T {
	q := *h
	top, x := q[0], q[len(q)-1]
	q = q[:len(q)-1]
	*h = q
	if len(q) == 0 {
		return top
	}
	i := 0
	for c := 1; c < len(q); c = 2*i + 1 {
		if c+1 < len(q) && q[c+1].before(q[c]) {
			c++
		}
		if !q[c].before(x) {
			break
		}
		q[i] = q[c]
		i = c
	}
	q[i] = x
	return top
}
