package userllm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/nn/tokenizer"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

// The files of a trained run that Load reads, beside the weights.
const (
	aboutFile     = "userllm.json"
	tokenizerFile = "tokenizer.json"
	modelName     = "user-llm"
)

// about is what the weights alone do not say.
type about struct {
	Config     Config         `json:"config"`
	Name       string         `json:"dataset"`
	Items      []history.Item `json:"items"`
	Genres     []string       `json:"genres"`
	HasRatings bool           `json:"has_ratings"`
	HasTimes   bool           `json:"has_times"`
}

// Recommender is a trained User-LLM, ready to answer. It is safe for concurrent
// use.
type Recommender struct {
	cat     *Catalogue
	model   *Model
	config  Config
	readers sync.Pool // of *contextual
	byKey   map[string]int32
}

// Load opens the run folder dir of a finished training. It returns an error
// that names the file if one is missing, damaged or does not fit the others.
func Load(dir string) (*Recommender, error) {
	a, err := readAbout(dir)
	if err != nil {
		return nil, err
	}
	cat, err := a.catalogue(dir)
	if err != nil {
		return nil, err
	}
	weights := filepath.Join(dir, modelName+".safetensors")
	info, err := os.Stat(weights)
	if err != nil {
		return nil, fmt.Errorf("userllm: is the run in %s finished? %w", dir, err)
	}
	c := a.Config.Model.LM
	c.Vocab = cat.Tok.Vocab()
	// A number of the weights takes two bytes at least.
	if n := a.Config.Model.numParams(c.Vocab, len(a.Items), len(a.Genres)); 2*n > float64(info.Size()) {
		return nil, fmt.Errorf("userllm: %s describes a model of %.0f numbers, more than the %d bytes of %s hold", filepath.Join(dir, aboutFile), n, info.Size(), weights)
	}
	r := &Run{Config: a.Config, Cat: cat}
	e := NewEncoder(stream(0, ""), a.Config.Model.Encoder, cat.Data)
	m := lm.New(stream(0, ""), c)
	e.Titles = newTitles(stream(0, ""), len(a.Items), m.Config.Dim, e.Dim())
	if a.Config.Model.Kind == "dual" {
		e.dropHeads()
	}
	u, err := r.join(e, m)
	if err != nil {
		return nil, fmt.Errorf("userllm: %s: %w", filepath.Join(dir, aboutFile), err)
	}
	if err := train.LoadModel(weights, u); err != nil {
		return nil, fmt.Errorf("userllm: %w", err)
	}
	return newRecommender(u, cat, a.Config), nil
}

func newRecommender(u *Model, cat *Catalogue, c Config) *Recommender {
	r := &Recommender{cat: cat, model: u, config: c, byKey: make(map[string]int32, len(cat.Data.Items))}
	r.readers.New = func() any { return newContextual(u, cat, c.Beam) }
	for i, item := range cat.Data.Items {
		r.byKey[item.Key] = int32(i)
	}
	return r
}

// readAbout reads what a run folder says of itself.
func readAbout(dir string) (*about, error) {
	path := filepath.Join(dir, aboutFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("userllm: no run in %s: %w", dir, err)
	}
	a := new(about)
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("userllm: %s: %w", path, err)
	}
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("userllm: %s: %w", path, err)
	}
	a.Config = a.Config.WithDefaults()
	return a, nil
}

// catalogue makes the catalogue with the tokenizer in the folder dir.
func (a *about) catalogue(dir string) (*Catalogue, error) {
	path := filepath.Join(dir, tokenizerFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("userllm: %w", err)
	}
	tok, err := tokenizer.Load(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("userllm: %s: %w", path, err)
	}
	d := &history.Dataset{Name: a.Name, Items: a.Items, Genres: a.Genres, HasRatings: a.HasRatings, HasTimes: a.HasTimes}
	cat, err := NewCatalogue(d, tok)
	if err != nil {
		return nil, fmt.Errorf("userllm: %s: %w", path, err)
	}
	return cat, nil
}

// check makes sure that what the file says cannot lead out of range.
func (a *about) check() error {
	if err := a.Config.Validate(); err != nil {
		return err
	}
	for i, item := range a.Items {
		if item.ID != int32(i) {
			return fmt.Errorf("item %d has id %d", i, item.ID)
		}
		for _, g := range item.Genres {
			if g < 0 || int(g) >= len(a.Genres) {
				return fmt.Errorf("item %d has genre %d of %d", i, g, len(a.Genres))
			}
		}
	}
	return nil
}

// Item returns the item with the given key of the data set.
func (r *Recommender) Item(key string) (history.Item, bool) {
	i, ok := r.byKey[key]
	if !ok {
		return history.Item{}, false
	}
	return r.cat.Data.Items[i], true
}

// Items returns the catalogue. The result must not be changed.
func (r *Recommender) Items() []history.Item { return r.cat.Data.Items }

// Recommendation is an item that a user may take to next.
type Recommendation struct {
	Item  history.Item
	Score float64 // log-probability of its title, at most 0
}

// Recommend returns the k most probable next items for a user with this
// history, oldest event first, leaving out what the history holds. Fewer come
// back if the search, as wide as the run's beam, finds fewer: at least one for
// each title that it ends with. Empty histories are answered by
// what the model holds likely of anyone. It returns an error if an event's
// item is not in the catalogue or ctx is cancelled.
func (r *Recommender) Recommend(ctx context.Context, events []history.Event, k int) ([]Recommendation, error) {
	u, err := r.User(events)
	if err != nil {
		return nil, err
	}
	return u.Recommend(ctx, k)
}

// User is a user's history with its embeddings, computed once. Its methods may
// be called at the same time, except Append.
type User struct {
	r      *Recommender
	events []history.Event
	seen   map[int32]bool
	memory *tensor.Tensor   // [1, n, width]; nil: no events
	vector func() []float64 // Embedding's, computed at the first call
}

// User computes the embeddings of a history, oldest event first. It returns an
// error if an event's item is not in the catalogue.
func (r *Recommender) User(events []history.Event) (*User, error) {
	u := &User{r: r, seen: map[int32]bool{}}
	return u, u.Append(events...)
}

// Append adds later events and brings the embeddings up to date. On an error
// nothing is added.
func (u *User) Append(events ...history.Event) error {
	for _, e := range events {
		if e.Item < 0 || int(e.Item) >= len(u.r.cat.Data.Items) {
			return fmt.Errorf("userllm: item %d is not in the catalogue of %d", e.Item, len(u.r.cat.Data.Items))
		}
	}
	u.events = append(slices.Clone(u.events), events...)
	for _, e := range events {
		u.seen[e.Item] = true
	}
	s := autograd.Inference()
	defer s.Close()
	u.memory = u.r.model.recall(s, u.events)
	all := u.events
	u.vector = sync.OnceValue(func() []float64 { return u.r.model.UserEmbedding(all) })
	return nil
}

// Memory returns the embeddings that the language model reads, [n, width]: one
// for each of the last events or, with a Perceiver, one for each latent. It is
// nil without events.
func (u *User) Memory() *tensor.Tensor {
	if u.memory == nil {
		return nil
	}
	return u.memory.Squeeze(0).Clone()
}

// Embedding returns one vector for the user: the encoder's state after the last
// event, [dim], or nil without events.
func (u *User) Embedding() []float64 {
	return slices.Clone(u.vector())
}

// Recommend is Recommender.Recommend for this user.
func (u *User) Recommend(ctx context.Context, k int) ([]Recommendation, error) {
	a := u.r.readers.Get().(*contextual)
	defer u.r.readers.Put(a)
	ranking, err := a.next(ctx, a.question(NextItem, u.memory), u.seen)
	if err != nil {
		return nil, err
	}
	var out []Recommendation
	for _, s := range ranking[:min(max(k, 0), len(ranking))] {
		out = append(out, Recommendation{u.r.cat.Data.Items[s.Item], s.Score})
	}
	return out, nil
}

// Genre answers FavGenre or FavGenreNext for this user with the name of a
// genre, "" if there is none.
func (u *User) Genre(ctx context.Context, t Task) (string, error) {
	if t != FavGenre && t != FavGenreNext {
		return "", fmt.Errorf("userllm: %v is not a question about genres", t)
	}
	a := u.r.readers.Get().(*contextual)
	defer u.r.readers.Put(a)
	g, err := a.reader.genre(ctx, a.question(t, u.memory))
	if err != nil || g < 0 {
		return "", err
	}
	return u.r.cat.Data.Genres[g], nil
}
