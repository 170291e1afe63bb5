package history_test

import (
	"fmt"

	"github.com/noema-ml/noema/userllm/history"
)

// Timelines are split by time; what an encoder reads of a test target's history
// are indices, padded on the right.
func Example() {
	d := history.Synthetic(history.SyntheticConfig{Seed: 1})
	split := &history.Split{Dataset: d, Held: 1, Valid: 1, MinHistory: 5}
	features := history.NewFeatures(d)

	user := 0
	for _, pos := range split.TestTargets(user) {
		past := split.History(user, pos)
		input := features.Encode(past, 100)
		fmt.Println(input.Len, "events before, in", len(input.Items), "places")
		for _, e := range past[len(past)-3:] {
			fmt.Println(d.Items[e.Item].Title, e.Rating)
		}
		fmt.Println("next:", d.Items[split.Target(user, pos).Item].Title)
		for _, g := range d.FavGenres(past) {
			fmt.Println("favourite:", d.Genres[g])
		}
	}
	// Output:
	// 61 events before, in 100 places
	// Bitter Promise (1984) 5
	// Amber Melody III (1997) 4
	// Mercy of the Promise IV (1958) 4.5
	// next: Wounded Letter (1973)
	// favourite: Drama
}
