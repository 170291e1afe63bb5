package userllm

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// Run is the training of User-LLM and its rivals in a folder. Every stage
// leaves its weights there; one that was interrupted goes on from its last
// checkpoint, and one that is done is read back.
type Run struct {
	Dir    string
	Cache  string // folder of what runs share
	Config Config
	Exp    *Experiment
	Cat    *Catalogue

	Log      func(msg string)                                        // what begins
	Progress func(stage string, p train.Progress)                    // may be nil
	Start    func(stage string, step int)                            // a stage begins or goes on after step; may be nil
	Metrics  func(stage string, step int, values map[string]float64) // may be nil

	measuring bool // rates are taken: nothing is validated or cached
}

// stage trains model on count of the items and keeps the weights in the file
// of that name, or reads them if the stage is done.
func stage[E any](ctx context.Context, r *Run, name string, model any, items []E, size, count int, lr float64, loss func(*autograd.Scope, []E) (*autograd.Var, float64), eval func() float64) error {
	file := r.weights(name)
	if _, err := os.Stat(file); err == nil {
		return train.LoadModel(file, model)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("userllm: %w", err)
	}
	steps := max(1, (count+size-1)/size)
	total, trained := nn.NumParams(model)
	r.Log(fmt.Sprintf("%s: %d steps of %d, training %d of %d parameters", name, steps, size, trained, total))
	checkpoints := filepath.Join(r.Dir, "checkpoints", name)
	c := train.Config{
		Steps: steps, Schedule: optim.Cosine(lr, min(100, 1+steps/10), steps, lr/20), ClipNorm: 1,
		Seed: r.Config.Seed, Dir: checkpoints, SaveEvery: max(10, steps/12),
		Warn: r.Log,
	}
	if r.Metrics != nil {
		c.Metrics = func(step int, m map[string]float64) { r.Metrics(name, step, m) }
	}
	if eval != nil && !r.measuring {
		c.Eval = func(context.Context) (float64, error) { return eval(), nil }
		c.EvalEvery, c.RestoreBest = max(1, steps/8), true
	}
	if r.Progress != nil {
		c.Progress = func(p train.Progress) { r.Progress(name, p) }
	}
	if r.Start != nil {
		c.Start = func(step int) { r.Start(name, step) }
	}
	err := train.Run(ctx, c, train.Task[E]{
		Model: model, Opt: &optim.AdamW{LR: lr, Decay: 0.01}, Loss: loss,
		Data: &train.Loader[E]{Items: items, Batch: size, Seed: r.Config.Seed},
	})
	if err != nil {
		return fmt.Errorf("userllm: stage %s: %w", name, err)
	}
	if err := train.SaveModel(file, model); err != nil {
		return err
	}
	return os.RemoveAll(checkpoints)
}

func (r *Run) weights(name string) string { return filepath.Join(r.Dir, name+".safetensors") }

// LM returns the language model, pretrained on the titles of the training
// events and their genres.
func (r *Run) LM(ctx context.Context) (*lm.Model, error) {
	c := r.Config.Model.LM
	c.Vocab = r.Cat.Tok.Vocab()
	m := lm.New(stream(r.Config.Seed, "lm"), c)
	var items []int32
	for _, u := range r.Exp.Warm {
		for _, e := range r.Exp.Split.Train(u) {
			items = append(items, e.Item)
		}
	}
	loss := func(s *autograd.Scope, batch []int32) (*autograd.Var, float64) {
		const row = 8 // texts in a row
		g := rand.New(s.Rand)
		var texts []*text
		for ; len(batch) > 0; batch = batch[min(row, len(batch)):] {
			texts = append(texts, r.Cat.described(batch[:min(row, len(batch))], g))
		}
		return textLoss(s, m, texts, nil)
	}
	build := func(path string) error {
		return stage(ctx, r, "lm", m, items, lmBatch, r.Config.Plan.LMItems, lmRate, loss, nil)
	}
	open := func(path string) (*lm.Model, error) { return m, train.LoadModel(path, m) }
	return cached(r, "lm.safetensors", r.key("lm", r.Config.Seed, r.Config.Vocab, c, r.Config.Plan.LMItems, lmBatch, lmRate), build, open)
}

// Encoder returns the user encoder, pretrained to predict the next event. It
// reads titles in the space of the pretrained language model. The kind "dual"
// is the user tower of the dual encoder.
func (r *Run) Encoder(ctx context.Context) (*Encoder, error) {
	if r.Config.Model.Kind == "dual" {
		e, err := r.DualEncoder(ctx)
		if err != nil {
			return nil, err
		}
		return e.User, nil
	}
	m, err := r.LM(ctx)
	if err != nil {
		return nil, err
	}
	rng := stream(r.Config.Seed, "encoder")
	e := NewEncoder(rng, r.Config.Model.Encoder, r.Exp.Split.Dataset)
	e.ReadTitles(rng, m.Embed, r.Cat.titles)
	loss := func(s *autograd.Scope, batch []window) (*autograd.Var, float64) {
		timelines := make([][]history.Event, len(batch))
		for i, w := range batch {
			timelines[i] = w.events
		}
		return e.PretrainLoss(s, timelines)
	}
	items := windows(r.Exp.Split, r.Exp.Warm, e.Length(), max(1, e.Length()/2))
	return e, stage(ctx, r, "encoder", e, items, encoderBatch, r.Config.Plan.EncoderWindows, encoderRate, loss, r.eval(loss))
}

// Model returns User-LLM: encoder and language model joined and trained on the
// tasks.
func (r *Run) Model(ctx context.Context) (*Model, error) {
	e, err := r.Encoder(ctx)
	if err != nil {
		return nil, err
	}
	m, err := r.LM(ctx)
	if err != nil {
		return nil, err
	}
	u, err := r.join(e, m)
	if err != nil {
		return nil, err
	}
	loss := func(s *autograd.Scope, batch []window) (*autograd.Var, float64) {
		return u.loss(s, r.Cat, batch)
	}
	return u, stage(ctx, r, "user-llm", u, r.windows(), r.Config.Batch, r.Config.Plan.Windows, r.Config.LR, loss, r.eval(loss))
}

// join makes the model of encoder and language model, before stage 2.
func (r *Run) join(e *Encoder, m *lm.Model) (*Model, error) {
	c := r.Config.Model
	rng := stream(r.Config.Seed, "model")
	u := NewModel(rng, c, e, m)
	return u, u.SetStrategy(rng, c.Strategy, c.LoRARank)
}

func (r *Run) windows() []window {
	return windows(r.Exp.Split, r.Exp.Warm, r.Config.Model.Encoder.Length, Targets)
}

// TextPrompt returns the language model trained on the last titles as text.
func (r *Run) TextPrompt(ctx context.Context) (*lm.Model, error) {
	m, err := r.LM(ctx)
	if err != nil {
		return nil, err
	}
	loss := func(s *autograd.Scope, batch []window) (*autograd.Var, float64) {
		g := rand.New(s.Rand)
		texts := make([]*text, len(batch))
		for i, w := range batch {
			texts[i] = r.Cat.told(w, r.Config.Titles, g)
		}
		return textLoss(s, m, texts, nil)
	}
	return m, stage(ctx, r, "textprompt", m, r.windows(), r.Config.Batch, r.Config.Plan.Windows, r.Config.LR, loss, r.eval(loss))
}

// DualEncoder returns the dual encoder, trained on the same targets.
func (r *Run) DualEncoder(ctx context.Context) (*DualEncoder, error) {
	m, err := r.LM(ctx)
	if err != nil {
		return nil, err
	}
	rng := stream(r.Config.Seed, "dual")
	e := NewDualEncoder(rng, r.Config.Model.Encoder, r.Exp.Split.Dataset, r.Exp.Popularity())
	e.ReadTitles(rng, m.Embed, r.Cat.titles)
	loss := func(s *autograd.Scope, batch []window) (*autograd.Var, float64) { return e.windowLoss(s, batch) }
	return e, stage(ctx, r, "dual-encoder", e, r.windows(), dualBatch, r.Config.Plan.Windows, dualRate, loss, r.eval(loss))
}

// validated is how many validation questions choose the best weights.
const validated = 256

// eval returns the mean loss over validation windows.
func (r *Run) eval(loss func(*autograd.Scope, []window) (*autograd.Var, float64)) func() float64 {
	ws := validation(r.Exp.Split, r.Exp.Warm, r.Config.Model.Encoder.Length, validated)
	if len(ws) == 0 {
		return nil
	}
	return func() float64 {
		s := autograd.Inference()
		defer s.Close()
		s.Rand = stream(r.Config.Seed, "validation")
		sum, n := 0.0, 0.0
		for rest := ws; len(rest) > 0; rest = rest[min(dualBatch, len(rest)):] {
			s.Reset()
			l, w := loss(s, rest[:min(dualBatch, len(rest))])
			sum, n = sum+l.Value().Item(), n+w
		}
		return sum / math.Max(n, 1)
	}
}
