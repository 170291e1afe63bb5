package tensor

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpan(t *testing.T) {
	x := Of([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 2, 3, 2)
	require.Equal(t, Data[float32](x), Span[float32](x))
	require.Equal(t, []float32{2, 3, 4, 5, 6, 7, 8, 9}, Span[float32](x.Slice(1, 1, 2)), "from the first to the last element")
	require.Equal(t, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, Span[float32](x.Transpose(0, 2)))
	require.Empty(t, Span[float32](x.Slice(1, 1, 1)))
	require.Panics(t, func() { Span[int32](x) })
}
