package run

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Point is one dot of a Scatter.
type Point struct {
	X, Y     float64
	Category string
	Label    string // shown when the pointer rests on the dot; may be empty
}

// A Scatter draws dots coloured by category, with one scale for both axes. The
// most frequent categories get a colour and a line in the legend, the rest are
// grey. Axes carry no numbers: what counts is who is near whom.
type Scatter struct {
	Title  string
	Points []Point
	Note   string
}

// maxPoints bounds the page's size; of more points, evenly spaced ones are
// drawn.
const maxPoints = 4000

func (c Scatter) html(b *strings.Builder, n int) {
	var ps []Point
	for _, p := range c.Points {
		if isFinite(p.X) && isFinite(p.Y) {
			p.X, p.Y = max(-limit, min(p.X, limit)), max(-limit, min(p.Y, limit))
			ps = append(ps, p)
		}
	}
	if len(ps) == 0 {
		empty(b, c.Title)
		return
	}
	all := len(ps)
	names, counts := categories(ps)
	if all > maxPoints {
		kept := make([]Point, maxPoints)
		for i := range kept {
			kept[i] = ps[i*all/maxPoints]
		}
		ps = kept
	}
	const w, h, legend, pad = 850.0, 520.0, 210.0, 10.0
	x, y := plane(ps, pad, w-legend-pad, h-pad, pad)
	b.WriteString("<figure>\n")
	heading(b, c.Title)
	g := svg{b}
	g.open(fmt.Sprintf("chart%d", n), w, h, fmt.Sprintf("%s: %d points in %d categories", c.Title, all, len(counts)))
	fmt.Fprintf(g, "<rect class=\"g\" fill=\"none\" x=\".5\" y=\".5\" width=\"%s\" height=\"%s\" rx=\"6\"/>\n", px(w-legend-1), px(h-1))
	size := max(2.2, min(5, 90/math.Sqrt(float64(len(ps)))))
	for _, grey := range []bool{true, false} { // colours above grey
		for _, p := range ps {
			i := slices.Index(names, p.Category)
			if (i < 0) == grey {
				g.mark(i, x.at(p.X), y.at(p.Y), size, p)
			}
		}
	}
	others, ly := 0, 20.0
	key := func(i int, name string, n int) {
		g.mark(i, w-legend+24, ly-4, 5, Point{})
		g.text("", "start", w-legend+38, ly, shorten(name, 20))
		g.text("t", "end", w, ly, Format(float64(n)))
		ly += 24
	}
	for i, name := range names {
		label := name
		if label == "" {
			label = "(none)"
		}
		key(i, label, counts[name])
	}
	for name, n := range counts {
		if !slices.Contains(names, name) {
			others += n
		}
	}
	if others > 0 {
		key(-1, fmt.Sprintf("%d others", len(counts)-len(names)), others)
	}
	g.close()
	text := c.Note
	if all > maxPoints {
		text = strings.TrimSpace(fmt.Sprintf("%s %s of %s points are drawn.", text, thousands(maxPoints), thousands(int64(all))))
	}
	note(b, text)
	b.WriteString("</figure>\n")
}

// categories counts the points of each category and names the most frequent
// ones that get a colour, ties by name.
func categories(ps []Point) (names []string, counts map[string]int) {
	counts = map[string]int{}
	for _, p := range ps {
		if counts[p.Category]++; counts[p.Category] == 1 {
			names = append(names, p.Category)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return names[:min(len(names), colours)], counts
}

// plane makes two axes of one scale that show all points in the middle.
func plane(ps []Point, left, right, bottom, top float64) (x, y axis) {
	xlo, xhi, ylo, yhi := ps[0].X, ps[0].X, ps[0].Y, ps[0].Y
	for _, p := range ps {
		xlo, xhi, ylo, yhi = min(xlo, p.X), max(xhi, p.X), min(ylo, p.Y), max(yhi, p.Y)
	}
	width, height := right-left, bottom-top
	unit := max((xhi-xlo)/width, (yhi-ylo)/height) * 1.04 // value per pixel
	if size := max(math.Abs(xlo), math.Abs(xhi), math.Abs(ylo), math.Abs(yhi)); unit <= 1e-12*size || unit == 0 {
		unit = max(size, 1) / width
	}
	// Halves first: the sum of two limits stays finite, but their span may not.
	cx, cy := xlo/2+xhi/2, ylo/2+yhi/2
	x = axis{lo: cx - unit*width/2, hi: cx + unit*width/2, from: left, to: right}
	y = axis{lo: cy - unit*height/2, hi: cy + unit*height/2, from: bottom, to: top}
	return x, y
}

// mark draws a dot; its shape differs with its colour, so that the colour is
// not all that tells categories apart.
func (g svg) mark(i int, x, y, r float64, p Point) {
	tip := p.Category
	if p.Label != "" {
		tip = p.Label + " · " + p.Category
	}
	if tip != "" {
		tip = "<title>" + esc(tip) + "</title>"
	}
	class := fmt.Sprintf("p f%d", i)
	if i < 0 {
		class, r = "p fo", r*.85
	}
	switch i % 4 {
	case 1: // square
		fmt.Fprintf(g, "<path class=%q d=\"M%s %sh%sv%sh-%sz\">%s</path>\n", class, px(x-r*.9), px(y-r*.9), px(r*1.8), px(r*1.8), px(r*1.8), tip)
	case 2: // triangle
		fmt.Fprintf(g, "<path class=%q d=\"M%s %sL%s %sH%sz\">%s</path>\n", class, px(x), px(y-r*1.2), px(x+r*1.1), px(y+r*.8), px(x-r*1.1), tip)
	case 3: // diamond
		fmt.Fprintf(g, "<path class=%q d=\"M%s %sL%s %sL%s %sL%s %sz\">%s</path>\n", class, px(x), px(y-r*1.25), px(x+r*1.25), px(y), px(x), px(y+r*1.25), px(x-r*1.25), px(y), tip)
	default:
		fmt.Fprintf(g, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"%s\">%s</circle>\n", class, px(x), px(y), px(r), tip)
	}
}
