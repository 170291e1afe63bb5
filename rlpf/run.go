package rlpf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/internal/file"
	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/userllm/history"
)

// Run is the training of RLPF and its rivals in a folder. Every stage leaves its
// weights there; one that was interrupted goes on from its last checkpoint, and
// one that is done is read back.
type Run struct {
	Dir    string
	Config Config
	Data   *history.Dataset
	People []history.Person // nil: nothing is known of them
	Users  Users
	Lang   *Language
	Asker  *Asker
	Origin *Origin // of the policy, which is tested here only; nil: it learns here
	Oracle Reader  // knows as much of the future as can be, or nearly; nil: there is none
	Tastes Reader  // answers from what is to be thought of the user's tastes; nil: there is none

	Log   func(msg string)                                            // what begins
	Start func(stage string, step, of int)                            // a stage begins or goes on after step; may be nil
	Step  func(stage string, step, of int, values map[string]float64) // a step is done; may be nil
}

// NewRun begins or continues the training of c on a data set in the folder dir,
// which must exist. people is what the users say of themselves, or nil. Who
// tests is drawn by split (see DivideUsers), a seed of its own, so that runs with
// other seeds are tested on the same users. If the folder has taken its policy from
// another run (TakePolicy), c is changed to what the policy was trained with.
func NewRun(ctx context.Context, dir string, c Config, d *history.Dataset, people []history.Person, split uint64) (*Run, error) {
	taken, err := origin(dir)
	if err != nil {
		return nil, err
	}
	if taken != nil {
		c = taken.fit(c)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.WithDefaults()
	r := &Run{Dir: dir, Config: c, Data: d, People: people, Origin: taken, Log: func(string) {}}
	if r.Users, err = DivideUsers(d, c.Ask, c.Exam.Places, split); err != nil {
		return nil, err
	}
	if r.Asker, err = NewAsker(d, r.Users, c.Ask, people); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, tokenizerFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		l, err := NewLanguage(ctx, d, WordsFor(d), c.Vocab)
		if err != nil {
			return nil, err
		}
		if err := file.WriteWith(path, l.Tok.Save); err != nil {
			return nil, err
		}
	}
	// Read back also where it was just made: a run is the same from its
	// beginning as from its middle.
	r.Lang, err = readLanguage(path, d)
	return r, err
}

func readLanguage(path string, d *history.Dataset) (*Language, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, file.Explain("read", path, err)
	}
	tok, err := tokenizer.Load(bytes.NewReader(text))
	if err == nil {
		var l *Language
		if l, err = OpenLanguage(d, WordsFor(d), tok); err == nil {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

// ShareReaders copies what judges the policies of a run to the folder of another
// seed of it: the tokenizer, the language model that all start from and both
// predictors, which it trains if they are not there yet. They stand for models
// that are given; a seed is a warm start, reinforcement learning and rivals of
// its own. What methods that know nothing of these came to is copied too, once
// tested. Files that are there are kept. What is the same for all seeds does not
// show in how their results differ.
func (r *Run) ShareReaders(ctx context.Context, dir string) error {
	if _, err := r.Predictor(ctx); err != nil {
		return err
	}
	if _, err := r.Second(ctx); err != nil {
		return err
	}
	names := []string{tokenizerFile, lmName + weightsExt, predictorName + weightsExt, secondName + weightsExt}
	for _, method := range given {
		if _, err := os.Stat(filepath.Join(r.Dir, outcomesFile(method))); err == nil {
			names = append(names, outcomesFile(method))
		}
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			continue
		}
		if err := copyFile(dir, r.Dir, name); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies the file of that name from a folder to another one, whole or
// not at all.
func copyFile(to, from, name string) error {
	path := filepath.Join(from, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return file.Explain("read", path, err)
	}
	path = filepath.Join(to, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return file.Explain("create", filepath.Dir(path), err)
	}
	return file.Write(path, data)
}

// The files of a run folder beside the weights.
const (
	aboutFile     = "rlpf.json"
	tokenizerFile = "tokenizer.json"
	weightsExt    = ".safetensors" // behind the name of a stage
)

// about is what Load needs to know beside the weights.
type about struct {
	Config     Config         `json:"config"`
	Name       string         `json:"name"`
	Items      []history.Item `json:"items"`
	Genres     []string       `json:"genres"`
	HasRatings bool           `json:"has_ratings"`
	HasTimes   bool           `json:"has_times"`
}

// Describe writes what Load needs beside the weights.
func (r *Run) Describe() error {
	d := r.Data
	a := about{Config: r.Config, Name: d.Name, Items: d.Items, Genres: d.Genres, HasRatings: d.HasRatings, HasTimes: d.HasTimes}
	return file.WriteWith(filepath.Join(r.Dir, aboutFile), func(w io.Writer) error { return json.NewEncoder(w).Encode(a) })
}

func readAbout(dir string) (*about, error) {
	path := filepath.Join(dir, aboutFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, file.Explain("read", path, err)
	}
	a := new(about)
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("%s: %w (damaged, or written by another version)", path, err)
	}
	return a, nil
}
