package metric_test

import (
	"fmt"
	"testing"

	"github.com/noema-ml/noema/nn/metric"
	"github.com/stretchr/testify/require"
)

// The values are those of Google's rouge_score 0.1.2 (RougeScorer without
// stemmer): precision, recall, F-measure.
func TestRouge(t *testing.T) {
	for _, tt := range []struct {
		candidate, reference string
		l, sum               metric.Overlap
	}{
		{"the cat sat on the mat", "The cat was on the mat, today.",
			metric.Overlap{0.8333333333333334, 0.7142857142857143, 0.7692307692307692},
			metric.Overlap{0.8333333333333334, 0.7142857142857143, 0.7692307692307692}},
		{"The user likes crime films.\nThey rate old films high.",
			"They rate films from the 1940s high.\nThe user, a student, likes crime.\nfilms films",
			metric.Overlap{0.6, 0.4, 0.48}, metric.Overlap{0.9, 0.6, 0.7200000000000001}},
		{"w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5",
			metric.Overlap{0.4, 0.8, 0.5333333333333333}, metric.Overlap{0.4, 0.8, 0.5333333333333333}},
		{"A-B c2 it's Über", "a b C2 its uber",
			metric.Overlap{0.5, 0.6, 0.5454545454545454}, metric.Overlap{0.5, 0.6, 0.5454545454545454}},
		{"a b c d", "w x y z", metric.Overlap{}, metric.Overlap{}},
		{"", "a b", metric.Overlap{}, metric.Overlap{}},
		{"a b", "", metric.Overlap{}, metric.Overlap{}},
		{"日本", "日本", metric.Overlap{}, metric.Overlap{}},
	} {
		for name, pair := range map[string][2]metric.Overlap{
			"L":    {tt.l, metric.RougeL(tt.candidate, tt.reference)},
			"Lsum": {tt.sum, metric.RougeLsum(tt.candidate, tt.reference)},
		} {
			require.InDelta(t, pair[0].Precision, pair[1].Precision, 1e-15, "%s %q", name, tt.candidate)
			require.InDelta(t, pair[0].Recall, pair[1].Recall, 1e-15, "%s %q", name, tt.candidate)
			require.InDelta(t, pair[0].F1, pair[1].F1, 1e-15, "%s %q", name, tt.candidate)
		}
	}
}

func ExampleRougeLsum() {
	o := metric.RougeLsum("Likes crime films.\nRates old films high.", "The user likes old crime films.")
	fmt.Printf("P %.2f R %.2f F1 %.2f\n", o.Precision, o.Recall, o.F1)
	// Output: P 0.57 R 0.67 F1 0.62
}
