package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/optim"
)

// Run trains t.Model until c's end, or until it stops early, and returns nil.
//
// When ctx is cancelled it gives up the step under way, saves and returns an
// error that wraps ctx's. A loss or a gradient that is not finite also ends
// it: the error names the operation that made the first such value, and the
// step (it wraps *autograd.NonFiniteError), and weights, optimizer and data
// position are as they were before that step (buffers that Loss changes are
// not taken back). In every case, started again with the same c and t, it goes
// on where it was.
//
// A fresh run starts t.Data at 0 and expects t.Opt fresh. Gradients that the
// parameters had are dropped.
func Run[E any](ctx context.Context, c Config, t Task[E]) error {
	if err := t.check(c); err != nil {
		return err
	}
	r := newRun(c, t)
	defer r.scope.Close()
	if !slices.ContainsFunc(r.ps, func(p nn.Named) bool { return !p.Param.Frozen }) {
		return errors.New("train: nothing to train: the model has no parameter that is not frozen")
	}
	if err := r.resume(); err != nil {
		return err
	}
	if c.Start != nil {
		c.Start(r.st.Step)
	}
	r.begin, r.first = time.Now(), r.st.Step
	err := r.loop(ctx)
	if !r.broken {
		err = errors.Join(err, r.save())
	}
	if err == nil && r.best != nil {
		if err = Weights(t.Model).UnmarshalBinary(r.best); err != nil {
			err = fmt.Errorf("train: restoring the best weights: %w", err)
		}
	}
	return err
}

// run is a training run under way.
type run[E any] struct {
	c      Config
	t      Task[E]
	ps     []nn.Named
	rng    *rand.PCG
	scope  *autograd.Scope
	saver  Saver
	st     state
	best   raw  // weights of the best evaluation, with RestoreBest
	saved  int  // step of the last checkpoint, -1 for none
	broken bool // a checkpoint could not be written
	steps  int  // in all
	limit  int  // items in all, 0 for any

	begin time.Time
	first int // steps done at begin
	items int // consumed since
}

func newRun[E any](c Config, t Task[E]) *run[E] {
	r := &run[E]{c: c, t: t, ps: nn.Params(t.Model), rng: rand.NewPCG(c.Seed, 0), saved: -1}
	r.scope = autograd.Training(r.rng)
	r.saver = Saver{Dir: c.Dir, Keep: c.Keep, Warn: r.warn}
	r.c.Accumulate = max(1, c.Accumulate)
	d := t.Data
	if r.steps = c.Steps; r.steps == 0 {
		epochs := max(1, c.Epochs)
		r.limit = epochs * len(d.Items)
		r.steps = ceilDiv(epochs*d.perEpoch(), r.c.Accumulate)
	}
	if c.EvalEvery == 0 {
		r.c.EvalEvery = ceilDiv(d.perEpoch(), r.c.Accumulate)
	}
	if c.SaveEvery == 0 {
		r.c.SaveEvery = 200
	}
	d.Pos = 0
	for _, p := range r.ps {
		p.Param.Grad = nil
	}
	r.st = state{
		Seed: c.Seed, Accumulate: r.c.Accumulate,
		Items: len(d.Items), Batch: d.batch(), DataSeed: d.Seed,
		Best: exact(math.Inf(1)),
	}
	return r
}

func ceilDiv(a, b int) int { return (a-1)/b + 1 }

func (r *run[E]) warn(msg string) {
	if r.c.Warn != nil {
		r.c.Warn(msg)
	} else {
		log.Print("train: " + msg)
	}
}

// loop trains to the end. Whenever it returns, the run is between two steps.
func (r *run[E]) loop(ctx context.Context) error {
	for {
		if err := r.evaluate(ctx); err != nil {
			return err
		}
		if r.st.Stopped || r.st.Step >= r.steps {
			return nil
		}
		if r.st.Step%r.c.SaveEvery == 0 || r.st.Step == r.st.BestStep {
			if err := r.save(); err != nil {
				return err
			}
		}
		if err := r.step(ctx); err != nil {
			return err
		}
	}
}

// evaluate measures the model if that is due. It is part of the state, so
// that a run that was killed before it measures first.
func (r *run[E]) evaluate(ctx context.Context) error {
	st := &r.st
	due := st.Step%r.c.EvalEvery == 0 || st.Step >= r.steps
	if r.c.Eval == nil || st.Step == 0 || !due || st.Evaluated == st.Step || st.Stopped {
		return nil
	}
	v, err := r.c.Eval(ctx)
	if err != nil {
		return fmt.Errorf("train: evaluation after step %d: %w", st.Step, err)
	}
	st.Evaluated = st.Step
	if v < float64(st.Best) {
		st.Best, st.BestStep, st.Worse = exact(v), st.Step, 0
		if r.c.RestoreBest {
			if r.best, err = Weights(r.t.Model).MarshalBinary(); err != nil {
				return fmt.Errorf("train: keeping the best weights: %w", err)
			}
		}
	} else {
		st.Worse++
		st.Stopped = r.c.Patience > 0 && st.Worse >= r.c.Patience
	}
	r.saved = -1 // the last checkpoint does not know of this yet
	if r.c.Metrics != nil {
		r.c.Metrics(st.Step, map[string]float64{"eval": v, "best": float64(st.Best)})
	}
	return nil
}

// step makes one optimizer step, or returns an error with everything as it
// was before.
func (r *run[E]) step(ctx context.Context) error {
	pos, rng, flops := r.t.Data.Pos, *r.rng, r.scope.FLOPs
	undo := func() {
		r.t.Data.Pos, *r.rng, r.scope.FLOPs = pos, rng, flops
		r.scope.Reset()
		optim.Zero(r.ps)
	}
	loss, weight, err := r.accumulate(ctx)
	if err != nil {
		undo()
		return fmt.Errorf("train: stopped after step %d: %w", r.st.Step, err)
	}
	m, norm := map[string]float64{"weight": weight}, 0.0
	if weight > 0 {
		loss /= weight
		if r.c.Schedule != nil {
			m["lr"] = r.c.Schedule(r.st.Step)
			r.t.Opt.SetLR(m["lr"])
		}
		if finite(loss) && finite(weight) {
			norm = optim.Update(r.t.Opt, r.ps, 1/weight, r.c.ClipNorm)
		} else {
			norm = optim.Norm(r.ps) / weight
		}
	}
	if !finite(loss) || !finite(norm) || !finite(weight) || weight < 0 {
		undo()
		err := r.blame(loss, norm, weight)
		undo()
		return fmt.Errorf("train: step %d: %w", r.st.Step+1, err)
	}
	m["grad_norm"] = norm
	if weight > 0 {
		m["loss"] = loss
	}
	optim.Zero(r.ps)
	r.st.Step++
	r.items += r.t.Data.Pos - pos
	r.report(loss, m)
	return nil
}

// accumulate adds up the gradients of the batches of one step and returns
// their summed loss and weight.
func (r *run[E]) accumulate(ctx context.Context) (loss, weight float64, err error) {
	n := 0
	for batch, err := range r.t.Data.Batches(ctx) {
		if err != nil {
			return 0, 0, cmp.Or(ctx.Err(), err)
		}
		r.scope.Reset()
		sum, w := r.t.Loss(r.scope, batch)
		loss += sum.Value().Item()
		weight += w
		sum.Backward()
		if n++; n == r.c.Accumulate || r.limit > 0 && r.t.Data.Pos >= r.limit {
			break
		}
	}
	return loss, weight, nil
}

// blame makes the step again, with the same data and noise, to find out where
// the first value that is not finite came from.
func (r *run[E]) blame(loss, norm, weight float64) error {
	if !finite(weight) || weight < 0 {
		return fmt.Errorf("the Loss function gave weight %v; it must be finite and not negative", weight)
	}
	r.scope.CheckFinite = true
	defer func() { r.scope.CheckFinite = false }()
	err := autograd.CatchNonFinite(func() { _, _, _ = r.accumulate(context.Background()) })
	if err != nil {
		return fmt.Errorf("loss %v, gradient norm %v; first in %w", loss, norm, err)
	}
	for _, p := range r.ps {
		if n := optim.Norm([]nn.Named{p}); !finite(n) {
			return fmt.Errorf("loss %v; the gradient of %s has norm %v", loss, p.Name, n)
		}
	}
	return fmt.Errorf("loss %v, gradient norm %v, though every operation's result is finite", loss, norm)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// report tells the callbacks of the step just made.
func (r *run[E]) report(loss float64, m map[string]float64) {
	epoch := float64(r.t.Data.Pos) / float64(len(r.t.Data.Items))
	if r.c.Metrics != nil {
		m["epoch"], m["flops"] = epoch, float64(r.scope.FLOPs)
		r.c.Metrics(r.st.Step, m)
	}
	if r.c.Progress != nil {
		took := time.Since(r.begin)
		per := took / time.Duration(r.st.Step-r.first)
		r.c.Progress(Progress{
			Step: r.st.Step, Steps: r.steps, Epoch: epoch, Loss: loss,
			Rate:    float64(r.items) / max(took.Seconds(), 1e-9),
			Elapsed: took, ETA: per * time.Duration(r.steps-r.st.Step),
		})
	}
}
