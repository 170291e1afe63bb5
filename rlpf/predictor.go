package rlpf

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/nn/lm"
)

// Predictor is the frozen reader of RLPF (arXiv 2409.04421, section 3): a
// language model that is told something of a user, the context, and says which
// of a question's options is right. It is trained once, on contexts of every
// kind (see Train); then many goroutines may read it at once.
//
// # What it reads
//
//	<|known|> CONTEXT <|ask|> QUESTION
//	OPTION <|A|> OPTION <|B|> OPTION <|C|> OPTION <|D|> <|answer|>
//
// Every option is followed by its letter, so that the state there has read the
// option and can tell how well it suits the context. The logit of a letter is
// the sum of three: that of the letter as the token behind <|answer|>, that of a
// token <|fits|> behind the option's letter, and the mean of those of <|fits|> behind
// the option's tokens, without which a small model takes far longer to learn
// anything. The probabilities are
// renormalised over the letters of the question. The tokens in <| |> are the
// model's own, beyond the tokenizer's: no context, title or question can spell
// one.
type Predictor struct {
	Model  *lm.Model
	Lang   *Language
	Config PredictorConfig
}

// PredictorConfig says what a predictor is, how it words its questions and how
// long it is trained. Zero fields take the defaults, which suit a run of minutes.
type PredictorConfig struct {
	Model lm.Config `json:"model"` // Dim 64, Layers 2; Vocab is the language's, and Untied always
	Wording
	MaxContext int `json:"max_context"` // tokens of a context; of a longer one the first are left out: 640

	Pretrain  int `json:"pretrain"`  // steps on the catalogue and made-up users; below 0: none; 300
	Steps     int `json:"steps"`     // steps on questions about users; below 0: none; 600
	Texts     int `json:"texts"`     // rows of a step on the catalogue: 24
	Contexts  int `json:"contexts"`  // of a step on questions: 24
	Questions int `json:"questions"` // asked behind a context in training: 4
	// MadeUp is the share of made-up users behind the contexts; -1: none; 0.5. Without them a few
	// hundred users are learnt by heart, and what is known of the rarer genres of titles
	// and of what follows what is forgotten.
	MadeUp   float64 `json:"made_up"`
	LR       float64 `json:"lr"`        // peak learning rate: 3e-3
	TextLoss float64 `json:"text_loss"` // weight of the loss on the contexts' own tokens in pretraining; below 0: none; 0.1
}

// Wording is how a question is put. The zero value adds no words.
type Wording struct {
	Known   string `json:"known"`    // stands before a context
	Nothing string `json:"nothing"`  // stands for an empty context
	Option  string `json:"option"`   // stands before every option
	AskLast bool   `json:"ask_last"` // the question stands behind its options
}

// WithDefaults returns c with its zeros replaced.
func (c PredictorConfig) WithDefaults() PredictorConfig {
	c.Model.Dim, c.Model.Layers, c.Model.Untied = cmp.Or(c.Model.Dim, 64), cmp.Or(c.Model.Layers, 2), true
	c.MaxContext = cmp.Or(c.MaxContext, 640)
	c.Pretrain, c.Steps = cmp.Or(c.Pretrain, 300), cmp.Or(c.Steps, 600)
	c.Texts, c.Contexts, c.Questions = cmp.Or(c.Texts, 24), cmp.Or(c.Contexts, 24), cmp.Or(c.Questions, 4)
	c.MadeUp, c.LR, c.TextLoss = cmp.Or(c.MadeUp, 0.5), cmp.Or(c.LR, 3e-3), cmp.Or(c.TextLoss, 0.1)
	return c
}

// Validate returns an error that names a value out of its range.
func (c PredictorConfig) Validate() error {
	c = c.WithDefaults()
	for _, v := range []struct {
		name         string
		value, least int
	}{
		{"max_context", c.MaxContext, 1}, {"texts", c.Texts, 1}, {"contexts", c.Contexts, 1}, {"questions", c.Questions, 1},
		{"pretrain", c.Pretrain, -1}, {"steps", c.Steps, -1},
	} {
		if v.value < v.least || v.value > math.MaxInt32 {
			return fmt.Errorf("rlpf: predictor: %s %d is out of range", v.name, v.value)
		}
	}
	if !(c.MadeUp >= -1 && c.MadeUp <= 1) {
		return fmt.Errorf("rlpf: predictor: made_up %g is not a share from 0 to 1, or -1 for none", c.MadeUp)
	}
	if !(c.LR > 0 && c.LR < 1) {
		return errors.New("rlpf: predictor: lr must be between 0 and 1")
	}
	return c.Model.Validate()
}

// invents reports whether example n of the questions about users is about one who is
// made up: the share of them, evenly spread.
func (c PredictorConfig) invents(n int) bool {
	return math.Floor(float64(n+1)*c.MadeUp) > math.Floor(float64(n)*c.MadeUp)
}

// NewPredictor returns an untrained predictor, its weights drawn from r.
func NewPredictor(r *rand.PCG, l *Language, c PredictorConfig) (*Predictor, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	c.Model.Vocab = l.Tok.Vocab() + ownTokens
	m := lm.New(r, c.Model)
	m.Embed.Weight = startEmbeddings(r, l, c.Model.Vocab, m.Config.Dim)
	return &Predictor{Model: m, Lang: l, Config: c}, nil
}

// OtherPredictor returns the configuration of the second predictor, whose
// judgement tells whether summaries inform or please the first one only: its
// shape and its wording are others, and it is to be trained with another seed and
// on another choice of users, real and made up.
func OtherPredictor() PredictorConfig {
	return PredictorConfig{
		Model:   lm.Config{Dim: 48, Layers: 3, Heads: 3, KVHeads: 1, FFN: 128, RopeTheta: 1000},
		Wording: otherWording,
	}
}

var otherWording = Wording{Known: "It is known:", Nothing: "Nothing is known.", Option: "perhaps ", AskLast: true}
