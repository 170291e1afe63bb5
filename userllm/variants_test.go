package userllm

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/userllm/history"
)

// Every fusion and strategy trains, and loads as it was trained, also on data
// that has items and nothing else.
func TestVariants(t *testing.T) {
	if testing.Short() {
		t.Skip("several runs")
	}
	bare := tinyData()
	bare.Genres, bare.HasRatings, bare.HasTimes = nil, false, false
	for i := range bare.Items {
		bare.Items[i].Genres = nil
	}
	cache := t.TempDir()
	for name, k := range map[string]struct {
		model ModelConfig
		data  *history.Dataset
	}{
		"soft lora":       {ModelConfig{Fusion: "soft", Strategy: "lora"}, tinyData()},
		"soft perceiver":  {ModelConfig{Fusion: "soft", Strategy: "enc", Perceiver: 2}, tinyData()},
		"cross lora":      {ModelConfig{Fusion: "cross", Strategy: "lora", Gated: true}, tinyData()},
		"cross proj":      {ModelConfig{Fusion: "cross", Strategy: "proj", CrossEvery: 1}, tinyData()},
		"cross dual":      {ModelConfig{Kind: "dual", Fusion: "cross"}, tinyData()},
		"soft dual":       {ModelConfig{Kind: "dual", Fusion: "soft"}, tinyData()},
		"cross, no genre": {ModelConfig{Fusion: "cross"}, bare},
	} {
		t.Run(name, func(t *testing.T) {
			c, dir := tinyConfig(), t.TempDir()
			k.model.Encoder, k.model.LM = c.Model.Encoder, c.Model.LM
			c.Model, c.Plan = k.model, Plan{LMItems: 64, EncoderWindows: 16, Windows: 16}
			r, err := NewRun(t.Context(), dir, filepath.Join(cache, name), c, NewExperiment(k.data, tinyHeld, 1))
			require.NoError(t, err)
			u, err := r.Model(t.Context())
			require.NoError(t, err)
			require.NoError(t, r.Describe())
			back, err := Load(dir)
			require.NoError(t, err)
			require.Equal(t, train.WeightsSHA256(u), train.WeightsSHA256(back.model))
			events := k.data.Users[0].Events[:7]
			user, err := back.User(events)
			require.NoError(t, err)
			got, err := user.Recommend(t.Context(), 3)
			require.NoError(t, err)
			require.Len(t, got, 3)
			probes := thirds(r.Exp.Probes(c.Model.Encoder.Length))
			for _, method := range Methods {
				out, err := r.Test(context.Background(), method, probes[:10], func(int, int) {})
				require.NoError(t, err, method)
				require.Len(t, out, 10)
			}
			if k.data == bare {
				for _, p := range probes {
					require.Equal(t, NextItem, p.Task)
				}
				genre, err := user.Genre(t.Context(), FavGenre)
				require.NoError(t, err)
				require.Empty(t, genre)
			}
		})
	}
}
