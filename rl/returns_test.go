package rl

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/tensor"
)

// two is a trajectory of two envs and six steps: env 1 terminates at step 1,
// env 0 is truncated at step 2.
func two() (t Trajectory, logRatio []float64) {
	t = Trajectory{
		Envs:       2,
		Rewards:    []float64{-0.52, 0.09, -0.26, 0.21, 0.25, -0.87, -0.97, 0.67, -0.48, -0.53, 0.99, -0.06},
		Values:     []float64{0.67, -0.05, 0.28, -0.7, 0.27, 0.74, 0.05, 0.48, 0.34, -0.87, 0.52, 0.18},
		Next:       []float64{0.28, -0.7, 0.27, math.NaN(), 0.44, 0.48, 0.34, -0.87, 0.52, 0.18, -0.11, 0.87},
		Terminated: make([]bool, 12),
		Truncated:  make([]bool, 12),
	}
	t.Terminated[3], t.Truncated[4] = true, true
	return t, []float64{0.76, -0.81, -0.73, -0.57, 0.93, -0.13, 0.25, -0.4, 0.01, -0.23, -0.3, 0.17}
}

// The numbers are of a Python script that follows the definitions, not the
// recursions: returns as sums, GAE as the λ-weighted mean of n-step advantages,
// V-trace as the sum of equation 1.
func TestReturnsAndAdvantages(t *testing.T) {
	tr, logRatio := two()
	assert.InDeltaSlice(t, []float64{-0.23074, 0.279, 0.3214, 0.21, 0.646, -0.169233, -0.68029, 0.77863, 0.3219, 0.1207, 0.891, 0.723}, Returns(tr, 0.9), 1e-9)
	assert.InDeltaSlice(t, []float64{-0.9569216, 0.1652, -0.02628, 0.91, 0.376, -1.142049536, -0.7751136, 0.0499312, -0.08488, 0.89296, 0.371, 0.543}, GAE(tr, 0.9, 0.8), 1e-9)
	targets, advantages := VTrace(tr, logRatio, 0.9, 0.8, 1.2, 0.9)
	assert.InDeltaSlice(t, []float64{-0.446898713, -0.1031461845, 0.2934279121, -0.1853718508, 0.7212, -0.3116556392, -0.9217804927, 0.4527009842, 0.162560968, -0.1029518695, 0.7948435599, 0.8236205343}, targets, 1e-9)
	assert.InDeltaSlice(t, []float64{-1.1110978549, -0.0119376175, 0.0525666326, 0.5146281492, 0.4512, -1.0559704446, -1.0484341546, 0.065251177, -0.1056924536, 0.859096196, 0.2748435599, 0.6436205343}, advantages, 1e-9)
}

// Where the policy that acted is the one that learns, V-trace with λ and no
// clipping in effect is GAE; with λ = 1 both are returns less values.
func TestAdvantagesAgree(t *testing.T) {
	tr, logRatio := two()
	clear(logRatio)
	targets, _ := VTrace(tr, logRatio, 0.9, 0.8, 1, 1)
	gae, monte, returns := GAE(tr, 0.9, 0.8), GAE(tr, 0.9, 1), Returns(tr, 0.9)
	for i := range targets {
		assert.InDelta(t, gae[i], targets[i]-tr.Values[i], 1e-12)
		assert.InDelta(t, returns[i]-tr.Values[i], monte[i], 1e-12)
	}
	assert.Equal(t, []float64{1 + 0.5*2, 2}, Returns(Trajectory{Rewards: []float64{1, 2}, Terminated: make([]bool, 2)}, 0.5))
	assert.Empty(t, GAE(Trajectory{}, 0.9, 0.9))
}

// The numbers are NumPy's.
func TestGroupedRewards(t *testing.T) {
	rewards := []float64{1, 0, 3, 2, 2, 2, -1, 0.5, 0.25}
	assert.InDeltaSlice(t, []float64{-0.2672610276, -1.0690441105, 1.3363051381, 0, 0, 0, -1.396999268, 0.8889995342, 0.5079997338}, GroupAdvantages(rewards, 3, true), 1e-9)
	assert.InDeltaSlice(t, []float64{-1.0 / 3, -4.0 / 3, 5.0 / 3}, GroupAdvantages(rewards, 3, false)[:3], 1e-12)
	assert.InDeltaSlice(t, []float64{-0.5, -2, 2.5, 0, 0, 0, -1.375, 0.875, 0.5}, LeaveOneOut(rewards, 3), 1e-12)
	assert.InDeltaSlice(t, []float64{0.2773500966, -0.2773500966, 1.3867504829, -1.3867504829}, Standardize([]float64{1, 0, 3, -2}), 1e-9)
	assert.Empty(t, Standardize(nil))
	assert.Panics(t, func() { GroupAdvantages(rewards, 2, true) })
	assert.Panics(t, func() { LeaveOneOut(rewards, 1) })
}

func TestLeaveOneOutReturns(t *testing.T) {
	episodes := []played{{rewards: []float64{1, 1, 1}}, {rewards: []float64{2}}, {rewards: []float64{0, 4}}}
	// Returns 3 2 1; 2; 4 4.
	assert.InDeltaSlice(t, []float64{3 - 3, 2 - 2, 1, 2 - 3.5, 4 - 2.5, 4 - 1}, leaveOneOutReturns(episodes, 3, 1), 1e-12)
}

func TestRunningIsThatOfAllRows(t *testing.T) {
	r, g := NewRunning(2), rand.New(rand.NewPCG(1, 2))
	var all []float64
	for n := range 20 {
		batch := make([]float64, 2*n)
		for i := range batch {
			batch[i] = 1e4 + g.NormFloat64()*float64(1+i%2)
		}
		all = append(all, batch...)
		r.Update(batch)
	}
	for j := range 2 {
		var column []float64
		for i := j; i < len(all); i += 2 {
			column = append(column, all[i])
		}
		mean, std := moments(column)
		assert.InDelta(t, mean, r.Mean.At(j), 1e-9)
		assert.InDelta(t, std*std, r.Var.At(j), 1e-9)
	}
	assert.Equal(t, float64(len(all)/2), r.Count.At(0))
	x := []float64{r.Mean.At(0), 1e9}
	r.Normalize(x, x, 10)
	assert.Equal(t, []float64{0, 10}, x)
}

func TestKLController(t *testing.T) {
	c := KLController{Beta: 0.2, Target: 6, Horizon: 10000}
	assert.InDelta(t, 0.2*(1+0.2*256/10000.0), c.Update(9, 256), 1e-12) // 0.5 is clipped to 0.2
	before := c.Beta
	assert.InDelta(t, before*(1-0.1*100/10000), c.Update(5.4, 100), 1e-12)
	c = KLController{Beta: 1, Target: 1}
	assert.InDelta(t, 0.98, c.Update(0, 5), 1e-12)
	fixed := KLController{Beta: 0.04}
	assert.Equal(t, 0.04, fixed.Update(100, 100))
}

func TestOrthogonal(t *testing.T) {
	for _, shape := range [][2]int{{3, 7}, {7, 3}, {4, 4}, {1, 5}} {
		p := Orthogonal(rand.NewPCG(1, 2), 2, shape[0], shape[1])
		require.Equal(t, []int{shape[0], shape[1]}, p.Value.Shape())
		a := p.Value
		if shape[0] > shape[1] {
			a = a.Transpose(0, 1)
		}
		product := tensor.MatMul(a, a.Transpose(0, 1))
		n := min(shape[0], shape[1])
		want := tensor.Scale(tensor.Eye(tensor.Float32, n), 4)
		assert.InDeltaSlice(t, tensor.Data[float32](want), slices.Clone(tensor.Data[float32](product.Contiguous())), 1e-5)
	}
}
