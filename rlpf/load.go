package rlpf

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/internal/file"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// Load returns the summariser that a finished Run left in the folder dir. It
// needs rlpf.json, tokenizer.json and rlpf.safetensors there, and nothing of
// the data that it was trained on.
func Load(dir string) (*Summariser, error) {
	a, lang, err := readDescribed(dir)
	if err != nil {
		return nil, fmt.Errorf("rlpf: load: %w", err)
	}
	m, err := readPolicy(dir, policyName, a.Config, lang)
	if err != nil {
		return nil, fmt.Errorf("rlpf: load: %w", err)
	}
	return &Summariser{Model: m, Lang: lang, History: a.Config.Ask.History, Tokens: a.Config.Tokens}, nil
}

// readDescribed reads what Describe has left in the folder dir, and the language
// of the run there.
func readDescribed(dir string) (*about, *Language, error) {
	a, err := readAbout(dir)
	if err != nil {
		return nil, nil, err
	}
	if err := a.check(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Join(dir, aboutFile), err)
	}
	a.Config = a.Config.WithDefaults()
	d := &history.Dataset{Name: a.Name, Items: a.Items, Genres: a.Genres, HasRatings: a.HasRatings, HasTimes: a.HasTimes}
	lang, err := readLanguage(filepath.Join(dir, tokenizerFile), d)
	return a, lang, err
}

// readPolicy reads the policy that a stage of a run with the configuration c,
// defaults included, has left in the folder dir.
func readPolicy(dir, stage string, c Config, lang *Language) (*lm.Model, error) {
	c.Model.Vocab = lang.Tok.Vocab()
	weights := filepath.Join(dir, stage+weightsExt)
	st, err := os.Stat(weights)
	if err != nil {
		return nil, file.Explain("read", weights, err)
	}
	// A size that rlpf.json claims is believed once the weights are as many. They
	// are stored in two bytes at least.
	shape := c.Model.WithDefaults()
	dim := float64(shape.Dim)
	layer := dim*dim + 3*dim*float64(shape.FFN)
	if shape.CrossEvery > 0 {
		layer += dim * float64(shape.MemoryDim) / float64(shape.CrossEvery)
	}
	if n := float64(shape.Vocab)*dim + float64(shape.Layers)*layer; 2*n > float64(st.Size()) {
		return nil, fmt.Errorf("%s: too small for the model that %s describes", weights, aboutFile)
	}
	m := lm.New(stream(c.Seed, "policy"), c.Model)
	return m, train.LoadModel(weights, m)
}

// check returns an error if the description does not fit together.
func (a *about) check() error {
	if err := a.Config.Validate(); err != nil {
		return err
	}
	for i, item := range a.Items {
		if int(item.ID) != i {
			return fmt.Errorf("item %d has the number %d", i, item.ID)
		}
		for _, g := range item.Genres {
			if g < 0 || int(g) >= len(a.Genres) {
				return fmt.Errorf("item %d has genre %d; there are %d", i, g, len(a.Genres))
			}
		}
	}
	return nil
}
