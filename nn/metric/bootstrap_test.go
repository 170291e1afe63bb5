package metric_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/noema-ml/noema/nn/metric"
	"github.com/stretchr/testify/require"
)

func pcg() *rand.PCG { return rand.NewPCG(1, 2) }

// The intervals are those of 400,000 resamples with NumPy 2.4:
// d = rng.integers(0, C, (400000, C)); num[d].sum(1) / den[d].sum(1), then
// np.percentile(…, [2.5, 97.5]).
func TestBootstrapAgainstNumPy(t *testing.T) {
	var values []float64
	var cluster []int32
	for c := range 40 { // unequal sizes 1 to 5
		for range c%5 + 1 {
			i := len(values)
			values = append(values, float64(i*7%11)/10+float64(c%3)*.2)
			cluster = append(cluster, int32(1000-c))
		}
	}
	got := metric.Bootstrap(values, cluster, pcg(), 100_000)
	require.InDelta(t, 0.6941666666666666, got.Value, 1e-12)
	require.InDelta(t, 0.62857143, got.Low, 1e-3)
	require.InDelta(t, 0.75932203, got.High, 1e-3)

	var num, den []float64
	for i := range 30 {
		num = append(num, float64(i*13%17+1))
		den = append(den, float64(i%4+1))
	}
	got = metric.BootstrapRatio(num, den, nil, pcg(), 100_000)
	require.InDelta(t, 3.589041095890411, got.Value, 1e-12)
	require.InDelta(t, 2.92, got.Low, 1e-2)
	require.InDelta(t, 4.36764706, got.High, 1e-2)
}

func TestBootstrapIsDeterministic(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 9}
	cluster := []int32{7, 7, -3, 0, 0, 0}
	require.Equal(t, metric.Bootstrap(values, cluster, pcg(), 500), metric.Bootstrap(values, cluster, pcg(), 500))
	require.Equal(t, metric.Paired(values, make([]float64, 6), cluster, pcg(), 500), metric.Paired(values, make([]float64, 6), cluster, pcg(), 500))
}

func TestBootstrapEdges(t *testing.T) {
	got := metric.Bootstrap(nil, nil, pcg(), 10)
	require.True(t, math.IsNaN(got.Value) && math.IsNaN(got.Low) && math.IsNaN(got.High))
	require.Equal(t, metric.Interval{Value: 2, Low: 2, High: 2}, metric.Bootstrap([]float64{1, 3}, []int32{5, 5}, pcg(), 10))
	require.Equal(t, metric.Interval{Value: 1, Low: 1, High: 1}, metric.Bootstrap([]float64{1, 1, 1}, nil, pcg(), 10))
	d := metric.Paired(nil, nil, nil, pcg(), 10)
	require.True(t, math.IsNaN(d.Value) && math.IsNaN(d.P))
}

// Clusters of identical items are one observation each: the interval must be
// as wide as that of one item a cluster.
func TestBootstrapRespectsClusters(t *testing.T) {
	r := rand.New(pcg())
	var once, often []float64
	var cluster []int32
	for c := range 200 {
		x := r.NormFloat64()
		once = append(once, x)
		for range 10 {
			often = append(often, x)
			cluster = append(cluster, int32(c))
		}
	}
	want := metric.Bootstrap(once, nil, pcg(), 2000)
	got := metric.Bootstrap(often, cluster, pcg(), 2000)
	require.InDelta(t, want.Low, got.Low, 1e-9)
	require.InDelta(t, want.High, got.High, 1e-9)
	naive := metric.Bootstrap(often, nil, pcg(), 2000)
	require.Less(t, naive.High-naive.Low, 0.5*(got.High-got.Low))
}

func TestPaired(t *testing.T) {
	// Enumerating all 1,024 sign flips of the ten clusters' differences
	// (0 4 0 2 3 2 2 2 2 1) gives 8 at least as far out: p = 0.0078125.
	a := []float64{5, 3, 6, 2, 7, 4, 8, 1, 9, 6, 5, 7, 3, 8, 6, 4, 7, 5, 2, 9}
	b := []float64{4, 4, 3, 1, 6, 5, 5, 2, 6, 6, 3, 7, 4, 5, 5, 3, 6, 4, 3, 7}
	var cluster []int32
	for i := range a {
		cluster = append(cluster, int32(i/2))
	}
	d := metric.Paired(a, b, cluster, pcg(), 200_000)
	require.InDelta(t, 0.9, d.Value, 1e-12)
	require.InDelta(t, 0.0078125, d.P, 1e-3)
	require.Positive(t, d.Low)
	// The other way round is the same comparison.
	e := metric.Paired(b, a, cluster, pcg(), 200_000)
	require.InDelta(t, -0.9, e.Value, 1e-12)
	require.Equal(t, d.P, e.P)
	require.InDelta(t, -d.High, e.Low, 1e-12)

	require.Equal(t, 1.0, metric.Paired(a, a, cluster, pcg(), 100).P)
	// 0.1 and 0.2 do not add up exactly; every flip that ties must count.
	require.Equal(t, 1.0, metric.Paired([]float64{.1, .2, -.3}, []float64{0, 0, 0}, []int32{1, 1, 2}, pcg(), 100).P)
}

func BenchmarkBootstrap(b *testing.B) {
	values := make([]float64, 48_000)
	cluster := make([]int32, len(values))
	for i := range values {
		values[i], cluster[i] = float64(i%3), int32(i/8)
	}
	for b.Loop() {
		metric.Bootstrap(values, cluster, pcg(), 1000)
	}
}

func BenchmarkPaired(b *testing.B) {
	values := make([]float64, 6000)
	zero := make([]float64, 6000)
	for i := range values {
		values[i] = float64(i%3) - 1
	}
	for b.Loop() {
		metric.Paired(values, zero, nil, pcg(), 1000)
	}
}

func ExamplePaired() {
	// Hits of two methods on the same five items of three users.
	ours := []float64{1, 1, 0, 1, 1}
	theirs := []float64{1, 0, 0, 0, 1}
	user := []int32{7, 7, 8, 9, 9}
	fmt.Println(metric.Paired(ours, theirs, user, rand.NewPCG(1, 0), 2000))
	// Output: 0.400 [0.000, 0.500], p = 0.481
}
