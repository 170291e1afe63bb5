package userllm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/internal/file"
	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/optim"
)

// NewRun begins or continues the training of c on the experiment's data in the
// folder dir, which must exist. The tokenizer and the pretrained language
// model are taken from the folder cache, or put there, under the hash of what
// they depend on.
func NewRun(ctx context.Context, dir, cache string, c Config, e *Experiment) (*Run, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("userllm: %w", err)
	}
	c = c.WithDefaults()
	r := &Run{Dir: dir, Cache: cache, Config: c, Exp: e, Log: func(string) {}}
	tok, err := cached(r, tokenizerFile, r.key("tokenizer", c.Vocab), func(path string) error {
		tok, err := TrainTokenizer(ctx, e.Split.Dataset, c.Vocab)
		if err != nil {
			return err
		}
		return file.WriteWith(path, tok.Save)
	}, func(path string) (*tokenizer.BPE, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		return tokenizer.Load(bytes.NewReader(text))
	})
	if err != nil {
		return nil, fmt.Errorf("userllm: tokenizer: %w", err)
	}
	if r.Cat, err = NewCatalogue(e.Split.Dataset, tok); err != nil {
		return nil, fmt.Errorf("userllm: %w", err)
	}
	return r, nil
}

// Describe writes what Load needs to know beside the weights.
func (r *Run) Describe() error {
	d := r.Exp.Split.Dataset
	a := about{Config: r.Config, Name: d.Name, Items: d.Items, Genres: d.Genres, HasRatings: d.HasRatings, HasTimes: d.HasTimes}
	return file.WriteWith(filepath.Join(r.Dir, aboutFile), func(w io.Writer) error {
		return json.NewEncoder(w).Encode(a)
	})
}

// ReadConfig returns the configuration that Describe wrote to the folder dir. If
// there is none, the error is an fs.ErrNotExist.
func ReadConfig(dir string) (Config, error) {
	a, err := readAbout(dir)
	if err != nil {
		return Config{}, err
	}
	return a.Config, nil
}

// cacheVersion is to be raised when the code makes something else of the same
// data and values: when it changes how the tokenizer or the language model is
// built or trained.
const cacheVersion = 1

// key names what a cached file depends on: the training data and the given
// values.
func (r *Run) key(values ...any) string {
	h := sha256.New()
	d := r.Exp.Split.Dataset
	fmt.Fprintln(h, cacheVersion, d.Name, d.Genres, optim.Tier())
	for _, item := range d.Items {
		fmt.Fprintln(h, item.Title, item.Genres)
	}
	for _, u := range r.Exp.Warm {
		for _, e := range r.Exp.Split.Train(u) {
			fmt.Fprintln(h, u, e.Item)
		}
	}
	json.NewEncoder(h).Encode(values)
	return fmt.Sprintf("%x", h.Sum(nil)[:12])
}

// Fingerprint is a hash of everything that the experiment knows: items, events,
// and who and what is withheld.
func (e *Experiment) Fingerprint() string {
	h := sha256.New()
	d := e.Split.Dataset
	fmt.Fprintln(h, d.Name, d.Genres, d.HasRatings, d.HasTimes, e.Split.Held, e.Split.Valid, e.Split.MinHistory, e.Cold)
	for _, item := range d.Items {
		fmt.Fprintf(h, "%q %q %v\n", item.Key, item.Title, item.Genres)
	}
	var b []byte
	for _, u := range d.Users {
		b = fmt.Appendf(b[:0], "%q %d\n", u.Key, len(u.Events))
		for _, ev := range u.Events {
			b = binary.LittleEndian.AppendUint32(b, uint32(ev.Item))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(ev.Rating))
			b = binary.LittleEndian.AppendUint64(b, uint64(ev.Time))
		}
		h.Write(b)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// cached returns what open reads from the run folder's file of that name. If
// it is not there it comes from the cache; if it is not there either, build
// makes it in the run folder and the cache gets a copy.
func cached[T any](r *Run, name, key string, build func(path string) error, open func(path string) (T, error)) (v T, err error) {
	path := filepath.Join(r.Dir, name)
	if _, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		store := filepath.Join(r.Cache, key+"-"+name)
		if r.measuring {
			err = build(path)
		} else if err = copyFile(path, store); errors.Is(err, fs.ErrNotExist) {
			if err = build(path); err != nil {
				return v, err
			}
			if err = os.MkdirAll(filepath.Dir(store), 0o755); err == nil {
				err = copyFile(store, path)
			}
		}
	}
	if err != nil {
		return v, err
	}
	if v, err = open(path); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return v, err
}

func copyFile(dst, src string) error {
	f, err := os.Open(src)
	if err != nil {
		return err
	}
	defer f.Close()
	return file.WriteWith(dst, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}
