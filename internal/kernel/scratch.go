package kernel

import "sync"

// scratch is a reusable buffer; its contents are arbitrary.
type scratch[T Float] struct{ s []T }

var (
	scratch32 = sync.Pool{New: func() any { return new(scratch[float32]) }}
	scratch64 = sync.Pool{New: func() any { return new(scratch[float64]) }}
)

// grab takes a buffer of n elements from the pool; drop gives it back.
func grab[T Float](n int) *scratch[T] {
	pool := &scratch64
	if single[T]() {
		pool = &scratch32
	}
	b := pool.Get().(*scratch[T])
	if cap(b.s) < n {
		b.s = make([]T, n+n/4)
	}
	b.s = b.s[:n]
	return b
}

func (b *scratch[T]) drop() {
	if single[T]() {
		scratch32.Put(b)
	} else {
		scratch64.Put(b)
	}
}
