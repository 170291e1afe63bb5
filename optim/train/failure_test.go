package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

func TestEvaluationThatFails(t *testing.T) {
	want, _ := uninterrupted(t)
	for _, at := range []int{4, 10} { // the last is the end of the run
		c, task := bench(t.TempDir())
		eval, broken := c.Eval, errors.New("no test data")
		n := 0
		c.Eval = func(ctx context.Context) (float64, error) {
			if n++; n == at {
				return 0, broken
			}
			return eval(ctx)
		}
		err := Run(t.Context(), c, task)
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, fmt.Sprintf("after step %d", 2*at))
		require.NoError(t, Run(t.Context(), c, task), "it goes on with the evaluation")
		require.Equal(t, want, remains(t, c.Dir, task.Model))
	}
}

func TestNonFiniteStep(t *testing.T) {
	for _, c := range []struct {
		name   string
		poison func(m *net, sum *autograd.Var) *autograd.Var
		says   string
	}{
		{"loss", func(_ *net, sum *autograd.Var) *autograd.Var { return autograd.Log(autograd.Neg(autograd.Square(sum))) }, "log: NaN"},
		{"gradient", func(_ *net, sum *autograd.Var) *autograd.Var {
			return autograd.Add(sum, autograd.Sqrt(autograd.Scale(sum, 0)))
		}, "step 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, task := bench(t.TempDir())
			inner, n := task.Loss, 0
			var before string
			var opt []byte
			task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
				sum, w := inner(s, b)
				if n++; n == 15 { // the first batch of step 8
					before = WeightsSHA256(task.Model)
					opt, _ = task.Opt.MarshalBinary()
				}
				if n == 16 || n == 18 { // and the second, both times
					sum = c.poison(task.Model.(*net), sum)
				}
				return sum, w
			}
			err := Run(t.Context(), cfg, task)
			require.ErrorContains(t, err, "step 8")
			require.ErrorContains(t, err, c.says)
			var nf *autograd.NonFiniteError
			require.ErrorAs(t, err, &nf)
			require.Equal(t, before, WeightsSHA256(task.Model))
			after, err := task.Opt.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, opt, after)
			require.Equal(t, 18, n)
			step, err := Saver{Dir: cfg.Dir}.Latest()
			require.NoError(t, err)
			require.Equal(t, 7, step)

			// With the cause gone, it goes on as if nothing had been.
			want, _ := uninterrupted(t)
			_, task = bench("")
			m := task.Model.(*net)
			cfg.Eval = func(context.Context) (float64, error) { return float64(tensor.Data[float32](m.Out.Bias.Value)[0]), nil }
			require.NoError(t, Run(t.Context(), cfg, task))
			require.Equal(t, want, remains(t, cfg.Dir, m))
		})
	}
}

// The gradient is finite, but the square of its norm is not.
func TestOverflowingGradient(t *testing.T) {
	_, task := bench("")
	inner, m := task.Loss, task.Model.(*net)
	nn.Cast(m, tensor.Float64)
	task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
		sum, w := inner(s, b)
		return autograd.Add(autograd.Scale(sum, 0), autograd.Scale(autograd.Sum(s.Use(m.Extra)), 1e200)), w
	}
	err := Run(t.Context(), Config{}, task)
	require.ErrorContains(t, err, "step 1: ")
	require.ErrorContains(t, err, "the gradient of extra has norm +Inf")
}

func TestWeights(t *testing.T) {
	for weight, says := range map[float64]string{-1: "weight -", math.NaN(): "weight NaN", math.Inf(1): "weight +Inf"} {
		_, task := bench("")
		inner := task.Loss
		task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
			sum, _ := inner(s, b)
			return sum, weight
		}
		require.ErrorContains(t, Run(t.Context(), Config{}, task), says)
	}
	_, task := bench("")
	inner, before := task.Loss, WeightsSHA256(task.Model)
	task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
		sum, _ := inner(s, b)
		return autograd.Scale(sum, 0), 0
	}
	require.NoError(t, Run(t.Context(), Config{Schedule: optim.Constant(1, 0)}, task))
	require.Equal(t, before, WeightsSHA256(task.Model), "steps without weight update nothing")
}

// A part that cannot be saved ends the run, with one error and no harm.
func TestCheckpointThatFails(t *testing.T) {
	c, task := bench(t.TempDir())
	odd := errors.New("odd")
	counter := &countdown{left: 3, err: odd}
	c.Parts = map[string]Part{"extra": counter}
	err := Run(t.Context(), c, task)
	require.ErrorIs(t, err, odd)
	require.Equal(t, -1, counter.left, "it is not tried twice")
	step, err := Saver{Dir: c.Dir}.Latest()
	require.NoError(t, err)
	require.Positive(t, step)

	want, _ := uninterrupted(t)
	c2, again := bench(c.Dir)
	counter.left = 1000
	c2.Parts = c.Parts
	require.NoError(t, Run(t.Context(), c2, again))
	got := remains(t, c.Dir, again.Model)
	require.Equal(t, want[weightsFile], got[weightsFile])
	require.Equal(t, "state", got["extra"])
	require.Equal(t, "state", counter.got)
}

type countdown struct {
	left int
	err  error
	got  string
}

func (c *countdown) MarshalBinary() ([]byte, error) {
	if c.left--; c.left < 0 {
		return nil, c.err
	}
	return []byte("state"), nil
}

func (c *countdown) UnmarshalBinary(b []byte) error { c.got = string(b); return nil }

func TestBadTasks(t *testing.T) {
	c, task := bench("")
	require.ErrorContains(t, Run(t.Context(), c, Task[sample]{}), "needs a Model")
	bad := c
	bad.Steps = -1
	require.ErrorContains(t, Run(t.Context(), bad, task), "negative")
	bad = c
	bad.Parts = map[string]Part{stateFile: &raw{}}
	require.ErrorContains(t, Run(t.Context(), bad, task), stateFile)
	require.NoError(t, nn.TrainOnly(task.Model))
	require.ErrorContains(t, Run(t.Context(), c, task), "nothing to train")
	task.Data.Items = nil
	require.ErrorContains(t, Run(t.Context(), c, task), "no items")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	c, task = bench(filepath.Join(file, "run"))
	task.Loss = func(*autograd.Scope, []sample) (*autograd.Var, float64) { t.Fatal("trained"); return nil, 0 }
	require.ErrorContains(t, Run(t.Context(), c, task), file)
}
