package rlpf

import (
	"context"
	"fmt"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The tokens of a row and of a pass.
const (
	scoreRow  = 1024
	scorePass = 8192
)

// Score returns the log-probability of every option of question i, given
// contexts[i], [questions][options]: the mean over rotations of the options,
// each of which moves every option on by a letter; 0: as many as there are
// options, so that their order does not matter. A question with more than four
// options is asked in its order only, as in training.
//
// Questions side by side that have equal contexts share its computation. What
// else is asked in the same call changes a result by rounding only. Of a
// context longer than Config.MaxContext tokens the last ones are read; of a
// question's text and of each option the first 64.
//
// It returns an error if the numbers of contexts and questions differ, if a
// question has no options or more than 26, or if ctx ends.
func (p *Predictor) Score(ctx context.Context, contexts []string, questions []Question, rotations int) ([][]float64, error) {
	if len(contexts) != len(questions) {
		return nil, fmt.Errorf("rlpf: score: %d contexts for %d questions", len(contexts), len(questions))
	}
	if rotations < 0 {
		return nil, fmt.Errorf("rlpf: score: %d rotations", rotations)
	}
	out, times := make([][]float64, len(questions)), make([]int, len(questions))
	var rows []*row
	var last *row
	for i, q := range questions {
		n := len(q.Options)
		if n == 0 || n > maxOptions {
			return nil, fmt.Errorf("rlpf: score: question %d has %d options; from 1 to %d can be asked", i, n, maxOptions)
		}
		out[i], times[i] = make([]float64, n), turns(n, rotations)
		if last == nil || contexts[i] != contexts[i-1] {
			last = p.row(contexts[i])
			rows = append(rows, last)
		}
		for shift := range times[i] {
			if len(last.asks) > 0 && len(last.tokens) > scoreRow {
				last = last.again()
				rows = append(rows, last)
			}
			p.ask(last, i, q, shift)
		}
	}
	if len(rows) == 0 {
		return out, nil
	}
	s := autograd.Inference()
	defer s.Close()
	for _, group := range groups(rows, scorePass) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("rlpf: score: %w", err)
		}
		s.Reset()
		p.score(s, group, out)
	}
	for i, lps := range out {
		for k := range lps {
			lps[k] /= float64(times[i])
		}
	}
	return out, nil
}

// turns is how many rotations a question with n options is asked in.
func turns(n, rotations int) int {
	switch {
	case n > 4:
		return 1
	case rotations == 0:
		return n
	}
	return min(n, rotations)
}

// again returns a row with the same context and no questions.
func (r *row) again() *row {
	n := r.shared
	return &row{tokens: r.tokens[:n:n], pos: r.pos[:n:n], start: r.start[:n:n], shared: n}
}

// score adds the log-probabilities of the options of all questions in rows to
// out.
func (p *Predictor) score(s *autograd.Scope, rows []*row, out [][]float64) {
	in, width := input(rows)
	q := p.asked(rows, width)
	h := p.Model.Hidden(s, in)
	h = autograd.Reshape(h, len(rows)*width, h.Dim(2))
	lps := tensor.Data[float32](autograd.LogSoftmax(p.answer(s, h, q), 1).Value().Cast(tensor.Float32))
	for _, r := range rows {
		for _, a := range r.asks {
			n := len(a.options)
			for k := range n {
				out[a.number][(k+a.shift)%n] += float64(lps[k])
			}
			lps = lps[q.most:]
		}
	}
}
