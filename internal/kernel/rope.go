package kernel

import (
	"math"
	"sync"
)

// Rope rotates pairs of features by angles that grow with position (Su et al.,
// 2021). x is [len(pos), heads, dim] with dim even; features j and j+dim/2 form
// a pair (the layout of Llama's checkpoints) and turn by pos*theta^(-2j/dim),
// backwards if inverse, which is the gradient. dst may alias x.
func Rope[T Float](dst, x []T, heads, dim int, pos []int32, theta float64, inverse bool) {
	half := dim / 2
	buf := grab[T](dim)
	defer buf.drop()
	rows := ropeRows[T](dim, theta, pos)
	t, sign := tableOf[T](), T(1)
	if inverse {
		sign = -1
	}
	for i, p := range pos {
		var row []T // cosines, then sines
		if q := int(p); q >= 0 && (q+1)*dim <= len(rows) {
			row = rows[q*dim : (q+1)*dim]
		} else {
			row = buf.s
			ropeRow(row, int(p), theta)
		}
		at, n := i*heads*dim, heads*dim
		t.rope(dst[at:at+n], x[at:at+n], row, half, heads, sign)
	}
}

// rope turns heads vectors of 2*half elements by the half cosines and half
// sines of turn, the sines times sign.
func rope[T Float](dst, x, turn []T, half, heads int, sign T) {
	cos, sin := turn[:half], turn[half:2*half]
	for h := range heads {
		at := h * 2 * half
		x0, x1 := x[at:at+half], x[at+half:at+2*half]
		y0, y1 := dst[at:at+half], dst[at+half:at+2*half]
		for j, c := range cos {
			s := sin[j] * sign
			a, b := x0[j], x1[j]
			y0[j] = a*c - b*s
			y1[j] = b*c + a*s
		}
	}
}

// ropeRow sets row to the cosines, then the sines, of position p.
func ropeRow[T Float](row []T, p int, theta float64) {
	half := len(row) / 2
	for j := range half {
		s, c := math.Sincos(float64(p) * math.Pow(theta, -float64(2*j)/float64(len(row))))
		row[j], row[half+j] = T(c), T(s)
	}
}

// ropeMax is how many positions a cached table holds at most; later ones are
// computed each time.
const ropeMax = 1 << 14

type ropeKey struct {
	dim    int
	theta  float64
	single bool
}

var (
	ropeLock   sync.RWMutex
	ropeTables = map[ropeKey]any{} // []T, rows of ropeRow from position 0
)

// ropeRows returns the table for dim and theta, grown to cover pos as far as
// it may grow.
func ropeRows[T Float](dim int, theta float64, pos []int32) []T {
	var need int
	for _, p := range pos {
		need = max(need, int(p)+1)
	}
	need = min(need, ropeMax)
	key := ropeKey{dim, theta, single[T]()}
	ropeLock.RLock()
	rows, _ := ropeTables[key].([]T)
	ropeLock.RUnlock()
	if len(rows) >= need*dim {
		return rows
	}
	ropeLock.Lock()
	defer ropeLock.Unlock()
	rows, _ = ropeTables[key].([]T)
	have := 0
	if dim > 0 {
		have = len(rows) / dim
	}
	if have >= need {
		return rows
	}
	grown := make([]T, min(ropeMax, max(need, 2*have, 64))*dim)
	copy(grown, rows)
	for p := have; p < len(grown)/dim; p++ {
		ropeRow(grown[p*dim:(p+1)*dim], p, theta)
	}
	ropeTables[key] = grown
	return grown
}
