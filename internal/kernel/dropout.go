package kernel

// Dropout zeroes each element with probability p and scales the others by
// 1/(1-p); dst may alias x. The fate of element i depends on seed and first+i
// alone, so the gradient is the same call on dy, in any chunks.
func Dropout[T Float](dst, x []T, seed uint64, first int, p float64) {
	x = x[:len(dst)]
	if p <= 0 {
		copy(dst, x)
		return
	}
	if p >= 1 {
		clear(dst)
		return
	}
	key := splitMixEnd(seed * splitMix1)
	limit := uint64(p*(1<<53)) << 11 // of numbers with 53 bits that count
	tableOf[T]().dropout(dst, x, (key+uint64(first))*splitMix1, limit, T(1/(1-p)))
}

func dropout[T Float](dst, x []T, base, limit uint64, keep T) {
	x = x[:len(dst)]
	for i := range dst {
		var v T
		if splitMixEnd(base) >= limit {
			v = x[i] * keep
		}
		dst[i] = v
		base += splitMix1
	}
}

// SplitMix64 (Steele et al., 2014) is splitMixEnd of multiples of splitMix1: a
// bijection whose values for successive counters pass as random.
const splitMix1 = 0x9e3779b97f4a7c15

func splitMixEnd(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
