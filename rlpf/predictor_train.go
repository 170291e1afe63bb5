package rlpf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
)

// The tokens of a pretraining row and, padding included, of a pass in training.
const (
	textRow   = 384
	trainPass = 4096
)

// textShare is the weight of a row of text against one of questions.
const textShare = 0.3

// Train trains the predictor in two stages: on the catalogue, so that titles
// carry meaning and it learns how a question is read (see madeUp), and then on
// questions about users, real and made up, behind contexts of every kind:
// nothing; 1 to Length of the last, the first or random activities; summaries by
// random and brief templates. It learns to write, as a policy that starts from it must,
// in the first alone. Each example is a function of the data's seed and its number.
// hooks says where training is watched and saved: Steps, Schedule, ClipNorm and
// Seed in it are ignored, and each stage gets a folder of its own in Dir, from
// which training goes on bit for bit.
func (p *Predictor) Train(ctx context.Context, d PredictorData, hooks train.Config) error {
	active := func(user int) bool { return len(p.Lang.Data.Users[user].Events) > 0 }
	if !slices.ContainsFunc(d.Users, active) || len(d.Tasks) == 0 || d.Asker == nil || d.Length < 1 {
		return errors.New("rlpf: a predictor needs users who did something, tasks, an asker and a length to be trained")
	}
	c := p.Config
	err := p.stage(ctx, "catalogue", d, hooks, c.Pretrain, c.Texts, func(s *autograd.Scope, batch []int) (*autograd.Var, float64) {
		return p.catalogueLoss(s, d, batch)
	})
	if err != nil {
		return err
	}
	return p.stage(ctx, "questions", d, hooks, c.Steps, c.Contexts, func(s *autograd.Scope, batch []int) (*autograd.Var, float64) {
		examples := make([]example, len(batch))
		for i, n := range batch {
			if p.Config.invents(n) {
				examples[i] = p.invented(d, stream(d.Seed, fmt.Sprint("predictor invented ", n)))
			}
			if len(examples[i].questions) == 0 { // of someone real, or nobody can be made up
				examples[i] = p.example(d, n)
			}
		}
		return p.loss(s, examples, 0) // nobody needs this one to write
	})
}

// stage trains on the numbers of examples.
func (p *Predictor) stage(ctx context.Context, name string, d PredictorData, hooks train.Config, steps, size int, loss func(*autograd.Scope, []int) (*autograd.Var, float64)) error {
	if steps <= 0 {
		return nil
	}
	numbers := make([]int, steps*size)
	for i := range numbers {
		numbers[i] = i
	}
	hooks.Steps, hooks.ClipNorm, hooks.Seed = steps, 1, d.Seed
	hooks.Schedule = optim.Cosine(p.Config.LR, min(100, 1+steps/10), steps, p.Config.LR/20)
	if hooks.Dir != "" {
		hooks.Dir = filepath.Join(hooks.Dir, name)
	}
	err := train.Run(ctx, hooks, train.Task[int]{
		Model: p.Model, Opt: &optim.Muon{LR: p.Config.LR, Decay: 0.01}, Loss: loss,
		Data: &train.Loader[int]{Items: numbers, Batch: size, Seed: d.Seed},
	})
	if err != nil {
		return fmt.Errorf("rlpf: predictor: %s: %w", name, err)
	}
	return nil
}

// textLoss returns the summed cross-entropy of all tokens of the rows' texts but
// their first, and the number of these.
func (p *Predictor) textLoss(s *autograd.Scope, rows []*row) (*autograd.Var, float64) {
	in, width := input(rows)
	h := p.Model.Hidden(s, in)
	return p.nextTokens(s, autograd.Reshape(h, len(rows)*width, h.Dim(2)), rows, width)
}

// nextTokens returns the summed cross-entropy of the tokens that stand behind
// others of their text, outside questions, and their number.
func (p *Predictor) nextTokens(s *autograd.Scope, h *autograd.Var, rows []*row, width int) (*autograd.Var, float64) {
	var at, next []int32
	for i, r := range rows {
		end := len(r.tokens)
		if len(r.asks) > 0 {
			end = r.shared
		}
		for k := 1; k < end; k++ {
			if r.pos[k] > 0 {
				at, next = append(at, int32(i*width+k-1)), append(next, r.tokens[k])
			}
		}
	}
	if len(at) == 0 {
		return nil, 0
	}
	sum, n := p.Model.CrossEntropy(s, autograd.IndexSelect(h, 0, tensor.Of(at)), tensor.Of(next))
	return sum, float64(n)
}

// catalogueLoss returns the summed loss of pretraining examples and the weight
// to divide it by. Every eighth is a row of texts.
func (p *Predictor) catalogueLoss(s *autograd.Scope, d PredictorData, batch []int) (*autograd.Var, float64) {
	var rows []*row
	var examples []example
	for _, n := range batch {
		if n%8 == 0 {
			rows = append(rows, p.texts(d, n, textRow))
		} else {
			examples = append(examples, p.madeUp(d, n))
		}
	}
	sum, n := p.loss(s, examples, p.Config.TextLoss)
	if len(rows) > 0 {
		n = max(1, n)
		text, tokens := p.textLoss(s, rows)
		sum = autograd.Add(sum, autograd.Scale(text, textShare*n/tokens))
	}
	return sum, n
}

// loss returns the summed loss of the examples' questions and their number: the
// cross-entropy of the right letter (of any of those that are right, or of all by
// their chances), and with the weight text that of the contexts' own tokens.
func (p *Predictor) loss(s *autograd.Scope, examples []example, text float64) (*autograd.Var, float64) {
	var rows []*row
	count := 0
	for _, e := range examples {
		if len(e.questions) == 0 {
			continue
		}
		r := p.row(e.context)
		for k, q := range e.questions {
			p.ask(r, k, q, 0)
		}
		count += len(e.questions)
		rows = append(rows, r)
	}
	sum := s.Const(tensor.New(tensor.Float32))
	if len(rows) > 0 {
		for _, group := range groups(rows, trainPass) {
			sum = autograd.Add(sum, p.groupLoss(s, group, text))
		}
	}
	return sum, float64(count)
}

// groupLoss is loss for rows of similar lengths.
func (p *Predictor) groupLoss(s *autograd.Scope, rows []*row, text float64) *autograd.Var {
	in, width := input(rows)
	q := p.asked(rows, width)
	h := p.Model.Hidden(s, in)
	h = autograd.Reshape(h, len(rows)*width, h.Dim(2))
	sum := q.loss(s, p.answer(s, h, q))
	if text > 0 {
		// The mean over tokens, so that a long context weighs as a short one.
		if tokens, n := p.nextTokens(s, h, rows, width); n > 0 {
			sum = autograd.Add(sum, autograd.Scale(tokens, text*float64(q.n)/n))
		}
	}
	return sum
}
