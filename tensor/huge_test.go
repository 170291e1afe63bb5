package tensor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The hint about huge pages changes nothing that can be read, at any size.
func TestAdviseHuge(t *testing.T) {
	for _, bytes := range []int{0, 1, 1 << 12, 1<<16 - 1, 1 << 16, 1<<21 + 4, 5 << 20} {
		st := newStorage(bytes)
		for i := range st.mem {
			st.mem[i] = byte(i)
		}
		adviseHuge(st.mem)
		for i, b := range st.mem {
			if b != byte(i) {
				require.Equal(t, byte(i), b, "byte %d of %d", i, bytes)
			}
		}
	}
}
