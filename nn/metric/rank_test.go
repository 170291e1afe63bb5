package metric_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/noema-ml/noema/nn/metric"
	"github.com/noema-ml/noema/tensor"
	"github.com/stretchr/testify/require"
)

func TestRank(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		scores []float64
		target int
		want   int
	}{
		{[]float64{1}, 0, 1},
		{[]float64{1, 3, 2}, 1, 1},
		{[]float64{1, 3, 2}, 0, 3},
		{[]float64{2, 2, 2, 1}, 0, 3}, // ties are ahead
		{[]float64{0, 0, 0}, 2, 3},
		{[]float64{nan, 1, 0}, 1, 2}, // so is NaN
		{[]float64{nan, 1, 0}, 0, 3},
		{[]float64{-inf, 1, -inf}, 1, 1},
		{[]float64{inf, 1, inf}, 1, 3},
	} {
		require.Equal(t, tt.want, metric.Rank(tt.scores, tt.target), "%v", tt)
	}
}

// The values are those of scikit-learn 1.9.1: top_k_accuracy_score, ndcg_score
// and label_ranking_average_precision_score.
func TestRankingAgainstSklearn(t *testing.T) {
	scores := []float32{
		.1, .5, .3, .9, .2,
		.7, .1, .6, .2, .4,
		.2, .3, .1, .4, .8,
		.9, .8, .7, .6, .5,
	}
	ranks := metric.Ranks(scores, 5, []int32{1, 0, 2, 3})
	require.Equal(t, []int{2, 1, 5, 4}, ranks)
	for k, want := range map[int]float64{0: 0, 1: 0.25, 2: 0.5, 3: 0.5, 5: 1} {
		require.InDelta(t, want, metric.RecallAt(ranks, k), 1e-15, "k=%d", k)
	}
	for k, want := range map[int]float64{0: 0, 1: 0.25, 3: 0.4077324383928643, 5: 0.612114779719848} {
		require.InDelta(t, want, metric.NDCGAt(ranks, k), 1e-15, "k=%d", k)
	}
	require.InDelta(t, 0.4875, metric.MRR(ranks), 1e-15)
	for k, want := range map[int]float64{2: 0.8710490642551527, 3: 0.9777813616305048, 6: 0.9608081943360616, 99: 0.9608081943360616} {
		require.InDelta(t, want, metric.NDCG([]float64{3, 2, 3, 0, 1, 2}, k), 1e-15, "k=%d", k)
	}
}

func TestNotFound(t *testing.T) {
	require.Equal(t, 0, metric.Position([]string{"a", "b"}, "c"))
	require.Zero(t, metric.Hit(0, 5))
	require.Zero(t, metric.Gain(0, 5))
	require.Zero(t, metric.ReciprocalRank(0))
}

func TestEmpty(t *testing.T) {
	for name, got := range map[string]float64{
		"RecallAt":    metric.RecallAt(nil, 1),
		"NDCGAt":      metric.NDCGAt(nil, 1),
		"MRR":         metric.MRR(nil),
		"NDCG":        metric.NDCG(nil, 1),
		"NDCG zeros":  metric.NDCG([]float64{0, 0}, 1),
		"Accuracy":    metric.Accuracy[int](nil, nil),
		"Perplexity":  metric.Perplexity(0, 0),
		"BitsPerByte": metric.BitsPerByte(0, 0),
	} {
		require.True(t, math.IsNaN(got), name)
	}
}

func TestShapePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"target low":  func() { metric.Rank([]float32{1}, -1) },
		"target high": func() { metric.Rank([]float32{1}, 1) },
		"rows":        func() { metric.Ranks([]float32{1, 2, 3}, 2, []int32{0}) },
		"accuracy":    func() { metric.Accuracy([]int{1}, nil) },
		"cluster":     func() { metric.Bootstrap([]float64{1}, []int32{}, nil, 1) },
		"resamples":   func() { metric.Bootstrap([]float64{1}, nil, nil, 0) },
		"ratio":       func() { metric.BootstrapRatio([]float64{1}, nil, nil, nil, 1) },
		"paired":      func() { metric.Paired([]float64{1}, nil, nil, nil, 1) },
	} {
		err := tensor.Try(func() error { f(); return nil })
		require.Error(t, err, name)
	}
}

func TestLikelihood(t *testing.T) {
	require.Equal(t, 0.75, metric.Accuracy([]string{"a", "b", "c", "d"}, []string{"a", "b", "c", "x"}))
	require.InDelta(t, 50257, metric.Perplexity(7*math.Log(50257), 7), 1e-6) // uniform
	require.InDelta(t, 8, metric.BitsPerByte(3*math.Log(256), 3), 1e-12)
}

func ExampleRank() {
	scores := []float32{0.1, 0.7, 0.7, -0.2}
	fmt.Println(metric.Rank(scores, 1), metric.Rank(scores, 0))
	ranks := []int{1, 4, 2, 12}
	fmt.Printf("recall@1 %.2f, recall@10 %.2f, NDCG@10 %.2f, MRR %.2f\n",
		metric.RecallAt(ranks, 1), metric.RecallAt(ranks, 10), metric.NDCGAt(ranks, 10), metric.MRR(ranks))
	// Output:
	// 2 3
	// recall@1 0.25, recall@10 0.75, NDCG@10 0.52, MRR 0.46
}
