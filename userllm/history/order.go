package history

import (
	"cmp"
	"slices"
)

// openSeed orders ties of the data sets that Open returns.
const openSeed = 1

// Order sorts each user's events by time. Events at the same time are ordered by
// a hash of seed, user and item. The order of the files must not decide there:
// MovieLens's users often rate a whole page of films within a second, and the
// files list these by ascending identifier, which gives the next item away. The
// user is part of the hash because an order of items that is the same for all
// users could be learnt too.
//
// Timelines without times keep their order. Open has called Order already, with
// a seed of its own.
func (d *Dataset) Order(seed uint64) {
	if !d.HasTimes {
		return
	}
	items := make([]uint64, len(d.Items))
	for i := range items {
		items[i] = hashString(d.Items[i].Key)
	}
	for u := range d.Users {
		user := mix64(hashString(d.Users[u].Key) ^ mix64(seed))
		slices.SortStableFunc(d.Users[u].Events, func(a, b Event) int {
			if c := cmp.Compare(a.Time, b.Time); c != 0 {
				return c
			}
			return cmp.Compare(mix64(user^items[a.Item]), mix64(user^items[b.Item]))
		})
	}
}

// hashString is FNV-1a followed by a finaliser, so that short keys spread too.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return mix64(h)
}

// mix64 is the finaliser of SplitMix64: a bijection in which every bit of the
// input moves every bit of the output.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
