package rlpf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/noema-ml/noema/internal/file"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rl"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// The stages, which are also the names of their weights' files.
const (
	lmName        = "lm"
	predictorName = "predictor"
	secondLMName  = "second-lm"
	secondName    = "second-predictor"
	beforeName    = "before-rl"
	copyingName   = "copying" // the begin of its training
	policyName    = "rlpf"
	bestName      = "best-of-n-sft"
)

// kept reads the weights that a stage has left into model, or has build train
// it, with checkpoints in the folder that it is given, and keeps them.
func (r *Run) kept(name string, model any, build func(checkpoints string) error) error {
	path := filepath.Join(r.Dir, name+weightsExt)
	if _, err := os.Stat(path); err == nil {
		return train.LoadModel(path, model)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return file.Explain("read", path, err)
	}
	if err := r.Origin.check(name); err != nil {
		return err
	}
	checkpoints := filepath.Join(r.Dir, "checkpoints", name)
	if err := build(checkpoints); err != nil {
		return fmt.Errorf("rlpf: stage %s: %w", name, err)
	}
	if err := train.SaveModel(path, model); err != nil {
		return err
	}
	return os.RemoveAll(checkpoints)
}

// hooks are what watches and saves a stage of train.Run.
func (r *Run) hooks(name, checkpoints string, steps int) train.Config {
	c := train.Config{Steps: steps, Seed: r.Config.Seed, Dir: checkpoints, SaveEvery: max(10, steps/12), Warn: r.Log}
	if r.Start != nil {
		c.Start = func(step int) { r.Start(name, step, steps) }
	}
	if r.Step != nil {
		c.Metrics = func(step int, values map[string]float64) { r.Step(name, step, steps, values) }
	}
	return c
}

// announce says what begins.
func (r *Run) announce(name string, steps int, model any) {
	total, _ := nn.NumParams(model)
	r.Log(fmt.Sprintf("%s: %d steps, %d parameters", name, steps, total))
}

// LM returns the language model that the policy and the predictor start from: a
// predictor that knows the catalogue and made-up users, and has been asked
// nothing about real ones.
func (r *Run) LM(ctx context.Context) (*Predictor, error) {
	return r.pretrained(ctx, lmName, r.Config.Predictor, r.reading(r.Users.Train, r.Config.Seed))
}

// Predictor returns the frozen predictor, trained on questions about training
// users and made-up ones.
func (r *Run) Predictor(ctx context.Context) (*Predictor, error) {
	return r.trained(ctx, lmName, predictorName, r.Config.Predictor, r.reading(r.Users.Train, r.Config.Seed))
}

// Second returns the second predictor, which nothing is trained towards: what a
// summary is worth to it tells whether the policy has learned to inform or to
// please the first. It has a shape and a wording of its own, and learns from
// half of the training users and from other made-up ones than the first. What these like
// and do is learned from all training users, as it is for the first.
func (r *Run) Second(ctx context.Context) (*Predictor, error) {
	half := slices.Clone(r.Users.Train)
	rand.New(stream(r.Config.Seed, "half")).Shuffle(len(half), func(i, j int) { half[i], half[j] = half[j], half[i] })
	half = half[:(len(half)+1)/2]
	slices.Sort(half)
	return r.trained(ctx, secondLMName, secondName, r.Config.Second, r.reading(half, r.Config.Seed+1))
}

// pretrained returns a predictor that has been pretrained only.
func (r *Run) pretrained(ctx context.Context, name string, c PredictorConfig, d PredictorData) (*Predictor, error) {
	c.Steps = -1
	p, err := NewPredictor(stream(r.Config.Seed, name), r.Lang, c)
	if err != nil {
		return nil, err
	}
	return p, r.kept(name, p.Model, func(checkpoints string) error {
		r.announce(name, c.Pretrain, p.Model)
		return p.Train(ctx, d, r.hooks(name, checkpoints, c.Pretrain))
	})
}

// trained returns a predictor that starts as the pretrained one of the name lm.
func (r *Run) trained(ctx context.Context, lm, name string, c PredictorConfig, d PredictorData) (*Predictor, error) {
	only := c
	only.Pretrain = -1
	p, err := NewPredictor(stream(r.Config.Seed, name), r.Lang, only)
	if err != nil {
		return nil, err
	}
	return p, r.kept(name, p.Model, func(checkpoints string) error {
		start, err := r.pretrained(ctx, lm, c, d)
		if err != nil {
			return err
		}
		copyWeights(p.Model, start.Model)
		r.announce(name, c.Steps, p.Model)
		return p.Train(ctx, d, r.hooks(name, checkpoints, c.Steps))
	})
}

// reading is what a predictor learns from: the events of the given users, and
// made-up ones.
func (r *Run) reading(users []int, seed uint64) PredictorData {
	return PredictorData{Asker: r.Asker, Users: users, Tasks: r.Asker.Tasks(), Length: r.Config.Ask.History, Seed: seed}
}

// BeforeRL returns the policy as it is before reinforcement learning: the
// language model, trained to write summaries of training users' histories as
// random templates do. It stands for the paper's zero-shot summariser.
func (r *Run) BeforeRL(ctx context.Context) (*lm.Model, error) {
	m := r.policy()
	w := r.Config.Warm
	return m, r.kept(beforeName, m, func(checkpoints string) error {
		start, err := r.LM(ctx)
		if err != nil {
			return err
		}
		copyWeights(m, start.Model)
		r.announce(beforeName, w.Steps+(w.Steps+1)/2, m)
		s := r.Summariser(m)
		// A small model is slow to find out how to copy a title, and hardly ever does if all
		// its texts tell of anything. So at first half of them do nothing else.
		err = r.imitate(ctx, copyingName, filepath.Join(checkpoints, "copying"), m, w.Steps*w.Histories, w.LR, func(i int) told {
			return r.example(fmt.Sprint("copying ", i), s, true)
		})
		if err != nil {
			return err
		}
		return r.imitate(ctx, beforeName, filepath.Join(checkpoints, "texts"), m, (w.Steps+1)/2*w.Histories, w.LR/3, func(i int) told {
			return r.example(fmt.Sprint("warm start ", i), s, false)
		})
	})
}

// example is the history of a training user and summaries of it by random templates;
// with lists, half of these are lists of the last few titles.
func (r *Run) example(number string, s *Summariser, lists bool) told {
	g := stream(r.Config.Seed, number)
	events := r.someHistory(g)
	t := told{Prompt: s.Prompt(events)}
	for range r.Config.Warm.Summaries {
		random := rand.New(g)
		if lists && random.IntN(2) == 0 {
			t.Texts = append(t.Texts, lastFew(random).Write(r.Lang, events, g))
		} else {
			t.Texts = append(t.Texts, warmTemplate(g).Write(r.Lang, events, g))
		}
	}
	return t
}

// policy returns a policy with random weights.
func (r *Run) policy() *lm.Model {
	c := r.Config.Model
	c.Vocab = r.Lang.Tok.Vocab()
	return lm.New(stream(r.Config.Seed, "policy"), c)
}

// copyWeights gives a model the weights of one of the same shape, of whose
// vocabulary it may know the first tokens only.
func copyWeights(to, from *lm.Model) {
	source := nn.Params(from)
	for i, p := range nn.Params(to) {
		copy(tensor.Data[float32](p.Param.Value), tensor.Data[float32](source[i].Param.Value))
	}
}

// Summariser returns a summariser with the given policy.
func (r *Run) Summariser(m *lm.Model) *Summariser {
	return &Summariser{Model: m, Lang: r.Lang, History: r.Config.Ask.History, Tokens: r.Config.Tokens}
}

// someHistory draws the history of a training user.
func (r *Run) someHistory(g *rand.PCG) []history.Event {
	for {
		user := r.Users.Train[rand.New(g).IntN(len(r.Users.Train))]
		if pos, ok := r.Asker.Place(g, user); ok {
			return r.Asker.History(user, pos)
		}
	}
}

// Feedback returns the reward of RL about training users and made-up ones.
func (r *Run) Feedback(ctx context.Context) (*Feedback, error) {
	p, err := r.Predictor(ctx)
	if err != nil {
		return nil, err
	}
	before, err := r.BeforeRL(ctx)
	if err != nil {
		return nil, err
	}
	s := r.Summariser(before)
	f := &Feedback{
		Predictor: p, Asker: r.Asker, Users: r.Users.Train, Config: r.Config.Reward,
		Prompt: s.Prompt,
		Length: func(summary string) int { return len(r.Lang.Encode(summary)) },
	}
	if f.Config.Length == 0 {
		f.Config.Length, err = r.meanLength(ctx, s)
	}
	return f, err
}

// meanLength returns L, the mean length of what the policy writes before RL,
// and keeps it in the run folder.
func (r *Run) meanLength(ctx context.Context, s *Summariser) (length float64, err error) {
	const texts = 256
	path := filepath.Join(r.Dir, "length.json")
	if err := readJSON(path, &length); !errors.Is(err, fs.ErrNotExist) {
		return length, err
	}
	g := stream(r.Config.Seed, "length")
	for range texts / batch {
		prompts := make([]string, batch)
		for i := range prompts {
			prompts[i] = s.Prompt(r.someHistory(g))
		}
		written, err := s.write(ctx, g, prompts, 1, r.sampling())
		if err != nil {
			return 0, err
		}
		for _, text := range written {
			length += float64(len(r.Lang.Encode(text))) / texts
		}
	}
	return length, writeJSON(path, length)
}

// sampling is how RL samples.
func (r *Run) sampling() lm.Sampling {
	return lm.Sampling{Temperature: r.Config.RL.Temperature}
}

// Policy returns the policy after reinforcement learning.
func (r *Run) Policy(ctx context.Context) (*lm.Model, error) {
	m := r.policy()
	return m, r.kept(policyName, m, func(checkpoints string) error {
		before, err := r.BeforeRL(ctx)
		if err != nil {
			return err
		}
		f, err := r.Feedback(ctx)
		if err != nil {
			return err
		}
		copyWeights(m, before)
		c := r.Config.RL
		r.Log(fmt.Sprintf("%s: %d updates of %s, rewarded by the %s and for fewer than %.1f tokens", policyName, c.Steps, c.Method, f.Config.Grade, f.Config.Length))
		c.Dir, c.SaveEvery, c.Warn = checkpoints, max(5, c.Steps/12), r.Log
		c.Start = func(step int) {
			if r.Start != nil {
				r.Start(policyName, step, c.Steps)
			}
		}
		c.Progress = func(p rl.Progress) {
			if r.Step != nil {
				values := maps.Clone(p.Metrics)
				maps.Copy(values, f.Last())
				r.Step(policyName, p.Step, c.Steps, values)
			}
		}
		return Trainer{
			Policy: m, Reference: before, Tokenizer: r.Lang, End: r.Lang.End,
			Prompts: f.Draw, Reward: f.Reward, RL: c,
		}.Train(ctx)
	})
}

// readJSON reads a file into v.
func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("rlpf: %s is damaged (%w): remove it to make it again", path, err)
	}
	return nil
}

// writeJSON writes v to a file, whole or not at all, in a folder that it makes.
func writeJSON(path string, v any) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return file.Explain("create", filepath.Dir(path), err)
	}
	return file.WriteWith(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(v) })
}
