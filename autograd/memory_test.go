package autograd_test

import (
	"math"
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

// The loss over a large vocabulary holds the logits once, and so does its
// gradient.
func TestLinearCrossEntropyMemory(t *testing.T) {
	const rows, in, classes = 64, 16, 4096
	const logits = rows * classes * 4
	w, x := param(1, tensor.Float32, classes, in), normal(2, tensor.Float32, rows, in)
	target := tensor.New(tensor.Int32, rows)
	peak := func(loss func(x, w *autograd.Var) *autograd.Var) int {
		s := autograd.NewScope(true)
		autograd.Sum(loss(s.Leaf(x), s.Use(w))).Backward()
		_, peak := s.Arena().Bytes()
		return peak
	}
	fused := peak(func(x, w *autograd.Var) *autograd.Var {
		return autograd.LinearCrossEntropy(x, w, nil, target, -1, 0)
	})
	require.GreaterOrEqual(t, fused, logits)
	require.Less(t, fused, logits+logits/10)
	apart := peak(func(x, w *autograd.Var) *autograd.Var {
		return autograd.CrossEntropy(autograd.Linear(x, w, nil), target, -1, 0)
	})
	require.GreaterOrEqual(t, apart, 2*logits)

	s := autograd.Inference()
	autograd.LinearCrossEntropy(s.Const(x), s.Use(w), nil, target, -1, 0)
	now, _ := s.Arena().Bytes()
	require.Less(t, now, logits/10)
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

// A cleared gradient is written over, whatever its buffer holds, by operations
// that set, add to and scatter into it.
func TestClearGrad(t *testing.T) {
	w, table := param(1, tensor.Float64, 3, 4), param(2, tensor.Float64, 5, 3)
	idx := tensor.Of([]int32{1, 1, 4})
	pass := func() []*tensor.Tensor {
		s := autograd.NewScope(true)
		x := autograd.Embedding(s.Use(table), idx)
		y := autograd.MatMul(x, s.Use(w))
		autograd.Add(autograd.Sum(autograd.Square(y)), autograd.Sum(autograd.Exp(s.Use(w)))).Backward()
		return []*tensor.Tensor{w.Grad.Clone(), table.Grad.Clone()}
	}
	want := pass()
	var buffers []*tensor.Tensor
	for _, p := range []*autograd.Param{w, table} {
		buffer := p.Grad
		tensor.Fill(buffer, math.NaN())
		p.ClearGrad()
		p.ClearGrad()
		require.Nil(t, p.Grad)
		buffers = append(buffers, buffer)
	}
	for i, got := range pass() {
		require.Same(t, buffers[i], []*tensor.Tensor{w.Grad, table.Grad}[i])
		require.Equal(t, tensor.Data[float64](want[i]), tensor.Data[float64](got))
	}
	w.ClearGrad()
	w.Value = w.Value.Cast(tensor.Float32)
	s := autograd.NewScope(true)
	autograd.Sum(s.Use(w)).Backward()
	require.Equal(t, tensor.Float32, w.Grad.DType())
}
