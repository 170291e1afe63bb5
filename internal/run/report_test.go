package run

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample is a report like one of a real run.
func sample() Report {
	r := rand.New(rand.NewPCG(1, 2))
	loss := func(n int, from, to, noise float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = to + (from-to)*math.Exp(-5*float64(i)/float64(n)) + noise*r.NormFloat64()
		}
		return y
	}
	var rows []Row
	for i, m := range []string{"user-llm", "dual-encoder", "textprompt", "cooccurrence", "popularity"} {
		for k, metric := range []string{"recall@1", "recall@5", "recall@10"} {
			v := (0.06 + 0.06*float64(k)) / (1 + 0.35*float64(i))
			rows = append(rows, Row{Dataset: "synthetic", Task: "next_item", Method: m, Metric: metric, Value: v, N: 610, Seeds: 1}.Within(v*0.85, v*1.15))
		}
		rows = append(rows,
			Row{Task: "next_item", Method: m, Metric: "flops", Value: 3.2e9 / float64(i*i*40+1)},
			Row{Task: "next_item", Method: m, Metric: "ms", Value: 31.7 / float64(i+1)})
	}
	genres := []string{"Drama", "Comedy", "Action", "Thriller", "Horror", "Children's", "Sci-Fi", "Romance", "Film-Noir", "War"}
	var ps []Point
	for i := range 610 {
		g := int(math.Abs(r.NormFloat64()) * 3.2)
		g = min(g, len(genres)-1)
		a := float64(g) * 0.7
		ps = append(ps, Point{3*math.Cos(a) + r.NormFloat64(), 2*math.Sin(a) + r.NormFloat64(), genres[g], fmt.Sprintf("user %d", i)})
	}
	config, _ := ConfigTable(struct {
		Dataset, Fusion, Strategy string
		Model                     struct{ Dim, Layers int }
		LearningRate              float64
	}{"synthetic", "cross", "full", struct{ Dim, Layers int }{128, 4}, 3e-4})
	bars := ResultBars(rows, "next_item", "user-llm", "recall@1", "recall@5", "recall@10")
	bars.Label = "recall"
	bars.Note = "Whiskers: 95 % bootstrap intervals, clustered by user."
	task := "next_item"
	return Report{
		Title: "User-LLM on synthetic",
		Lead:  "A user encoder contextualises a small language model; 610 users, ten withheld targets each.",
		Foot:  "commit 0123456789abcdef · AMD EPYC, 2 cores, linux/amd64 · go1.26",
		Sections: []Section{
			{"Results", []Block{
				Pivot(rows, Metric{task, "recall@1", ""}, Metric{task, "recall@5", ""}, Metric{task, "recall@10", ""}, Metric{task, "flops", "FLOPs"}, Metric{task, "ms", ""}),
				bars}},
			{"Training", []Block{
				LineChart{Title: "Stage 1 and 2", XLabel: "step", YLabel: "loss", Series: []Series{
					{Name: "train", Y: loss(3000, 6.2, 2.1, .18)}, {Name: "validation", X: []float64{1, 500, 1000, 1500, 2000, 2500, 3000}, Y: loss(7, 6.1, 2.3, 0)}},
					Note: "Faint: each step. Bold: running mean."},
				LineChart{Title: "Three methods", XLabel: "examples", YLabel: "loss", LogY: true, Series: []Series{
					{Name: "user-llm", Y: loss(600, 9, .5, .02)}, {Name: "dual-encoder", Y: loss(600, 7, .9, .02)}, {Name: "textprompt", Y: loss(600, 8, .88, .05)}}},
			}},
			{"User embeddings", []Block{
				Text{Body: "Each dot is a user, projected onto the first two principal components.\n\nThe colour is the favourite genre of the user's history."},
				Scatter{Title: "Users by favourite genre", Points: ps}}},
			{"Configuration", []Block{config, Text{Mono: true, Body: "<prompt> The user likes\n  Heat & Casino"}}},
		},
	}
}

func render(t *testing.T, r Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, r.Write(&b))
	d := xml.NewDecoder(bytes.NewReader(b.Bytes()))
	ids := map[string]bool{}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "the page is not well-formed")
		if e, ok := tok.(xml.StartElement); ok {
			require.NotEqual(t, "script", e.Name.Local)
			for _, a := range e.Attr {
				if a.Name.Local == "id" {
					require.False(t, ids[a.Value], "id %s twice", a.Value)
					ids[a.Value] = true
				}
				switch name := a.Name.Local; {
				case name == "href", name == "src", strings.HasPrefix(name, "on"):
					t.Fatalf("attribute %s: the page must stand alone", name)
				case name == "class", name == "aria-label":
				case strings.Contains(a.Value, "NaN"), strings.Contains(a.Value, "Inf"), strings.Contains(a.Value, "e+"):
					t.Fatalf("%s of %s: %.60s", name, e.Name.Local, a.Value)
				}
			}
		}
	}
	return b.String()
}

func TestReport(t *testing.T) {
	page := render(t, sample())
	for _, want := range []string{"<h1>User-LLM on synthetic</h1>", "&lt;prompt&gt;", "Heat &amp; Casino", "prefers-color-scheme:dark", "0.060 (0.051–0.069)", "recall@10", "Model.Dim", "2 others"} {
		require.Contains(t, page, want)
	}
	require.Equal(t, page, render(t, sample()), "the same report must give the same page")
	if path := os.Getenv("NOEMA_SAMPLE_REPORT"); path != "" {
		require.NoError(t, sample().WriteFile(path))
	}
}

// Whatever stands in the data, the page is well-formed and no text becomes
// markup.
func TestReportHostileInput(t *testing.T) {
	evil := "\"><script>alert(1)</script>&'\x00\xff\u2028"
	nan, inf := math.NaN(), math.Inf(1)
	values := [][]float64{nil, {}, {1}, {nan}, {inf, -inf}, {0, 0}, {1e308, -1e308}, {math.MaxFloat64}, {5e-324, 1e-320}, {1e15, 1e15 + 1},
		{nan, 1, nan, 2, 3, nan}, {-1, -2, -3}, {1e-9, 2e-9}, {0, 1e-310}, make([]float64, 5000)}
	for _, ys := range values {
		for _, log := range []bool{false, true} {
			var bars []Bar
			var points []Point
			for i, y := range ys {
				bars = append(bars, Bar{Label: evil, Value: y, Low: nan, High: y}, Bar{Value: 1, Low: y, High: inf})
				points = append(points, Point{X: y, Y: ys[len(ys)-1-i], Category: evil, Label: evil})
			}
			page := render(t, Report{Title: evil, Lead: evil, Foot: evil, Sections: []Section{{evil, []Block{
				LineChart{Title: evil, XLabel: evil, YLabel: evil, LogY: log, Note: evil, Series: []Series{{Name: evil, Y: ys}, {Name: evil, X: ys, Y: ys}, {X: ys[:len(ys)/2], Y: ys}}},
				BarChart{Title: evil, Label: evil, Note: evil, Groups: []BarGroup{{Name: evil, Bars: bars}, {}}},
				Scatter{Title: evil, Points: points, Note: evil},
				Table{Title: evil, Columns: []string{evil}, Rows: [][]string{{evil, evil}, {}}, Note: evil},
				Text{Body: evil}, Text{Body: evil, Mono: true}}}}})
			require.NotContains(t, page, "<script")
		}
	}
	render(t, Report{})
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		log    bool
		want   string
	}{
		{0, 1, false, "0 0.2 0.4 0.6 0.8 1.0"},
		{-3, 7, false, "−2 0 2 4 6"},
		{2.1, 2.6, false, "2.1 2.2 2.3 2.4 2.5 2.6"},
		{0, 3000, false, "0 1000 2000 3000"},
		{0, 120000, false, "0 50 k 100 k"},
		{5, 5, false, "4.6 4.8 5.0 5.2 5.4"},
		{0.01, 100, true, "0.01 0.1 1 10 100"},
		{1, 30, true, "1 2 5 10 20"},
		{2, 4, true, "2.0 2.5 3.0 3.5 4.0"},
	} {
		a := newAxis(c.lo, c.hi, 0, 100, c.log)
		got := strings.Join(tickLabels(a.ticks(5)), " ")
		require.Equal(t, c.want, got, "%v to %v", c.lo, c.hi)
	}
	// Every axis has few ticks, all inside.
	for _, hi := range []float64{1e-300, 1e-12, 0.3, 17, 1e9, 1e300, math.MaxFloat64} {
		for _, lo := range []float64{-math.MaxFloat64, -hi, 0, hi / 2, hi} {
			for _, log := range []bool{false, true} {
				a := newAxis(lo, hi, 0, 100, log).nice(5)
				ticks := a.ticks(5)
				require.Less(t, len(ticks), 20)
				for _, v := range ticks {
					require.InDelta(t, 50, a.at(v), 51, "lo %v hi %v log %v tick %v", lo, hi, log, v)
				}
			}
		}
	}
}

func TestRunningMean(t *testing.T) {
	nan := math.NaN()
	got := runningMean([]float64{1, 2, 6, nan, 8}, 3)
	require.Equal(t, []float64{1.5, 3, 4}, got[:3])
	require.True(t, math.IsNaN(got[3]))
	require.Equal(t, 8.0, got[4])
}

func TestThinKeepsSpikesAndEnds(t *testing.T) {
	n := 12345
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	y[777] = 100
	keep := thin(y)
	tx, ty := at(x, keep), at(y, keep)
	require.LessOrEqual(t, len(tx), 1002)
	require.Equal(t, 0.0, tx[0])
	require.Equal(t, float64(n-1), tx[len(tx)-1])
	require.Contains(t, ty, 100.0)
}

func TestSpread(t *testing.T) {
	require.Equal(t, []float64{10, 26, 42}, spread([]float64{10, 11, 12}, 16, 0, 200))
	require.Equal(t, []float64{184, 200}, spread([]float64{199, 200}, 16, 0, 200))
}

func TestPCA2(t *testing.T) {
	// Points on the line (3, 4)·s lie on the first component, at distance 5 s.
	var rows [][]float64
	for s := -2.0; s <= 2; s++ {
		rows = append(rows, []float64{3*s + 1, 4*s - 7, 5})
	}
	rows = append(rows, []float64{math.NaN(), 0, 0})
	got := PCA2(rows)
	for i, s := range []float64{-2, -1, 0, 1, 2} {
		require.InDelta(t, 5*s, got[i][0], 1e-12)
		require.InDelta(t, 0, got[i][1], 1e-12)
	}
	require.True(t, math.IsNaN(got[5][0]))
	for _, rows := range [][][]float64{nil, {{}}, {{}, {}}, {{1, 2}}, {{1}, {2}, {4}}, {{0, 0}, {0, 0}}, {{1e308, 0}, {-1e308, 1e308}}} {
		for _, p := range PCA2(rows) {
			require.True(t, isFinite(p[0]) && isFinite(p[1]), "%v: %v", rows, p)
		}
	}
	require.Panics(t, func() { PCA2([][]float64{{1}, {1, 2}}) })
}

func TestBandIsDrawnBetweenLowAndHigh(t *testing.T) {
	nan := math.NaN()
	var b strings.Builder
	LineChart{Smooth: -1, Series: []Series{{
		Name: "median", Y: []float64{1, 2, 3, 4}, Low: []float64{0, 1, nan, 3}, High: []float64{2, 3, 4, 5},
	}}}.html(&b, 0)
	require.Equal(t, 1, strings.Count(b.String(), `class="band f0"`))
	band := b.String()[strings.Index(b.String(), `class="band`):]
	require.Equal(t, 1, strings.Count(band[:strings.Index(band, "/>")], "Z"), "a gap on one side leaves the stretches at it out")
}
