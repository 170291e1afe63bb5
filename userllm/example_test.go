package userllm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/userllm"
	"github.com/noema-ml/noema/userllm/history"
)

// data is a small synthetic data set; see history.Open for real ones.
var data = history.Synthetic(history.SyntheticConfig{Seed: 1, Users: 20, Items: 40, Events: 12})

// trained returns a folder with a finished run.
func trained() string {
	dir, err := os.MkdirTemp("", "noema-example-")
	if err == nil {
		err = trainIn(context.Background(), dir)
	}
	if err != nil {
		log.Fatal(err)
	}
	return dir
}

// trainIn trains a very small model in the folder dir.
func trainIn(ctx context.Context, dir string) error {
	config := userllm.Config{Seed: 1, Vocab: 300, Plan: userllm.Plan{LMItems: 64, EncoderWindows: 32, Windows: 32}}
	config.Model.Encoder = userllm.EncoderConfig{Dim: 16, Layers: 1, Length: 10}
	config.Model.LM = lm.Config{Dim: 16, Layers: 2}

	experiment := userllm.NewExperiment(data, 1, config.Seed)
	run, err := userllm.NewRun(ctx, dir, filepath.Join(dir, "cache"), config, experiment)
	if err != nil {
		return err
	}
	if _, err := run.Model(ctx); err != nil { // pretrains, joins and trains
		return err
	}
	return run.Describe() // what Load needs beside the weights
}

func ExampleLoad() {
	dir := trained()
	defer os.RemoveAll(dir)
	recommender, err := userllm.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(recommender.Items()), "items, the first is", recommender.Items()[0].Title)
	// Output: 40 items, the first is Summit of the Jungle (1990)
}

func ExampleRecommender_Recommend() {
	dir := trained()
	defer os.RemoveAll(dir)
	recommender, err := userllm.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	events := []history.Event{
		{Item: 3, Rating: 4, Time: 1_700_000_000},
		{Item: 12, Rating: 5, Time: 1_700_086_400},
	}
	best, err := recommender.Recommend(context.Background(), events, 5)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range best {
		if r.Item.ID == 3 || r.Item.ID == 12 || r.Score > 0 {
			fmt.Println("an item that was seen, or more than certain:", r)
		}
	}
	fmt.Println(len(best), "titles")
	// Output: 5 titles
}

// A user's embeddings are computed once, asked as often as wanted, and brought
// up to date as events arrive.
func ExampleUser_Append() {
	dir := trained()
	defer os.RemoveAll(dir)
	recommender, err := userllm.Load(dir)
	if err != nil {
		log.Fatal(err)
	}
	user, err := recommender.User([]history.Event{{Item: 3, Rating: 4, Time: 1_700_000_000}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("embeddings", user.Memory().Shape())
	if err := user.Append(history.Event{Item: 12, Rating: 5, Time: 1_700_086_400}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("embeddings", user.Memory().Shape())
	// Output:
	// embeddings [1 16]
	// embeddings [2 16]
}

// A run trains in stages that can be interrupted: begun again in the same
// folder, it goes on where it was.
func ExampleNewRun() {
	dir := trained() // see above
	defer os.RemoveAll(dir)
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	// Output:
	// encoder.safetensors
	// lm.safetensors
	// tokenizer.json
	// user-llm.safetensors
	// userllm.json
}
