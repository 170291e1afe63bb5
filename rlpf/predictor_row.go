package rlpf

import (
	"cmp"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/tensor"
)

// A predictor's own tokens, counted from the end of the tokenizer's.
const (
	knownToken = iota
	askToken
	answerToken
	fitsToken // never read: its logit at an option's letter says how well the option fits
	letterA
	ownTokens = letterA + maxOptions
)

// maxOptions is the most options of a question: the letters A to Z.
const maxOptions = 26

// maxPart bounds the tokens of a question's text and of each option: what is
// beyond is cut off, so that a hostile title cannot fill the memory.
const maxPart = 64

// row is a context and the questions behind it, each of which sees the context
// and itself and stands where it would if it were alone.
type row struct {
	tokens, pos, start []int32
	shared             int // tokens of the context
	asks               []ask
}

// ask is a question in a row, its options turned by shift: the first letter
// stands for option shift.
type ask struct {
	number  int // the caller's
	shift   int
	answer  int // the place that predicts the letter
	options []span
	right   []bool    // by letter
	chances []float32 // by letter, or nil
}

// span is the places of an option and, the last, its letter.
type span struct{ from, letter int }

// own returns the id of one of the predictor's own tokens.
func (p *Predictor) own(token int) int32 { return int32(p.Lang.Tok.Vocab() + token) }

// part returns the tokens of a question's text or of an option.
func (p *Predictor) part(text string) []int32 {
	tokens := p.Lang.Encode(" " + text)
	return tokens[:min(len(tokens), maxPart)]
}

// row returns a row with a context and no questions. Of a context longer than
// MaxContext tokens it keeps the last ones.
func (p *Predictor) row(context string) *row {
	words := p.Config.Nothing
	if context != "" {
		words = p.Config.Known + " " + context
	}
	text := p.Lang.Encode(words)
	text = append([]int32{p.own(knownToken)}, text[max(0, len(text)-p.Config.MaxContext):]...)
	r := &row{}
	r.put(0, 0, text)
	r.shared = len(text)
	return r
}

// put adds tokens, the first at the given place of its text, that see the
// row from start on.
func (r *row) put(start, place int, tokens []int32) {
	for i, t := range tokens {
		r.tokens, r.pos, r.start = append(r.tokens, t), append(r.pos, int32(place+i)), append(r.start, int32(start))
	}
}

// ask adds a question, its options turned by shift. The tokens of an option see
// the context and their option alone, and have the places they would have if it
// were the only one, so that they mean the same whatever stands beside it; the
// letters and what follows see the question from its start.
func (p *Predictor) ask(r *row, number int, q Question, shift int) {
	start := len(r.tokens)
	put := func(tokens ...int32) { r.put(start, r.shared+len(r.tokens)-start, tokens) }
	a := ask{number: number, shift: shift}
	text := func() {
		put(p.own(askToken))
		put(p.part(q.Ask)...)
	}
	if !p.Config.AskLast {
		text()
	}
	place := r.shared + len(r.tokens) - start
	for k := range q.Options {
		from := len(r.tokens)
		r.put(from, place, p.part(p.Config.Option+q.Options[(k+shift)%len(q.Options)]))
		a.options = append(a.options, span{from, len(r.tokens)})
		put(p.own(letterA + k))
	}
	if p.Config.AskLast {
		text()
	}
	a.answer = len(r.tokens)
	put(p.own(answerToken))
	a.right = make([]bool, len(q.Options))
	for _, k := range q.Answer {
		a.right[(k-shift+len(q.Options))%len(q.Options)] = true
	}
	for k := range q.chances {
		a.chances = append(a.chances, float32(q.chances[(k+shift)%len(q.chances)]))
	}
	r.asks = append(r.asks, a)
}

// input lays rows out side by side, [rows, width].
func input(rows []*row) (in lm.Input, width int) {
	for _, r := range rows {
		width = max(width, len(r.tokens))
	}
	n := len(rows) * width
	tokens := make([]int32, n)
	in.Pos, in.Start, in.Shared = make([]int32, n), make([]int32, n), make([]int32, len(rows))
	for i, r := range rows {
		at := i * width
		copy(tokens[at:], r.tokens)
		copy(in.Pos[at:], r.pos)
		copy(in.Start[at:], r.start)
		in.Shared[i] = int32(r.shared)
		for k := len(r.tokens); k < width; k++ { // padding: a text of its own
			in.Start[at+k] = int32(k)
		}
	}
	in.Tokens = tensor.Of(tokens, len(rows), width)
	return in, width
}

// groups cuts rows, whose order does not matter, into lists of similar lengths
// with at most size tokens, padding included.
func groups(rows []*row, size int) [][]*row {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b *row) int { return cmp.Compare(len(b.tokens), len(a.tokens)) })
	var out [][]*row
	from := 0
	for i, r := range rows {
		width := len(rows[from].tokens)
		if i > from && ((i-from+1)*width > size || 4*len(r.tokens) < 3*width) {
			out = append(out, rows[from:i])
			from = i
		}
	}
	return append(out, rows[from:])
}

// asked are the questions of some rows, side by side.
type asked struct {
	answers []int32   // places that predict a letter, [questions]
	options []int32   // places of options and their letters, [places]
	of      []int32   // the options that these belong to, [places]: question·most + letter
	share   []float32 // one over the option's tokens, and 1 for its letter, [places]
	lacking []bool    // [questions, most]: there are fewer options
	wrong   []bool    // [questions, most]
	chances []float32 // [questions, most]; 0 for all if not known
	hard    []float32 // [questions]: 1 if the chances are not known, 0 if they are
	n, most int
}

// asked collects the questions of rows laid out with a width.
func (p *Predictor) asked(rows []*row, width int) *asked {
	q := &asked{}
	for _, r := range rows {
		for _, a := range r.asks {
			q.n, q.most = q.n+1, max(q.most, len(a.options))
		}
	}
	for i, r := range rows {
		for _, a := range r.asks {
			q.answers = append(q.answers, int32(i*width+a.answer))
			for k, o := range a.options {
				for at := o.from; at <= o.letter; at++ {
					q.options, q.of = append(q.options, int32(i*width+at)), append(q.of, int32(len(q.wrong)+k))
					share := float32(1)
					if at < o.letter {
						share /= float32(o.letter - o.from)
					}
					q.share = append(q.share, share)
				}
			}
			for k := range q.most {
				lacking := k >= len(a.options)
				q.lacking, q.wrong = append(q.lacking, lacking), append(q.wrong, lacking || !a.right[k])
			}
			hard := float32(1)
			if a.chances != nil {
				hard = 0
			}
			q.hard = append(q.hard, hard)
			q.chances = append(append(q.chances, a.chances...), make([]float32, q.most-len(a.chances))...)
		}
	}
	return q
}

// answer returns the logits of the questions' letters, [questions, most], from
// all states h [places, dim]: what the state behind the question says of the
// letter, and of how well the option fits, what the state of its letter says and the
// mean of what those of its tokens say.
func (p *Predictor) answer(s *autograd.Scope, h *autograd.Var, q *asked) *autograd.Var {
	ids := make([]int32, q.most)
	for k := range ids {
		ids[k] = p.own(letterA + k)
	}
	last := autograd.Linear(autograd.IndexSelect(h, 0, tensor.Of(q.answers)), p.rows(s, ids), nil)
	fits := autograd.Linear(autograd.IndexSelect(h, 0, tensor.Of(q.options)), p.rows(s, []int32{p.own(fitsToken)}), nil)
	fits = autograd.Mul(autograd.Reshape(fits, len(q.of)), s.Const(tensor.Of(q.share)))
	sum := autograd.ScatterAdd(s.Const(tensor.New(fits.DType(), q.n*q.most)), 0, tensor.Of(q.of), fits)
	return q.mask(autograd.Add(last, autograd.Reshape(sum, q.n, q.most)), q.lacking)
}

func (q *asked) mask(x *autograd.Var, out []bool) *autograd.Var {
	return autograd.MaskedFill(x, tensor.Of(out, q.n, q.most), never)
}

// loss returns the summed cross-entropy of the right options, any of them, or of
// the options by their chances where these are known, under logits [questions,
// most].
func (q *asked) loss(s *autograd.Scope, logits *autograd.Var) *autograd.Var {
	right := autograd.Mul(autograd.LogSumExp(q.mask(logits, q.wrong), 1), s.Const(tensor.Of(q.hard)))
	likely := autograd.Mul(logits, s.Const(tensor.Of(q.chances, q.n, q.most)))
	return autograd.Sub(autograd.Sum(autograd.Sub(autograd.LogSumExp(logits, 1), right)), autograd.Sum(likely))
}

// never is the logit of what cannot be: finite, so that gradients stay so.
const never = -1e9

// rows returns the output weights of the given tokens, [n, dim].
func (p *Predictor) rows(s *autograd.Scope, ids []int32) *autograd.Var {
	w := p.Model.Embed.Weight
	if p.Model.Head != nil {
		w = p.Model.Head.Weight
	}
	return autograd.IndexSelect(s.Use(w), 0, tensor.Of(ids))
}
