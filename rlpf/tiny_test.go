package rlpf

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// tinyData has users with more than 50 events to come.
func tinyData() *history.Dataset {
	return history.Synthetic(history.SyntheticConfig{Seed: 5, Users: 66, Items: 200, Events: 90, Drift: -1})
}

func tinyConfig() Config {
	c := Config{Seed: 1, Vocab: 330, Tokens: 12, BestOf: 2}
	c.Ask.History = 5
	c.Model.Dim, c.Model.Layers, c.Model.Heads, c.Model.FFN = 8, 1, 2, 16
	c.Predictor = PredictorConfig{Pretrain: 3, Steps: 4, Texts: 1, Contexts: 3, Questions: 2}
	c.Second = c.Predictor
	c.Second.Model = c.Model
	c.Second.Model.Layers, c.Second.AskLast = 2, true
	c.Warm = WarmConfig{Steps: 5, Histories: 2, Summaries: 2}
	c.Reward.Questions = 1
	c.RL.Steps, c.RL.Prompts, c.RL.Samples = 3, 16, 2
	c.Exam = ExamConfig{Places: 2, Users: 8}
	return c
}

func tinyRun(ctx context.Context, dir string) (*Run, error) {
	r, err := NewRun(ctx, dir, tinyConfig(), tinyData(), nil, 1)
	if err == nil {
		r.Oracle = func(q Question) []float64 { // knows the answer
			scores := make([]float64, len(q.Options))
			scores[q.Answer[0]] = 1
			return scores
		}
		r.Tastes = r.Oracle
	}
	return r, err
}

// tinyResult is a finished run: its folder, its weights and its answers.
type tinyResult struct {
	dir     string
	run     *Run
	exam    *Exam
	hashes  map[string]string
	answers map[string][]Outcome
}

var tinyOnce = sync.OnceValues(func() (*tinyResult, error) {
	dir, err := os.MkdirTemp("", "noema-tiny-")
	if err != nil {
		return nil, err
	}
	tinyDir = dir
	return trainTiny(context.Background(), dir, nil)
})

var tinyDir string // for TestMain to remove

// tiny returns a run that is trained once for all tests; nobody writes there.
func tiny(t *testing.T) *tinyResult {
	t.Helper()
	r, err := tinyOnce()
	require.NoError(t, err)
	return r
}

func TestMain(m *testing.M) {
	code := m.Run()
	if tinyDir != "" {
		os.RemoveAll(tinyDir)
	}
	os.Exit(code)
}

// trainTiny trains and tests every method. watch, if not nil, sees each step.
func trainTiny(ctx context.Context, dir string, watch func(stage string, step int)) (*tinyResult, error) {
	r, err := tinyRun(ctx, dir)
	if err != nil {
		return nil, err
	}
	if watch != nil {
		r.Step = func(stage string, step, _ int, _ map[string]float64) { watch(stage, step) }
	}
	res := &tinyResult{dir: dir, run: r, exam: r.Exam(), hashes: map[string]string{}, answers: map[string][]Outcome{}}
	for _, method := range r.Methods() {
		if res.answers[method], err = r.Test(ctx, method, res.exam, nil); err != nil {
			return nil, err
		}
	}
	if err := r.Describe(); err != nil {
		return nil, err
	}
	policy, err := r.Policy(ctx)
	if err != nil {
		return nil, err
	}
	before, err := r.BeforeRL(ctx)
	if err != nil {
		return nil, err
	}
	best, err := r.BestOfN(ctx)
	if err != nil {
		return nil, err
	}
	first, err := r.Predictor(ctx)
	if err != nil {
		return nil, err
	}
	second, err := r.Second(ctx)
	if err != nil {
		return nil, err
	}
	for name, m := range map[string]any{"rlpf": policy, "before-rl": before, "best-of-n-sft": best, "predictor": first.Model, "second": second.Model} {
		res.hashes[name] = train.WeightsSHA256(m)
	}
	return res, nil
}
