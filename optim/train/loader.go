package train

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"math/rand/v2"
)

// Loader hands out Items in batches, in an order that depends on Seed and the
// epoch alone: every epoch is a new permutation of all items, none is dropped,
// and the last batch of an epoch is short when Batch does not divide their
// number.
type Loader[E any] struct {
	Items []E
	Batch int    // items in a batch; 0 means 1
	Seed  uint64 // of the order
	// Pos counts the items consumed since the first epoch began, the batch
	// just handed out included: epoch·len(Items) + place in it. Setting it
	// continues from there.
	Pos int

	order []int // the permutation of this epoch
	epoch int
	seed  uint64
}

var errNoItems = errors.New("train: the loader has no items")

// Batches returns an endless sequence of batches from Pos on, each a new slice.
// It yields one error and ends when ctx is cancelled or there are no items.
// Break out of the loop to stop; a later Batches goes on after the last batch.
func (l *Loader[E]) Batches(ctx context.Context) iter.Seq2[[]E, error] {
	return func(yield func([]E, error) bool) {
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, fmt.Errorf("train: loader stopped at item %d: %w", l.Pos, err))
				return
			}
			if len(l.Items) == 0 {
				yield(nil, errNoItems)
				return
			}
			if !yield(l.next(), nil) {
				return
			}
		}
	}
}

// batch returns how many items a full batch holds.
func (l *Loader[E]) batch() int { return max(1, l.Batch) }

// perEpoch returns the number of batches in an epoch.
func (l *Loader[E]) perEpoch() int { return (len(l.Items)-1)/l.batch() + 1 }

// next consumes one batch; there must be items.
func (l *Loader[E]) next() []E {
	n := len(l.Items)
	epoch, at := max(l.Pos, 0)/n, max(l.Pos, 0)%n
	if len(l.order) != n || l.epoch != epoch || l.seed != l.Seed {
		l.order = shuffled(n, l.Seed, uint64(epoch))
		l.epoch, l.seed = epoch, l.Seed
	}
	b := make([]E, min(l.batch(), n-at))
	for i := range b {
		b[i] = l.Items[l.order[at+i]]
	}
	l.Pos = epoch*n + at + len(b)
	return b
}

// shuffled returns a permutation of 0 … n-1 (Fisher and Yates). It draws from
// the generator itself, because checkpoints rely on the order for good.
func shuffled(n int, seed, epoch uint64) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	r := rand.NewPCG(seed, epoch)
	for i := n - 1; i > 0; i-- {
		j, _ := bits.Mul64(r.Uint64(), uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	return order
}
