package rlpf

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
)

// told is a prompt and texts that should follow it.
type told struct {
	Prompt string   `json:"prompt"`
	Texts  []string `json:"texts"`
}

// imitate trains m on the examples 0 to count-1 to write what they tell. The
// prompts are computed and not learned.
func (r *Run) imitate(ctx context.Context, name, checkpoints string, m *lm.Model, count int, lr float64, example func(i int) told) error {
	numbers := make([]int, count)
	for i := range numbers {
		numbers[i] = i
	}
	size := r.Config.Warm.Histories
	steps := (count + size - 1) / size
	if steps == 0 {
		return nil
	}
	c := r.hooks(name, checkpoints, steps)
	c.Schedule, c.ClipNorm = optim.Cosine(lr, min(100, 1+steps/10), steps, lr/20), 1
	return train.Run(ctx, c, train.Task[int]{
		Model: m, Opt: &optim.Muon{LR: lr, Decay: 0.01},
		Data: &train.Loader[int]{Items: numbers, Batch: size, Seed: r.Config.Seed},
		Loss: func(s *autograd.Scope, batch []int) (*autograd.Var, float64) {
			var rows []*row
			for _, i := range batch {
				rows = append(rows, r.tell(example(i)))
			}
			return imitation(s, m, rows)
		},
	})
}

// tell lays out a prompt and, behind it, each text and the token that ends it, as
// if it were the only one.
func (r *Run) tell(t told) *row {
	out := &row{}
	out.put(0, 0, r.Lang.Encode(t.Prompt))
	out.shared = len(out.tokens)
	for _, text := range t.Texts {
		out.put(len(out.tokens), out.shared, append(r.Lang.Encode(text), r.Lang.End))
	}
	return out
}

// imitation returns the summed cross-entropy of the texts behind the rows'
// prompts and the number of their tokens.
func imitation(s *autograd.Scope, m *lm.Model, rows []*row) (*autograd.Var, float64) {
	in, width := input(rows)
	var at, next []int32
	for i, r := range rows {
		for k := r.shared; k < len(r.tokens); k++ {
			from := k - 1
			if int(r.start[k]) == k { // a text begins: the prompt's last token tells it
				from = r.shared - 1
			}
			at, next = append(at, int32(i*width+from)), append(next, r.tokens[k])
		}
	}
	h := m.Hidden(s, in)
	h = autograd.IndexSelect(autograd.Reshape(h, len(rows)*width, h.Dim(2)), 0, tensor.Of(at))
	sum, n := m.CrossEntropy(s, h, tensor.Of(next))
	return sum, float64(n)
}

// chunk is how many prompts best-of-n samples between two files.
const chunk = 16

// BestOfN returns the policy before RL, trained to write the best of n of its
// own samples, judged by the same reward of the same users, as often as RL asks
// for it (rejection sampling).
func (r *Run) BestOfN(ctx context.Context) (*lm.Model, error) {
	m := r.policy()
	return m, r.kept(bestName, m, func(checkpoints string) error {
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
		calls := c.Steps * c.Prompts * c.Samples
		chunks := max(1, calls/(chunk*r.Config.BestOf))
		r.Log(fmt.Sprintf("%s: the best of %d summaries of %d histories", bestName, r.Config.BestOf, chunks*chunk))
		var examples []told
		started := false
		for k := range chunks {
			path := filepath.Join(checkpoints, "samples", fmt.Sprintf("%06d.json", k))
			var best []told
			if err := readJSON(path, &best); err == nil {
				examples = append(examples, best...)
				continue
			}
			if !started && r.Start != nil {
				r.Start(bestName+"-samples", k, chunks)
			}
			started = true
			if best, err = r.best(ctx, f, r.Summariser(before), k); err != nil {
				return err
			}
			if err := writeJSON(path, best); err != nil {
				return err
			}
			examples = append(examples, best...)
			if r.Step != nil {
				r.Step(bestName+"-samples", k+1, chunks, f.Last())
			}
		}
		const epochs = 2
		return r.imitate(ctx, bestName, filepath.Join(checkpoints, "weights"), m, epochs*len(examples), r.Config.Warm.LR/6, func(i int) told {
			return examples[i%len(examples)]
		})
	})
}

// best returns the best samples of the k-th chunk of prompts.
func (r *Run) best(ctx context.Context, f *Feedback, s *Summariser, k int) ([]told, error) {
	g := stream(r.Config.Seed, fmt.Sprint("best of n ", k))
	n := r.Config.BestOf
	prompts := f.Draw(g, chunk)
	texts, err := s.write(ctx, g, prompts, n, r.sampling())
	if err != nil {
		return nil, err
	}
	var asked []string
	for _, p := range prompts {
		for range n {
			asked = append(asked, p)
		}
	}
	rewards, err := f.Reward(ctx, asked, texts)
	if err != nil {
		return nil, err
	}
	var out []told
	for i, p := range prompts {
		best := i * n
		for j := best; j < (i+1)*n; j++ {
			if rewards[j] > rewards[best] {
				best = j
			}
		}
		out = append(out, told{p, []string{texts[best]}})
	}
	return out, nil
}
