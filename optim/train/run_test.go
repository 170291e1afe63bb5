package train

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/tensor"
)

// net is a small regressor with dropout. Extra is reached in some steps only.
type net struct {
	In, Out *nn.Linear
	Drop    nn.Dropout
	Extra   *autograd.Param
}

func newNet() *net {
	r := rand.NewPCG(1, 1)
	return &net{In: nn.NewLinear(r, 4, 16, true), Out: nn.NewLinear(r, 16, 1, true), Drop: 0.2, Extra: nn.Ones(3, 2)}
}

// sample is an input and its weight in the loss.
type sample struct {
	x      [4]float32
	y      float32
	weight float64
}

func samples(n int) []sample {
	g := rand.New(rand.NewPCG(2, 2))
	list := make([]sample, n)
	for i := range list {
		for j := range list[i].x {
			list[i].x[j] = float32(g.NormFloat64())
		}
		list[i].y = list[i].x[0]*list[i].x[1] - list[i].x[2]
		list[i].weight = float64(1 + i%3)
	}
	return list
}

// loss is the weighted squared error. It takes its dtype from the model.
func (m *net) loss(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
	x := tensor.New(tensor.Float32, len(b), 4)
	y := tensor.New(tensor.Float32, len(b), 1)
	w := tensor.New(tensor.Float32, len(b), 1)
	weight, extra := 0.0, false
	for i, e := range b {
		copy(tensor.Data[float32](x)[4*i:], e.x[:])
		tensor.Data[float32](y)[i] = e.y
		tensor.Data[float32](w)[i] = float32(e.weight)
		weight += e.weight
		extra = extra || e.x[0] > 1.8
	}
	dt := m.In.Weight.Value.DType()
	h := m.Drop.Forward(s, autograd.Tanh(m.In.Forward(s, s.Const(x.Cast(dt)))))
	diff := autograd.Sub(m.Out.Forward(s, h), s.Const(y.Cast(dt)))
	sum := autograd.Sum(autograd.Mul(autograd.Square(diff), s.Const(w.Cast(dt))))
	if extra {
		sum = autograd.Add(sum, autograd.Sum(autograd.Square(s.Use(m.Extra))))
	}
	return sum, weight
}

// bench is a task and a configuration that use everything that has a state.
func bench(dir string) (Config, Task[sample]) {
	m := newNet()
	evals := 0
	c := Config{
		Dir: dir, Steps: 20, Accumulate: 2, ClipNorm: 0.5, Seed: 3, SaveEvery: 3,
		Schedule: optim.Cosine(0.02, 4, 20, 0.001),
		Eval: func(context.Context) (float64, error) {
			evals++
			return float64(tensor.Data[float32](m.Out.Bias.Value)[0]), nil
		},
		EvalEvery: 2, RestoreBest: true,
	}
	return c, Task[sample]{
		Model: m, Opt: &optim.AdamW{Decay: 0.1}, Loss: m.loss,
		Data: &Loader[sample]{Items: samples(23), Batch: 4, Seed: 5},
	}
}

// remains returns everything that a finished run leaves: the hash of the model
// and the bytes of the newest checkpoint, files by name.
func remains(t *testing.T, dir string, model any) map[string]string {
	t.Helper()
	step, err := Saver{Dir: dir}.Latest()
	require.NoError(t, err)
	out := map[string]string{"model": WeightsSHA256(model)}
	folder := filepath.Join(dir, folder(step))
	for _, name := range names(t, folder) {
		b, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		out[name] = string(b)
	}
	return out
}

func uninterrupted(t *testing.T) (map[string]string, map[int]map[string]float64) {
	t.Helper()
	c, task := bench(t.TempDir())
	log := map[int]map[string]float64{}
	c.Metrics = record(log)
	require.NoError(t, Run(t.Context(), c, task))
	return remains(t, c.Dir, task.Model), log
}

// record merges the metrics of a step; what is reported again must be equal.
func record(log map[int]map[string]float64) func(int, map[string]float64) {
	return func(step int, m map[string]float64) {
		if log[step] == nil {
			log[step] = map[string]float64{}
		}
		maps.Copy(log[step], m)
	}
}

func TestRunLearns(t *testing.T) {
	c, task := bench("")
	c.Steps, c.Eval, c.RestoreBest = 0, nil, false
	c.Epochs, c.Schedule = 60, optim.Constant(0.02, 0)
	var losses []float64
	c.Metrics = func(_ int, m map[string]float64) { losses = append(losses, m["loss"]) }
	var last Progress
	c.Progress = func(p Progress) { last = p }
	require.NoError(t, Run(t.Context(), c, task))
	require.Equal(t, 60*23, task.Data.Pos)
	require.Len(t, losses, 60*6/2)
	require.Less(t, losses[len(losses)-1], losses[0]/2)
	require.Equal(t, 180, last.Step)
	require.Equal(t, 180, last.Steps)
	require.Zero(t, last.ETA)
	require.Contains(t, last.String(), "step 180/180 · epoch 60.00 · loss ")
}

func TestZeroConfigIsOneEpoch(t *testing.T) {
	_, task := bench("")
	task.Opt = &optim.SGD{LR: 0.01}
	require.NoError(t, Run(t.Context(), Config{}, task))
	require.Equal(t, 23, task.Data.Pos)
}

// Six batches in steps of four: the last step takes the two that are left.
func TestLastStepTakesWhatIsLeft(t *testing.T) {
	_, task := bench("")
	var weights []float64
	c := Config{Accumulate: 4, Metrics: func(_ int, m map[string]float64) { weights = append(weights, m["weight"]) }}
	require.NoError(t, Run(t.Context(), c, task))
	require.Len(t, weights, 2)
	total := 0.0
	for _, s := range task.Data.Items {
		total += s.weight
	}
	require.Equal(t, total, weights[0]+weights[1])
}

// In float64 and without dropout, steps of four batches of five weigh like
// steps of one batch of twenty.
func TestAccumulationEqualsTheBigBatch(t *testing.T) {
	train := func(batch, accumulate int) ([]float64, map[int]map[string]float64) {
		m := newNet()
		m.Drop = 0
		nn.Cast(m, tensor.Float64)
		log := map[int]map[string]float64{}
		c := Config{Steps: 6, Accumulate: accumulate, ClipNorm: 1, Schedule: optim.Constant(0.05, 0), Metrics: record(log)}
		require.NoError(t, Run(t.Context(), c, Task[sample]{
			Model: m, Opt: &optim.AdamW{Decay: 0.1}, Data: &Loader[sample]{Items: samples(40), Batch: batch, Seed: 1},
			Loss: func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
				diff := 0.0
				for i := range b {
					b[i].x[0] = min(b[i].x[0], 1.8) // Extra's penalty is by batch
					diff += b[i].weight
				}
				sum, w := m.loss(s, b)
				require.Equal(t, diff, w)
				return sum, w
			},
		}))
		var all []float64
		for _, p := range nn.Params(m) {
			all = append(all, tensor.Data[float64](p.Param.Value)...)
		}
		return all, log
	}
	big, bigLog := train(20, 1)
	small, smallLog := train(5, 4)
	require.InDeltaSlice(t, big, small, 1e-12)
	for step := range bigLog {
		require.InDelta(t, bigLog[step]["loss"], smallLog[step]["loss"], 1e-12)
		require.Equal(t, bigLog[step]["weight"], smallLog[step]["weight"])
	}
}

func TestResumeIsExactWhereverItStops(t *testing.T) {
	want, wantLog := uninterrupted(t)
	calls := 0
	c, task := bench(t.TempDir())
	inner := task.Loss
	task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) { calls++; return inner(s, b) }
	require.NoError(t, Run(t.Context(), c, task))
	require.Equal(t, 40, calls)
	for stop := 0; stop < calls; stop += 5 { // a step is two batches; cancelled in one, then twice more
		dir, log := t.TempDir(), map[int]map[string]float64{}
		var last any
		for round := 0; ; round++ {
			require.Less(t, round, 10)
			c, task := bench(dir)
			c.Metrics = record(log)
			ctx, cancel := context.WithCancel(t.Context())
			n, inner := 0, task.Loss
			task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
				if n++; n == stop+1 && round < 3 {
					cancel()
				}
				return inner(s, b)
			}
			err := Run(ctx, c, task)
			cancel()
			if err == nil {
				last = task.Model
				break
			}
			require.ErrorIs(t, err, context.Canceled)
		}
		require.Equal(t, want, remains(t, dir, last), "cancelled in batch %d", stop)
		require.Equal(t, wantLog, log)
	}
}

func TestResumeIsExactFromAnEarlierCheckpoint(t *testing.T) {
	want, _ := uninterrupted(t)
	c, task := bench(t.TempDir())
	c.Keep = 100
	require.NoError(t, Run(t.Context(), c, task))
	// Damage the newest checkpoint, start again, until none is left.
	for n := 0; ; n++ {
		step, err := Saver{Dir: c.Dir}.Latest()
		require.NoError(t, err)
		if step == 0 {
			require.Greater(t, n, 6)
			break
		}
		require.NoError(t, os.RemoveAll(filepath.Join(c.Dir, folder(step))))
		started := -1
		_, again := bench("")
		c, _ := bench(c.Dir)
		m := again.Model.(*net)
		c.Eval = func(context.Context) (float64, error) { return float64(tensor.Data[float32](m.Out.Bias.Value)[0]), nil }
		c.Start = func(s int) { started = s }
		copyDir := t.TempDir()
		require.NoError(t, os.CopyFS(copyDir, os.DirFS(c.Dir)))
		c.Dir = copyDir
		require.NoError(t, Run(t.Context(), c, again))
		require.Less(t, started, step)
		require.Equal(t, want, remains(t, copyDir, again.Model), "from step %d", started)
	}
}

func TestBitsDoNotDependOnCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, _ := uninterrupted(t)
	runtime.GOMAXPROCS(2)
	two, _ := uninterrupted(t)
	require.Equal(t, one, two)
}

func TestFinishedRunIsNotTrainedFurther(t *testing.T) {
	c, task := bench(t.TempDir())
	require.NoError(t, Run(t.Context(), c, task))
	want := WeightsSHA256(task.Model)
	c2, again := bench(c.Dir)
	again.Loss = func(*autograd.Scope, []sample) (*autograd.Var, float64) { t.Fatal("trained"); return nil, 0 }
	require.NoError(t, Run(t.Context(), c2, again))
	require.Equal(t, want, WeightsSHA256(again.Model))
}

func TestResumeRefusesAnotherRun(t *testing.T) {
	c, task := bench(t.TempDir())
	require.NoError(t, Run(t.Context(), c, task))
	for name, change := range map[string]func(*Config, *Task[sample]){
		"Seed":            func(c *Config, _ *Task[sample]) { c.Seed++ },
		"Accumulate":      func(c *Config, _ *Task[sample]) { c.Accumulate++ },
		"Batch":           func(_ *Config, t *Task[sample]) { t.Data.Batch++ },
		"data Seed":       func(_ *Config, t *Task[sample]) { t.Data.Seed++ },
		"number of items": func(_ *Config, t *Task[sample]) { t.Data.Items = t.Data.Items[1:] },
		"sgd":             func(_ *Config, t *Task[sample]) { t.Opt = &optim.SGD{} },
		"in.weight":       func(_ *Config, t *Task[sample]) { t.Model.(*net).In = nn.NewLinear(rand.NewPCG(0, 0), 5, 16, true) },
	} {
		c, again := bench(c.Dir)
		change(&c, &again)
		require.ErrorContains(t, Run(t.Context(), c, again), name)
	}
}

func TestAnotherTierIsWarnedOf(t *testing.T) {
	c, task := bench(t.TempDir())
	require.NoError(t, Run(t.Context(), c, task))
	r := newRun(c, task)
	require.NoError(t, r.resume())
	r.st.Tier, r.st.Step = "abacus", 100
	require.NoError(t, r.saver.Save(100, r.parts()))
	var warned []string
	c.Warn = func(m string) { warned = append(warned, m) }
	_, again := bench("")
	require.NoError(t, Run(t.Context(), c, again))
	require.Len(t, warned, 1)
	require.Contains(t, warned[0], "abacus")
}

func TestEarlyStopping(t *testing.T) {
	curve := []float64{5, 3, math.NaN(), 4, 2, 2, 3, 9, 1}
	c, task := bench(t.TempDir())
	evals, hashes := 0, map[int]string{}
	c.Patience, c.EvalEvery, c.Steps = 3, 1, 100
	c.Eval = func(context.Context) (float64, error) {
		evals++
		hashes[evals] = WeightsSHA256(task.Model)
		return curve[evals-1], nil
	}
	require.NoError(t, Run(t.Context(), c, task))
	require.Equal(t, 8, evals)
	require.Equal(t, hashes[5], WeightsSHA256(task.Model), "the best weights are back")
	best, ok := Saver{Dir: c.Dir}.Best()
	require.True(t, ok)
	require.Equal(t, 5, best)

	_, again := bench("")
	require.NoError(t, Run(t.Context(), c, again))
	require.Equal(t, 8, evals, "stopped for good")
	require.Equal(t, hashes[5], WeightsSHA256(again.Model))
}
