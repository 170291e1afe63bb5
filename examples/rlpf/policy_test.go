package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/optim/train"
	"github.com/noema-ml/noema/rlpf"
	"github.com/noema-ml/noema/userllm/history"
)

// writeYelp writes a data set of places to the folder dir.
func writeYelp(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o755))
	places := map[string]map[string]string{}
	d := history.Synthetic(history.SyntheticConfig{Seed: 3, Users: 60, Items: 150, Events: 30})
	for i, item := range d.Items {
		var categories []string
		for _, g := range item.Genres {
			categories = append(categories, d.Genres[g])
		}
		places[strconv.Itoa(i)] = map[string]string{"title": item.Title, "description": strings.Join(categories, ", ")}
	}
	text, err := json.Marshal(places)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Yelp.item.json"), text, 0o644))
	var visits strings.Builder
	for i, u := range d.Users {
		fmt.Fprint(&visits, i+1)
		for _, e := range u.Events {
			fmt.Fprint(&visits, " ", e.Item+1)
		}
		fmt.Fprintln(&visits)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Yelp.txt"), []byte(visits.String()), 0o644))
}

// learnFilms makes a finished run on synthetic data in the folder dir, as short
// as can be, and returns the hash of its policy.
func learnFilms(t *testing.T, dir string) string {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o755))
	c := rlpf.Config{Seed: 1, Vocab: 400, Tokens: 16, BestOf: 2}
	c.Ask.History = 12
	c.Model.Dim, c.Model.Layers = 16, 1
	c.Predictor = rlpf.PredictorConfig{Pretrain: 1, Steps: 1, Texts: 1, Contexts: 1}
	c.Warm = rlpf.WarmConfig{Steps: 2, Histories: 2, Summaries: 1}
	c.Reward.LengthReward = rlpf.LengthReward{Weight: 0.5, Cap: 0.02, Slope: 0.01, Length: 10}
	c.RL.Method, c.RL.Steps, c.RL.Prompts, c.RL.Samples = "rloo", 1, 16, 2
	ctx := context.Background()
	d, _ := rlpf.SyntheticData(1, true)
	r, err := rlpf.NewRun(ctx, dir, c, d, nil, 1)
	require.NoError(t, err)
	policy, err := r.Policy(ctx)
	require.NoError(t, err)
	_, err = r.BestOfN(ctx)
	require.NoError(t, err)
	require.NoError(t, r.Describe())
	return train.WeightsSHA256(policy)
}

func TestShareUsers(t *testing.T) {
	require.True(t, shareUsers("yelp", "yelp"))
	require.True(t, shareUsers("ml-25m", "ml-latest-small"))
	require.False(t, shareUsers("ml-1m", "yelp"))
	require.False(t, shareUsers("synthetic", "ml-1m"))
}

// The policies of a finished run are tested on data of another kind, on which
// nothing but predictors is trained.
func TestPolicyOfOtherData(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run")
	}
	home := t.TempDir()
	writeYelp(t, filepath.Join(home, "yelp"))
	sha256 := learnFilms(t, filepath.Join(home, "films"))

	over := filepath.Join(home, "places")
	ended(t, command(home, "-quick", "-data", "yelp", "-policy", "films", "-seed", "4", "-out", over))
	tested := results(t, filepath.Join(over, "results.json"))
	require.Equal(t, sha256, tested.WeightsSHA256)
	config := tested.Config.(map[string]any)
	require.Equal(t, filepath.Join(home, "films"), config["policy"])
	require.Equal(t, "synthetic", config["policy_data"])
	require.Equal(t, 0.5, config["length_weight"])
	require.Equal(t, "rloo", config["method"])
	require.EqualValues(t, 20, config["run"].(map[string]any)["ask"].(map[string]any)["history"])
	have := map[string]bool{}
	for _, row := range tested.Results {
		require.Equal(t, "yelp", row.Dataset)
		have[row.Task+" "+row.Method+" "+row.Metric] = true
	}
	for _, method := range rlpf.Methods[:12] {
		require.True(t, have["future_activity "+method+" accuracy"], method)
		require.True(t, have["fav_genre "+method+" accuracy-transfer"], method)
	}
	stages := map[any]bool{}
	for _, line := range lines(t, filepath.Join(over, "metrics.jsonl")) {
		stages[line["stage"]] = true
	}
	require.Equal(t, map[any]bool{"lm": true, "predictor": true, "second-lm": true, "second-predictor": true}, stages)
	page, err := os.ReadFile(filepath.Join(over, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "RLPF on yelp, policy trained on synthetic")

	// It stands on its own from then on.
	require.NoError(t, os.Rename(filepath.Join(home, "films"), filepath.Join(home, "elsewhere")))
	require.NoError(t, os.RemoveAll(filepath.Join(over, "outcomes")))
	ended(t, command(home, "-resume", over))
	again := results(t, filepath.Join(over, "results.json"))
	require.Equal(t, tested.Results, again.Results)

	for _, k := range []struct{ args, says string }{
		{"-quick -data yelp -policy elsewhere -seeds 2", "has the policies of 1"},
		{"-quick -policy elsewhere", "other data"},
		{"-quick -data yelp -policy places", "take it from there"},
	} {
		out, err := command(home, strings.Fields(k.args)...).CombinedOutput()
		require.Error(t, err, k.args)
		require.Contains(t, string(out), k.says)
	}
}
