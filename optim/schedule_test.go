package optim

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchedules(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Schedule
		want map[int]float64
	}{
		{"constant", Constant(2, 4), map[int]float64{-1: 0.5, 0: 0.5, 1: 1, 3: 2, 4: 2, 1000: 2}},
		{"constant, no warm-up", Constant(2, 0), map[int]float64{0: 2, 9: 2}},
		{"linear", Linear(1, 2, 12, 0.5), map[int]float64{0: 0.5, 1: 1, 2: 1, 7: 0.75, 12: 0.5, 99: 0.5}},
		{"linear, shorter than its warm-up", Linear(1, 5, 3, 0), map[int]float64{0: 0.2, 4: 1, 5: 0}},
		{"cosine", Cosine(1, 2, 12, 0.2), map[int]float64{0: 0.5, 2: 1, 7: 0.6, 12: 0.2, 13: 0.2}},
		{"cosine, a quarter", Cosine(1, 0, 8, 0), map[int]float64{2: (1 + math.Sqrt2/2) / 2, 4: 0.5}},
		{"cosine, no steps", Cosine(1, 0, 0, 0.1), map[int]float64{0: 0.1}},
		{"inverse square root", InverseSqrt(1, 4), map[int]float64{0: 0.25, 3: 1, 15: 0.5, 63: 0.25}},
		{"inverse square root, no warm-up", InverseSqrt(1, 0), map[int]float64{0: 1, 3: 0.5}},
		{"one cycle", OneCycle(1, 4, 12), map[int]float64{-3: 0.04, 0: 0.04, 2: 0.52, 4: 1, 8: 0.500002, 12: 4e-6, 20: 4e-6}},
		{"one cycle, no warm-up", OneCycle(1, 0, 2), map[int]float64{0: 1, 1: 0.500002, 2: 4e-6}},
	} {
		for step, want := range c.want {
			require.InDelta(t, want, c.s(step), 1e-12, "%s at %d", c.name, step)
		}
	}
}

func ExampleCosine() {
	lr := Cosine(0.1, 2, 10, 0.01)
	for step := range 11 {
		fmt.Printf("%.3f ", lr(step))
	}
	// Output: 0.050 0.100 0.100 0.097 0.087 0.072 0.055 0.038 0.023 0.013 0.010
}
