//go:build !noasm

package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A machine with dot products of bytes runs the functions of one without, too,
// and gets the same bits from them.
func TestQ8WithoutDotProducts(t *testing.T) {
	v := variants()[0]
	r := rand.New(rand.NewPCG(7, 8))
	for _, m := range []int{1, 2, 3} {
		for _, k := range []int{32, 96, 288, 4128} {
			c := newStoredCase(r, Q8, m, 21, k)
			for j := 7; j < len(c.w); j += 50 {
				if j%q8Bytes > 1 {
					c.w[j] = 0x80
				}
			}
			use(t, v)
			want := c.run(nil)
			plain := v
			plain.stored[Q8].dots = q8Tiles(dotsQ8NEONx1, dotsQ8NEONx2)
			use(t, plain)
			require.Equal(t, want, c.run(nil), "%d rows, %d terms", m, k)
		}
	}
}
