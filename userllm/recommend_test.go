package userllm

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/userllm/history"
)

func loaded(t *testing.T) *Recommender {
	t.Helper()
	r, err := Load(tiny(t).dir)
	require.NoError(t, err)
	return r
}

// A loaded run has the weights that were trained, and answers as the test did.
func TestLoad(t *testing.T) {
	want, r, d := tiny(t), loaded(t), tinyData()
	require.Equal(t, want.hashes["user-llm"], train.WeightsSHA256(r.model))
	require.Equal(t, d.Items, r.Items())
	item, ok := r.Item(d.Items[7].Key)
	require.True(t, ok)
	require.Equal(t, d.Items[7], item)
	_, ok = r.Item("no such key")
	require.False(t, ok)
	asked := 0
	for i, p := range want.probes {
		events := d.Users[p.User].Events[:p.Pos]
		u, err := r.User(events)
		require.NoError(t, err)
		if p.Task != NextItem {
			genre, err := u.Genre(t.Context(), p.Task)
			require.NoError(t, err)
			right := false
			for _, g := range p.Genres {
				right = right || d.Genres[g] == genre
			}
			require.Equal(t, want.answers["user-llm"][i].Right, right)
			continue
		}
		asked++
		got, err := u.Recommend(t.Context(), 100)
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), 8)
		place := 0
		for k, g := range got {
			require.LessOrEqual(t, g.Score, 0.0)
			require.False(t, seenIn(events)[g.Item.ID])
			if k > 0 {
				require.LessOrEqual(t, g.Score, got[k-1].Score)
			}
			if g.Item.ID == p.Item {
				place = k + 1
			}
		}
		require.Equal(t, want.answers["user-llm"][i].Place, place)
	}
	require.Positive(t, asked)
}

func TestRecommendEdges(t *testing.T) {
	r, ctx := loaded(t), t.Context()
	got, err := r.Recommend(ctx, nil, 3) // an empty history
	require.NoError(t, err)
	require.Len(t, got, 3)
	u, err := r.User(nil)
	require.NoError(t, err)
	require.Nil(t, u.Memory())
	require.Nil(t, u.Embedding())
	for _, k := range []int{0, -1} {
		got, err = u.Recommend(ctx, k)
		require.NoError(t, err)
		require.Empty(t, got)
	}
	for _, item := range []int32{-1, int32(len(r.Items()))} {
		_, err = r.Recommend(ctx, []history.Event{{Item: 0}, {Item: item}}, 3)
		require.ErrorContains(t, err, "not in the catalogue")
		require.Error(t, u.Append(history.Event{Item: 0}, history.Event{Item: item}))
		require.Nil(t, u.Memory(), "nothing is added on an error")
	}
	_, err = u.Genre(ctx, NextItem)
	require.ErrorContains(t, err, "next_item")
	_, err = u.Genre(ctx, Task(9))
	require.Error(t, err)
	// Everything seen: nothing is left.
	var all []history.Event
	for i := range r.Items() {
		all = append(all, history.Event{Item: int32(i)})
	}
	got, err = r.Recommend(ctx, all, 3)
	require.NoError(t, err)
	require.Empty(t, got)
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err = r.Recommend(done, all[:3], 3)
	require.ErrorIs(t, err, context.Canceled)
}

// A user that grows is the same as one made of all events at once.
func TestAppend(t *testing.T) {
	r, events := loaded(t), tinyData().Users[3].Events
	u, err := r.User(events[:2])
	require.NoError(t, err)
	for i := 2; i < 30; i += 7 {
		require.NoError(t, u.Append(events[i:i+7]...))
		fresh, err := r.User(events[:i+7])
		require.NoError(t, err)
		require.Equal(t, fresh.Embedding(), u.Embedding())
		require.Equal(t, tensor.Data[float32](fresh.Memory()), tensor.Data[float32](u.Memory()))
		want, err := fresh.Recommend(t.Context(), 5)
		require.NoError(t, err)
		got, err := u.Recommend(t.Context(), 5)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Len(t, u.Embedding(), 8)
	require.Equal(t, []int{2, 8}, u.Memory().Shape(), "two latents as wide as the language model")
	tensor.Fill(u.Memory(), 0) // a copy
	require.NotZero(t, tensor.Data[float32](u.Memory())[0])
}

// Many goroutines may ask one Recommender, and one User, at a time.
func TestConcurrentUse(t *testing.T) {
	r, d := loaded(t), tinyData()
	want := make([][]Recommendation, 8)
	var err error
	for i := range want {
		want[i], err = r.Recommend(t.Context(), d.Users[i].Events, 5)
		require.NoError(t, err)
	}
	shared, err := r.User(d.Users[0].Events)
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range want {
		wg.Go(func() {
			got, err := r.Recommend(t.Context(), d.Users[i].Events, 5)
			if err != nil || !equal(want[i], got) {
				t.Errorf("user %d: %v %v, want %v", i, got, err, want[i])
			}
			got, err = shared.Recommend(t.Context(), 5)
			if err != nil || !equal(want[0], got) || len(shared.Embedding()) != 8 {
				t.Errorf("the shared user: %v %v, want %v", got, err, want[0])
			}
			if _, err := shared.Genre(t.Context(), FavGenre); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func equal(a, b []Recommendation) bool {
	for i := range a {
		if i >= len(b) || a[i].Item.ID != b[i].Item.ID || a[i].Score != b[i].Score {
			return false
		}
	}
	return len(a) == len(b)
}

// copyRun copies what Load reads into a folder of its own.
func copyRun(t testing.TB, from string) string {
	dir := t.TempDir()
	for _, name := range []string{aboutFile, tokenizerFile, modelName + ".safetensors"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	return dir
}

// Files that are missing, cut short or of another run give an error that names
// them.
func TestLoadDamaged(t *testing.T) {
	from := tiny(t).dir
	for _, name := range []string{aboutFile, tokenizerFile, modelName + ".safetensors"} {
		for kind, damage := range map[string]func(path string, text []byte) error{
			"missing":   func(path string, _ []byte) error { return os.Remove(path) },
			"empty":     func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o644) },
			"cut short": func(path string, text []byte) error { return os.WriteFile(path, text[:len(text)/2], 0o644) },
			"rubbish":   func(path string, _ []byte) error { return os.WriteFile(path, []byte("\x00\xff\x13rubbish"), 0o644) },
		} {
			dir := copyRun(t, from)
			path := filepath.Join(dir, name)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, damage(path, text))
			_, err = Load(dir)
			require.ErrorContains(t, err, path, "%s %s", kind, name)
			require.NotContains(t, err.Error(), "\n")
		}
	}
	_, err := Load(filepath.Join(from, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// What userllm.json claims cannot panic, nor make a model that is larger than
// the file of its weights.
func TestLoadHostile(t *testing.T) {
	dir := copyRun(t, tiny(t).dir)
	path := filepath.Join(dir, aboutFile)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, change := range []string{
		`config.model.encoder.dim=-4`, `config.model.encoder.dim=1000000`, `config.model.encoder.dim=4611686018427387904`, `config.model.encoder.dim=7`,
		`config.model.encoder.layers=-1`, `config.model.encoder.layers=1000`, `config.model.encoder.layers=1000000000`,
		`config.model.encoder.heads=3`, `config.model.encoder.heads=-2`, `config.model.encoder.length=-1`, `config.model.encoder.length=1000000`,
		`config.model.encoder.dropout=1`, `config.model.encoder.dropout=-0.5`,
		`config.model.lm.dim=-8`, `config.model.lm.dim=100000`, `config.model.lm.dim=9`, `config.model.lm.layers=-3`, `config.model.lm.layers=1000`,
		`config.model.lm.heads=3`, `config.model.lm.heads=-1`, `config.model.lm.kv_heads=5`, `config.model.lm.ffn=-1`, `config.model.lm.ffn=1000000`,
		`config.model.lm.rope_theta=-1`, `config.model.lm.max_len=-1`, `config.model.lm.vocab=-1`, `config.model.lm.untied=true`,
		`config.model.lm.cross_every=1`, `config.model.lm.memory_dim=4`, `config.model.lm.gated=true`,
		`config.model.perceiver=-1`, `config.model.perceiver=1000000`, `config.model.cross_every=-1`, `config.model.cross_every=1`,
		`config.model.lora_rank=-1`, `config.model.gated=true`, `config.model.fusion="both"`, `config.model.fusion="soft"`, `config.model.strategy="all"`, `config.model.strategy="lora"`,
		`config.beam=-1`, `config.titles=-1`, `config.vocab=-1`, `config.plan.windows=-1`, `config.model=[]`,
		`items=[]`, `items=null`, `items.0.ID=1`, `items.3.ID=-1`, `items.0.Genres=[99]`, `items.0.Genres=[-1]`, `items.0.Title=7`,
		`genres=[]`, `genres=["a"]`, `has_ratings=false`, `has_times=false`,
	} {
		where, value, _ := strings.Cut(change, "=")
		var about any
		require.NoError(t, json.Unmarshal(text, &about))
		set(about, strings.Split(where, "."), json.RawMessage(value))
		changed, err := json.Marshal(about)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, changed, 0o644))
		_, err = Load(dir)
		require.ErrorContains(t, err, dir, change)
	}
	require.NoError(t, os.WriteFile(path, text, 0o644))
	_, err = Load(dir)
	require.NoError(t, err)
}

// set replaces what the path leads to in decoded JSON.
func set(v any, path []string, value any) {
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 {
			v[path[0]] = value
		} else {
			set(v[path[0]], path[1:], value)
		}
	case []any:
		i := int(path[0][0] - '0')
		if len(path) == 1 {
			v[i] = value
		} else {
			set(v[i], path[1:], value)
		}
	}
}

// The estimate of a model's size never exceeds it, and does not miss much.
func TestNumParams(t *testing.T) {
	c := toyCatalogue()
	for _, cfg := range []ModelConfig{
		{}, {Gated: true, CrossEvery: 1}, {Perceiver: 3}, {Fusion: "soft"}, {Fusion: "soft", Perceiver: 2}, {Strategy: "lora", LoRARank: 3},
	} {
		cfg.Encoder = EncoderConfig{Dim: 32, Layers: 2, Heads: 2, Length: 20}
		cfg.LM = tinyConfig().Model.LM
		cfg.LM.Vocab, cfg.LM.Dim, cfg.LM.KVHeads = 50, 32, 1
		cfg = cfg.withDefaults()
		u, err := (&Run{Config: Config{Model: cfg}}).join(NewEncoder(pcg(), cfg.Encoder, c.Data), lm.New(pcg(), cfg.LM))
		require.NoError(t, err)
		total := 0
		for _, v := range values(u) {
			total += v.Len()
		}
		n := cfg.numParams(50, len(c.Data.Items), len(c.Data.Genres))
		require.LessOrEqual(t, n, float64(total))
		require.Greater(t, n, 0.8*float64(total))
	}
}

// FuzzLoad gives Load a userllm.json beside good files: it may fail, no more.
func FuzzLoad(f *testing.F) {
	run, err := tinyOnce()
	if err != nil {
		f.Fatal(err)
	}
	dir := copyRun(f, run.dir)
	path := filepath.Join(dir, aboutFile)
	text, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"config":{"model":{"encoder":{"dim":8}}},"items":[{"ID":0,"Title":"<|end|>","Genres":[0]}],"genres":["g"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if r, err := Load(dir); err == nil {
			if _, err := r.Recommend(t.Context(), []history.Event{{Item: 0}}, 2); err != nil {
				t.Log(err)
			}
		}
	})
}
