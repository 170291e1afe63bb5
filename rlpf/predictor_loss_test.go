package rlpf

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/tensor"
)

// The loss of a batch of questions of both kinds, with different numbers of
// options, against the definition; and its gradient.
func TestQuestionLoss(t *testing.T) {
	d, _ := SyntheticData(1, true)
	p := tinyPredictor(t, d, PredictorConfig{})
	options := []string{"one", "two", "three", "four"}
	qs := []Question{
		{Ask: "?", Options: options, Answer: []int{2}},
		{Ask: "?", Options: options, Answer: []int{1}, chances: []float64{.1, .2, .3, .4}},
		{Ask: "?", Options: options[:3], Answer: []int{0, 2}},
		{Ask: "?", Options: options[:2], Answer: []int{0}, chances: []float64{.25, .75}},
	}
	const shift = 1
	r := p.row("known")
	for i, q := range qs {
		p.ask(r, i, q, shift)
	}
	_, width := input([]*row{r})
	batch := p.asked([]*row{r}, width)
	g := rand.New(rand.NewPCG(1, 2))
	logits := make([]float32, len(qs)*4)
	for i := range logits {
		logits[i] = float32(g.NormFloat64())
	}
	var want float64
	slope := make([]float64, len(logits))
	for i, q := range qs {
		n := len(q.Options)
		var sum, right float64
		at := func(k int) int { return i*4 + (k-shift+n)%n } // the letter of option k
		e := func(k int) float64 { return math.Exp(float64(logits[at(k)])) }
		for k := range q.Options {
			sum += e(k)
			if q.Right(k) {
				right += e(k)
			}
		}
		for k := range q.Options {
			slope[at(k)] = e(k) / sum
			switch {
			case q.chances != nil:
				want -= q.chances[k] * math.Log(e(k)/sum)
				slope[at(k)] -= q.chances[k]
			case q.Right(k):
				slope[at(k)] -= e(k) / right
			}
		}
		if q.chances == nil {
			want -= math.Log(right / sum)
		}
	}
	for i, lacking := range batch.lacking {
		if lacking {
			logits[i] = never
		}
	}
	param := &autograd.Param{Value: tensor.Of(logits, len(qs), 4)}
	s := autograd.NewScope(true)
	defer s.Close()
	loss := batch.loss(s, s.Use(param))
	require.InDelta(t, want, tensor.Data[float32](loss.Value())[0], 1e-4)
	loss.Backward()
	for i, x := range tensor.Data[float32](param.Grad) {
		require.InDelta(t, slope[i], x, 1e-5, "logit %d", i)
	}
}
