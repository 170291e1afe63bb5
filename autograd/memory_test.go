package autograd_test

import (
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// A training step in its steady state takes its buffers from the arena: what
// it allocates is headers, however large the batch.
func TestSteadyStateAllocations(t *testing.T) {
	const in, hidden, classes = 64, 96, 32
	step := func(rows int) func() {
		w1, b1 := param(1, tensor.Float32, hidden, in), param(2, tensor.Float32, hidden)
		w2, b2 := param(3, tensor.Float32, classes, hidden), param(4, tensor.Float32, classes)
		x := normal(5, tensor.Float32, rows, in)
		target := tensor.New(tensor.Int32, rows)
		s := autograd.Training(rand.NewPCG(1, 1))
		return func() {
			s.Reset()
			h := autograd.GELU(autograd.Linear(s.Const(x), s.Use(w1), s.Use(b1)))
			y := autograd.Linear(h, s.Use(w2), s.Use(b2))
			autograd.Sum(autograd.CrossEntropy(y, target, -1, 0)).Backward()
		}
	}
	for _, rows := range []int{16, 512} {
		f := step(rows)
		f() // fills the arena
		count := testing.AllocsPerRun(20, f)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const runs = 20
		for range runs {
			f()
		}
		runtime.ReadMemStats(&after)
		bytes := (after.TotalAlloc - before.TotalAlloc) / runs
		t.Logf("%d rows: %v allocations, %d bytes a step", rows, count, bytes)
		if raceDetector {
			continue // it makes sync.Pool forget
		}
		require.LessOrEqual(t, count, 90.0)
		// Scratch of the kernels comes and goes with the garbage collector, so
		// this bound is loose: half of one hidden layer, of six such buffers.
		if rows == 512 {
			require.LessOrEqual(t, bytes, uint64(rows*hidden*4/2))
		}
	}
}

// Gradients of intermediate values are freed on the way back.
func TestBackwardFreesGradients(t *testing.T) {
	const depth, bytes = 40, 4096
	s := autograd.NewScope(true)
	leaf := s.Leaf(normal(1, tensor.Float32, bytes/4))
	x := leaf
	for range depth {
		x = autograd.Add(autograd.Tanh(x), x)
	}
	loss := autograd.Sum(x)
	before, _ := s.Arena().Bytes()
	loss.Backward()
	after, peak := s.Arena().Bytes()
	require.NotNil(t, leaf.Grad())
	require.LessOrEqual(t, after-before, bytes+256)
	require.LessOrEqual(t, peak-before, 4*bytes)
}

// A long inference in child scopes holds one layer at a time.
func TestChildScopes(t *testing.T) {
	s := autograd.Inference()
	x := normal(1, tensor.Float32, 1024)
	child := s.Child()
	for range 30 {
		child.Reset()
		y := child.Const(x)
		for range 10 {
			y = autograd.Tanh(y)
		}
		tensor.Copy(x, y.Value())
	}
	_, peak := s.Arena().Bytes()
	require.LessOrEqual(t, peak, 10*4096)
}
