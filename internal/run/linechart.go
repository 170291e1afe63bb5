package run

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Series is one curve. X and Y have one length; X nil counts 1, 2, 3, ….
// A point that is NaN or infinite, or not positive on a logarithmic axis,
// makes a gap.
type Series struct {
	Name string
	X, Y []float64
	// Low and High, of Y's length, bound a band around the curve, such as the
	// spread over seeds, which is drawn as it is; nil: none.
	Low, High []float64
}

// A LineChart draws curves over a common horizontal axis: the raw values
// faintly and a running mean over them. Each curve is labelled at its end.
type LineChart struct {
	Title, XLabel, YLabel string
	LogY                  bool
	Smooth                int // points in the running mean; 0 = a fortieth of the curve, below 0 = none
	Series                []Series
	Note                  string
}

// curve is a series made ready: finite points in the order of x.
type curve struct {
	name      string
	x, y      []float64 // y is NaN at gaps
	low, high []float64 // nil, or a band
	smooth    []float64
	smoothed  bool
	lastX     float64
	lastValue float64
}

func (c LineChart) html(b *strings.Builder, n int) {
	curves := c.curves()
	if len(curves) == 0 {
		empty(b, c.Title)
		return
	}
	const w, h, top, bottom = 850.0, 340.0, 26.0, 44.0
	xlo, xhi, ylo, yhi := bounds(curves)
	if !c.LogY && ylo > 0 && ylo < 0.35*yhi { // near zero: show zero
		ylo = 0
	}
	if !c.LogY {
		pad := 0.03 * (yhi - ylo)
		if ylo != 0 {
			ylo -= pad
		}
		yhi += pad
	} else {
		ylo, yhi = ylo/1.08, yhi*1.08
	}
	y := newAxis(ylo, yhi, h-bottom, top, c.LogY).nice(5)
	yticks := y.ticks(5)
	labels := tickLabels(yticks)
	left, right := 16.0, 24.0
	for _, s := range labels {
		left = max(left, textWidth(s)+14)
	}
	direct := len(curves) > 1
	if direct {
		for _, s := range curves {
			right = max(right, 1.1*textWidth(shorten(s.name, 28))+16) // bold
		}
	}
	x := newAxis(xlo, xhi, left, w-right, false)

	b.WriteString("<figure>\n")
	heading(b, c.Title)
	g := svg{b}
	id := "chart" + strconv.Itoa(n)
	g.open(id, w, h, c.alt(curves))
	for i, v := range yticks {
		g.line("g", left, y.at(v), w-right, y.at(v))
		g.text("t", "end", left-8, y.at(v)+4, labels[i])
	}
	xticks := x.ticks(7)
	for i, s := range tickLabels(xticks) {
		g.line("a", x.at(xticks[i]), h-bottom, x.at(xticks[i]), h-bottom+4)
		g.text("t", "middle", x.at(xticks[i]), h-bottom+18, s)
	}
	g.line("a", left, h-bottom, w-right, h-bottom)
	g.text("t", "middle", (left+w-right)/2, h-6, c.XLabel)
	ylabel := c.YLabel
	if c.LogY {
		ylabel += " (log)"
	}
	g.text("t", "start", 0, 12, ylabel)
	fmt.Fprintf(g, "<clipPath id=\"%s-clip\"><rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/></clipPath>\n<g clip-path=\"url(#%s-clip)\">\n",
		id, px(left), px(top-2), px(w-right-left+2), px(h-bottom-top+3), id)
	for i, s := range curves {
		if s.low != nil {
			g.band(fmt.Sprintf("band f%d", i%colours), s, x, y)
		}
		if s.smoothed {
			g.path(fmt.Sprintf("raw s%d", i%colours), s.x, s.y, x, y)
		}
	}
	for i, s := range curves {
		g.path(fmt.Sprintf("curve s%d", i%colours), s.x, s.smooth, x, y)
	}
	g.WriteString("</g>\n")
	if direct {
		at := make([]float64, len(curves))
		for i, s := range curves {
			at[i] = y.at(s.lastValue)
		}
		for i, py := range spread(at, 16, top, h-bottom) {
			g.text(fmt.Sprintf("b f%d", i%colours), "start", w-right+8, py+4, shorten(curves[i].name, 28))
		}
	}
	g.close()
	note(b, c.Note)
	b.WriteString("</figure>\n")
}

func (c LineChart) alt(curves []curve) string {
	var s []string
	for _, k := range curves {
		s = append(s, k.name+" ends at "+Format(k.lastValue))
	}
	return strings.TrimPrefix(c.Title+": ", ": ") + strings.Join(s, ", ")
}

func (c LineChart) curves() []curve {
	var out []curve
	for _, s := range c.Series {
		k := curve{name: s.Name}
		banded := len(s.Low) == len(s.Y) && len(s.High) == len(s.Y)
		for i, v := range s.Y {
			at := float64(i + 1)
			if i < len(s.X) {
				at = s.X[i]
			}
			if !isFinite(at) || s.X != nil && i >= len(s.X) {
				continue
			}
			k.x, k.y = append(k.x, at), append(k.y, c.shown(v))
			if banded {
				k.low, k.high = append(k.low, c.shown(s.Low[i])), append(k.high, c.shown(s.High[i]))
			}
		}
		window := c.Smooth
		if window == 0 && len(k.y) >= 80 {
			window = len(k.y) / 40
		}
		k.smooth = k.y
		if window > 1 {
			k.smooth, k.smoothed = runningMean(k.y, window), true
		}
		if keep := thin(k.y); keep != nil {
			k.x, k.y, k.smooth, k.low, k.high = at(k.x, keep), at(k.y, keep), at(k.smooth, keep), at(k.low, keep), at(k.high, keep)
		}
		i := len(k.y) - 1
		for i >= 0 && math.IsNaN(k.smooth[i]) {
			i--
		}
		if i >= 0 {
			k.lastX, k.lastValue = k.x[i], k.smooth[i]
			out = append(out, k)
		}
	}
	return out
}

// shown returns v as it can be drawn, NaN if it cannot.
func (c LineChart) shown(v float64) float64 {
	if !isFinite(v) || c.LogY && v <= 0 {
		return math.NaN()
	}
	return max(-limit, min(v, limit))
}

// runningMean averages each point with its neighbours, window points in all
// and fewer at the ends, and skips gaps; a gap stays one.
func runningMean(y []float64, window int) []float64 {
	out := make([]float64, len(y))
	half := window / 2
	for i := range y {
		sum, n := 0.0, 0.0
		for _, v := range y[max(0, i-half):min(len(y), i+half+1)] {
			if !math.IsNaN(v) {
				n++
				sum += (v - sum) / n // a mean that cannot overflow
			}
		}
		out[i] = sum
		if math.IsNaN(y[i]) {
			out[i] = math.NaN()
		}
	}
	return out
}

// thin returns the places of at most about a thousand points, nil if there are
// no more: of every stretch the lowest and the highest value, so that spikes
// survive.
func thin(y []float64) (keep []int) {
	const most = 1000
	if len(y) <= most {
		return nil
	}
	size := (2*len(y) + most - 1) / most
	for lo := 0; lo < len(y); lo += size {
		hi := min(lo+size, len(y))
		a, z := lo, lo
		for i := lo; i < hi; i++ {
			if y[i] < y[a] || math.IsNaN(y[a]) {
				a = i
			}
			if y[i] > y[z] || math.IsNaN(y[z]) {
				z = i
			}
		}
		pick := []int{min(a, z), max(a, z)}
		if hi == len(y) {
			pick = append(pick, len(y)-1)
		}
		keep = append(keep, slices.Compact(pick)...)
	}
	return keep
}

// at returns the values at the given places; nil stays nil.
func at(values []float64, places []int) []float64 {
	if values == nil {
		return nil
	}
	out := make([]float64, len(places))
	for i, p := range places {
		out[i] = values[p]
	}
	return out
}

// bounds returns the ranges to show: the whole of the smoothed curves, and of
// the raw ones all but the outermost hundredth where there are many points, so
// that one spike does not flatten the rest.
func bounds(curves []curve) (xlo, xhi, ylo, yhi float64) {
	xlo, ylo = math.Inf(1), math.Inf(1)
	xhi, yhi = math.Inf(-1), math.Inf(-1)
	add := func(vs []float64) {
		for _, v := range vs {
			if !math.IsNaN(v) {
				ylo, yhi = min(ylo, v), max(yhi, v)
			}
		}
	}
	for _, c := range curves {
		for _, v := range c.x {
			xlo, xhi = min(xlo, v), max(xhi, v)
		}
		add(c.smooth)
		add(c.low)
		add(c.high)
		raw := slices.DeleteFunc(slices.Clone(c.y), math.IsNaN)
		slices.Sort(raw)
		if cut := len(raw) / 100; c.smoothed {
			raw = raw[cut : len(raw)-cut]
		}
		add(raw)
	}
	return xlo, xhi, ylo, yhi
}

// path draws a curve, broken at gaps; a point between two gaps is a dot.
func (g svg) path(class string, xs, ys []float64, x, y axis) {
	var d strings.Builder
	for i, v := range ys {
		if math.IsNaN(v) {
			continue
		}
		begin := i == 0 || math.IsNaN(ys[i-1])
		end := i == len(ys)-1 || math.IsNaN(ys[i+1])
		if begin {
			d.WriteByte('M')
		} else {
			d.WriteByte('L')
		}
		d.WriteString(px(x.at(xs[i])) + " " + px(y.at(v)))
		if begin && end {
			d.WriteString("h.01") // with round caps, a dot
		}
	}
	fmt.Fprintf(g, "<path class=%q d=%q/>\n", class, d.String())
}

// band fills what lies between a curve's low and high, but for gaps.
func (g svg) band(class string, c curve, x, y axis) {
	var d strings.Builder
	for i := 1; i < len(c.x); i++ {
		if v := c.low[i-1] + c.high[i-1] + c.low[i] + c.high[i]; !math.IsNaN(v) {
			fmt.Fprintf(&d, "M%s %sL%s %sL%s %sL%s %sZ", px(x.at(c.x[i-1])), px(y.at(c.low[i-1])), px(x.at(c.x[i])), px(y.at(c.low[i])),
				px(x.at(c.x[i])), px(y.at(c.high[i])), px(x.at(c.x[i-1])), px(y.at(c.high[i-1])))
		}
	}
	fmt.Fprintf(g, "<path class=%q d=%q/>\n", class, d.String())
}

// spread moves labels at the heights at apart to at least gap pixels, as
// little as it can and within lo and hi; the order stays.
func spread(at []float64, gap, lo, hi float64) []float64 {
	order := make([]int, len(at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case at[a] < at[b]:
			return -1
		case at[a] > at[b]:
			return 1
		}
		return 0
	})
	out := slices.Clone(at)
	next := lo
	for _, i := range order {
		out[i] = max(out[i], next)
		next = out[i] + gap
	}
	last := hi
	for _, i := range slices.Backward(order) {
		out[i] = min(out[i], last)
		last = out[i] - gap
	}
	return out
}
