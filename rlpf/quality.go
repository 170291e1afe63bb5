package rlpf

import (
	"context"
	"math"

	"github.com/noema-ml/noema/nn/metric"
)

// Quality is what rules say of one text about a history.
type Quality struct {
	Tokens int // of the whole text, also where a predictor would read its end alone
	Full   int // tokens of all activities of the history
	Right  int
	Claims int // that could be checked against the history

	Abstractiveness, ReadingEase, Repetition float64 // see the functions of these names; NaN where they know nothing
}

// Quality measures what a method says of each case of the exam; nothing if it
// says nothing.
func (r *Run) Quality(ctx context.Context, method string, e *Exam) ([]Quality, error) {
	summarises := true
	switch method {
	case oracleName, tastesName, countsName, logisticName, "options-only", "shuffled":
		return nil, nil
	case "all-activities", "first-x", "random-x", "last-x":
		summarises = false // lists of titles claim nothing
	}
	texts, err := r.Contexts(ctx, method, e)
	if err != nil {
		return nil, err
	}
	out := make([]Quality, len(texts))
	for i, events := range r.histories(e) {
		q := Quality{Tokens: len(r.Lang.Encode(texts[i])), Full: len(r.Lang.Encode(r.Lang.Activities(events)))}
		q.Abstractiveness, q.ReadingEase, q.Repetition = math.NaN(), math.NaN(), math.NaN()
		if summarises {
			q.Right, q.Claims = Factuality(r.Lang, texts[i], events)
			q.Abstractiveness = Abstractiveness(r.Lang, texts[i], events)
			q.ReadingEase, q.Repetition = ReadingEase(texts[i]), Repetition(texts[i])
		}
		out[i] = q
	}
	return out, nil
}

// SummaryTask is the task of figures that measure the texts themselves.
const SummaryTask = "summary"

// QualityFigures sums up the quality of all methods' texts: quality[method] has
// one slice of the exam's cases after the other, one for each seed.
func QualityFigures(seed uint64, e *Exam, quality map[string][]Quality) []Figure {
	var figures []Figure
	for _, method := range Methods {
		all := quality[method]
		if len(all) == 0 {
			continue
		}
		cluster := make([]int32, len(all))
		for i := range all {
			cluster[i] = int32(e.Cases[i%len(e.Cases)].User)
		}
		// A measure is a sum over a sum.
		add := func(name string, of func(Quality) (num, den float64)) {
			num, den, sum := make([]float64, len(all)), make([]float64, len(all)), 0.0
			for i, q := range all {
				if num[i], den[i] = of(q); math.IsNaN(num[i]) {
					num[i], den[i] = 0, 0
				}
				sum += den[i]
			}
			if sum == 0 {
				return // nothing to be measured
			}
			figures = append(figures, Figure{
				Task: SummaryTask, Method: method, Metric: name, N: len(all),
				Interval: metric.BootstrapRatio(num, den, cluster, stream(seed, "quality"), resamples),
			})
		}
		add("tokens", func(q Quality) (float64, float64) { return float64(q.Tokens), 1 })
		add("compression", func(q Quality) (float64, float64) { return float64(q.Tokens), float64(q.Full) })
		add("factuality", func(q Quality) (float64, float64) { return float64(q.Right), float64(q.Claims) })
		add("claims", func(q Quality) (float64, float64) {
			if math.IsNaN(q.Repetition) {
				return 0, 0
			}
			return float64(q.Claims), 1
		})
		add("abstractiveness", func(q Quality) (float64, float64) { return q.Abstractiveness, 1 })
		add("reading-ease", func(q Quality) (float64, float64) { return q.ReadingEase, 1 })
		add("repetition", func(q Quality) (float64, float64) { return q.Repetition, 1 })
	}
	return figures
}
