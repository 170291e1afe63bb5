package train

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/optim"
)

// Task is what is trained: a model, how, on what and towards what.
type Task[E any] struct {
	// Model is a pointer to a module; nn.Params lists what is trained and
	// saved.
	Model any
	Opt   optim.Optimizer
	Data  *Loader[E]
	// Loss returns the summed loss of a batch, a single element, and the
	// weight that the sum is divided by (such as the number of tokens or of
	// examples). Run divides the gradients of a step by the weights of all
	// its batches together, which makes accumulation equal to one big batch.
	// A step whose weights are all 0 updates nothing. Noise comes from s.
	Loss func(s *autograd.Scope, batch []E) (sum *autograd.Var, weight float64)
}

// Part is state that is saved with a checkpoint and restored from it.
type Part interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Config says how long Run trains, what it reports and what it saves. The zero
// value trains for one epoch and saves nothing. Steps are numbered from 1 in
// all that Run reports.
type Config struct {
	Steps  int // optimizer steps in all; 0 means by Epochs
	Epochs int // passes over the data when Steps is 0; 0 means 1
	// Accumulate is the number of batches in a step; 0 means 1. The last step
	// of the last epoch takes what is left.
	Accumulate int
	// Schedule gives the learning rate: of the first step with 0, of the
	// second with 1 and so on. nil leaves the optimizer's own.
	Schedule optim.Schedule
	ClipNorm float64 // largest norm of a step's gradient; 0 means any
	Seed     uint64  // of the noise in Scope.Rand (dropout)

	// Eval measures the model; lower is better. It runs every EvalEvery steps
	// (0 means once an epoch) and after the last.
	Eval      func(ctx context.Context) (float64, error)
	EvalEvery int
	// Patience stops after that many evaluations in a row that are no better
	// than the best one; 0 means never.
	Patience int
	// RestoreBest leaves the model with the weights of the best evaluation
	// instead of the last. Checkpoints hold them as best.safetensors.
	RestoreBest bool

	// Dir is the folder of checkpoints; "" saves none. Run goes on from the
	// newest good checkpoint in it.
	Dir string
	// SaveEvery is the number of steps between checkpoints; 0 means 200. One
	// is also written before the first step, so that a folder that cannot be
	// written is known at once, after an evaluation that is the best so far,
	// at the end, when ctx is cancelled and on an error.
	SaveEvery int
	Keep      int // checkpoints to keep, beside that of the best evaluation; 0 means 2
	// Parts are saved with the model and the optimizer, each in a file of its
	// name.
	Parts map[string]Part

	// Start is called once before the first step with the number of steps
	// done already: 0, or the checkpoint's.
	Start func(step int)
	// Metrics gets "loss" (the weighted mean over the step), "grad_norm"
	// (before clipping), "lr" (with a Schedule), "weight", "epoch" and "flops"
	// (so far) after each step, and "eval" and "best" after an evaluation.
	// After a kill, the steps since the last checkpoint are reported again.
	Metrics func(step int, m map[string]float64)
	// Progress is called after every step.
	Progress func(Progress)
	// Warn is told what went wrong without stopping the run; nil means the
	// standard logger.
	Warn func(msg string)
}

// Progress is how far a run is. Rates and times count from the start of this
// process.
type Progress struct {
	Step, Steps int
	Epoch       float64 // passes over the data
	Loss        float64 // of the last step
	Rate        float64 // items a second
	Elapsed     time.Duration
	ETA         time.Duration // time left at the rate of steps so far
}

// String is the progress as one line, such as
// "step 120/1000 · epoch 0.48 · loss 2.3105 · 812 items/s · 1m40s left".
func (p Progress) String() string {
	parts := []string{
		fmt.Sprintf("step %d/%d", p.Step, p.Steps),
		fmt.Sprintf("epoch %.2f", p.Epoch),
		fmt.Sprintf("loss %.4f", p.Loss),
		fmt.Sprintf("%.4g items/s", p.Rate),
		p.ETA.Round(time.Second).String() + " left",
	}
	return strings.Join(parts, " · ")
}

// check returns an error if the task cannot be run under c.
func (t Task[E]) check(c Config) error {
	switch {
	case t.Model == nil, t.Opt == nil, t.Data == nil, t.Loss == nil:
		return errors.New("train: a Task needs a Model, an Opt, Data and a Loss")
	case len(t.Data.Items) == 0:
		return errNoItems
	case c.Steps < 0, c.Epochs < 0, c.Accumulate < 0, c.EvalEvery < 0, c.SaveEvery < 0, c.Patience < 0:
		return errors.New("train: a number in the Config is negative")
	}
	for name := range c.Parts {
		switch name {
		case weightsFile, optimizerFile, stateFile, bestFile:
			return fmt.Errorf("train: a part cannot be named %s: Run writes that itself", name)
		}
	}
	return nil
}
