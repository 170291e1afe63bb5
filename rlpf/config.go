package rlpf

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/rl"
)

// Config is everything that decides the outcome of a run on a data set. Zero
// fields take the defaults, which suit a run of minutes.
type Config struct {
	Seed  uint64    `json:"seed"`
	Vocab int       `json:"vocab"` // of the tokenizer: 1024, which holds the words of made-up titles whole
	Ask   AskConfig `json:"ask"`
	// Model is the shape of the policy, and of the predictor, which start from
	// one language model: Dim 64, Layers 2, MaxLen 1024.
	Model     lm.Config       `json:"model"`
	Predictor PredictorConfig `json:"predictor"` // its Model is Config.Model
	Second    PredictorConfig `json:"second"`    // the predictor for transfer, of another shape and wording: OtherPredictor
	Warm      WarmConfig      `json:"warm"`
	Reward    RewardConfig    `json:"reward"`
	// RL trains the policy. Its Seed and MaxNew are the run's; its Alpha, LR and
	// ValueLR have defaults of their own: 0.001, 2.5e-4 and 1e-3. The divergence is
	// of whole texts: choosing one of a dozen kinds of summary costs some 3 nats,
	// and each thing that it names more costs again, while the best summary is worth
	// little more than 0.1 to the predictor, and what is named last 0.01 or 0.02, so a
	// greater Alpha forbids it. Paid by what real users happened to do,
	// with a greater LR policies settle on one sentence before they have found out what
	// two are worth.
	RL     rl.FineTune `json:"rl"`
	BestOf int         `json:"best_of"` // samples of a prompt of which best-of-n-sft learns the best one: 8
	Exam   ExamConfig  `json:"exam"`    // what is asked at the end
	Tokens int         `json:"tokens"`  // of a summary, at most: 80
}

// WarmConfig is how the policy learns to write summaries at all, from templates.
// Zero fields take the defaults.
type WarmConfig struct {
	Steps     int     `json:"steps"`     // 300 in which half of the texts copy titles, and half as many of others
	Histories int     `json:"histories"` // of a step: 8
	Summaries int     `json:"summaries"` // of each history, which is read once for all: 12
	LR        float64 `json:"lr"`        // peak learning rate: 6e-3; a third of it behind the copying
}

// RewardConfig is what RL pays for. Zero fields take the defaults.
type RewardConfig struct {
	Grade     string `json:"grade"`     // one of Grades: "log-probability"
	Tasks     []Task `json:"tasks"`     // that are asked: both future activities
	Questions int    `json:"questions"` // of each task about a history, with options of their own: 8
	Rotations int    `json:"rotations"` // of the options: 1; they are in random order already
	// MadeUp is the share of made-up users, as predictors learn from; -1: none; 0.5.
	// Of these the chance of each option to be right is known, so an answer is paid by
	// what it is worth on average, which tells far sooner what a summary is good for than
	// the one thing that somebody happened to do.
	MadeUp float64 `json:"made_up"`
	// The default pays 0.005 at most for being short, and takes 0.001 for a token more than
	// the mean before RL: a count or a title, which is one, is worth little more than that.
	LengthReward
}

// ExamConfig is the size of the final test. Zero fields take the defaults.
type ExamConfig struct {
	Places int `json:"places"` // at which each test user is asked: 8
	Users  int `json:"users"`  // test users who are asked, evenly from all by number; 0: all
}

// WithDefaults returns c with its zeros replaced.
func (c Config) WithDefaults() Config {
	c.Vocab, c.BestOf, c.Tokens = cmp.Or(c.Vocab, 1024), cmp.Or(c.BestOf, 8), cmp.Or(c.Tokens, 80)
	c.Ask = c.Ask.WithDefaults()
	c.Model.Dim, c.Model.Layers, c.Model.MaxLen = cmp.Or(c.Model.Dim, 64), cmp.Or(c.Model.Layers, 2), cmp.Or(c.Model.MaxLen, 1024)
	c.Model.Untied = true // as predictors are, which it starts with
	c.Predictor.Model = c.Model
	if c.Second == (PredictorConfig{}) {
		c.Second = OtherPredictor()
	}
	c.Predictor, c.Second = c.Predictor.WithDefaults(), c.Second.WithDefaults()
	w := &c.Warm
	w.Steps, w.Histories, w.Summaries, w.LR = cmp.Or(w.Steps, 300), cmp.Or(w.Histories, 8), cmp.Or(w.Summaries, 12), cmp.Or(w.LR, 6e-3)
	r := &c.Reward
	r.Grade, r.Questions, r.Rotations = cmp.Or(r.Grade, "log-probability"), cmp.Or(r.Questions, 8), cmp.Or(r.Rotations, 1)
	r.MadeUp = cmp.Or(r.MadeUp, 0.5)
	if len(r.Tasks) == 0 {
		r.Tasks = []Task{FutureActivity, FutureActivityGap50}
	}
	if r.LengthReward == (LengthReward{}) {
		r.LengthReward = LengthReward{Weight: 1, Cap: 0.005, Slope: 0.001}
	}
	c.Exam.Places = cmp.Or(c.Exam.Places, 8)
	c.RL.Seed, c.RL.MaxNew = c.Seed, c.Tokens
	c.RL.Alpha, c.RL.LR, c.RL.ValueLR = cmp.Or(c.RL.Alpha, 0.001), cmp.Or(c.RL.LR, 2.5e-4), cmp.Or(c.RL.ValueLR, 1e-3)
	c.RL = c.RL.Defaults()
	return c
}

// Validate returns an error that names a value out of its range.
func (c Config) Validate() error {
	c = c.WithDefaults()
	if err := c.Ask.Validate(); err != nil {
		return err
	}
	for _, v := range []struct {
		name               string
		value, least, most int
	}{
		{"vocab", c.Vocab, 1, maxSize}, {"best_of", c.BestOf, 1, 1024}, {"tokens", c.Tokens, 1, c.Model.MaxLen - 1},
		{"warm steps", c.Warm.Steps, 0, maxSteps}, {"histories", c.Warm.Histories, 1, maxSize}, {"summaries", c.Warm.Summaries, 1, maxSize},
		{"questions", c.Reward.Questions, 1, 1024}, {"rotations", c.Reward.Rotations, 0, maxOptions},
		{"places", c.Exam.Places, 1, maxSize}, {"exam users", c.Exam.Users, 0, maxSteps},
		{"dim", c.Model.Dim, 1, maxSize}, {"layers", c.Model.Layers, 1, 1024}, {"max_len", c.Model.MaxLen, 2, maxSize},
	} {
		if v.value < v.least || v.value > v.most {
			return fmt.Errorf("rlpf: %s %d is not from %d to %d", v.name, v.value, v.least, v.most)
		}
	}
	for _, t := range c.Reward.Tasks {
		if !t.Future() {
			return fmt.Errorf("rlpf: the reward cannot ask for %s: it must not know the tasks that test it", t)
		}
	}
	if !slices.Contains(Grades, c.Reward.Grade) {
		return fmt.Errorf("rlpf: grade %q is none of %s", c.Reward.Grade, strings.Join(Grades, ", "))
	}
	if m := c.Reward.MadeUp; !(m >= -1 && m <= 1) {
		return fmt.Errorf("rlpf: made_up %g is not a share from 0 to 1, or -1 for none", m)
	}
	l := c.Reward.LengthReward
	if sum := l.Weight + l.Cap + l.Slope + l.Length; math.IsNaN(sum) || math.IsInf(sum, 0) {
		return fmt.Errorf("rlpf: the reward for length, %+v, needs finite numbers", l)
	}
	if !(c.Warm.LR > 0 && c.Warm.LR < 1) {
		return errors.New("rlpf: the learning rate must be between 0 and 1")
	}
	if err := c.RL.Validate(); err != nil {
		return err
	}
	if err := c.Predictor.Validate(); err != nil {
		return err
	}
	return c.Second.Validate()
}

// Bounds of sizes, so that none of their products overflows.
const (
	maxSize  = 1 << 20
	maxSteps = 1 << 30
)
