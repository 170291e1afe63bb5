package rlpf_test

import (
	"context"
	"fmt"
	"log"

	"github.com/noema-ml/noema/rlpf"
	"github.com/noema-ml/noema/userllm/history"
)

// A template sums up a history by rule; whatever a summary claims can be held to
// the history.
func ExampleTemplate_Write() {
	data := history.Synthetic(history.SyntheticConfig{Seed: 1, Users: 20})
	language, err := rlpf.NewLanguage(context.Background(), data, rlpf.WordsFor(data), 800)
	if err != nil {
		log.Fatal(err)
	}
	events := data.Users[0].Events[:50]

	template := rlpf.Template{Parts: []rlpf.Part{
		{Fact: rlpf.MostGenres, Count: 2},
		{Fact: rlpf.MostDecades, Count: 1},
		{Fact: rlpf.LastTitles, Count: 2, Brief: true},
	}}
	summary := template.Write(language, events, nil)
	fmt.Println(summary)

	right, claims := rlpf.Factuality(language, summary, events)
	fmt.Printf("%d of %d claims are right\n", right, claims)
	// Output:
	// Mostly watches Drama and Fantasy. Mostly from the 1970s. Recently watched The Quiet House; Kingdom of the Wizard.
	// 5 of 5 claims are right
}
