package run

import (
	"fmt"
	"math"
	"strings"
)

// A Bar is one horizontal bar. Low and High bound its interval; NaN or equal
// means none. A NaN value is shown as a dash.
type Bar struct {
	Label            string
	Value, Low, High float64
	Accent           bool   // coloured; the others are grey
	Text             string // instead of the formatted value
}

// A BarGroup is bars that are compared with each other, under one headline.
type BarGroup struct {
	Name string
	Bars []Bar
}

// A BarChart draws groups of horizontal bars on one axis from zero, each bar
// with its value and interval.
type BarChart struct {
	Title, Label string // Label: the axis
	Groups       []BarGroup
	Note         string
}

// ResultBars makes a chart of one task's metrics: a group a metric, a bar a
// method, in the order of rows. The method accent is coloured.
func ResultBars(rows []Row, task, accent string, metrics ...string) BarChart {
	c := BarChart{}
	for _, m := range metrics {
		g := BarGroup{Name: m}
		for _, r := range rows {
			if r.Task != task || r.Metric != m {
				continue
			}
			bar := Bar{Label: r.Method, Value: r.Value, Low: math.NaN(), High: math.NaN(), Accent: r.Method == accent, Text: FormatMetric(m, r.Value)}
			if r.HasInterval() {
				bar.Low, bar.High = *r.Low, *r.High
			}
			g.Bars = append(g.Bars, bar)
		}
		if len(g.Bars) > 0 {
			c.Groups = append(c.Groups, g)
		}
	}
	return c
}

func (bar Bar) hasInterval() bool {
	return isFinite(bar.Low) && isFinite(bar.High) && bar.Low < bar.High
}

func (bar Bar) text() string {
	if bar.Text != "" {
		return bar.Text
	}
	return Format(bar.Value)
}

func (c BarChart) html(b *strings.Builder, n int) {
	const w, row, gap, head, top, bottom = 850.0, 22.0, 14.0, 22.0, 4.0, 44.0
	lo, hi, left, right, h := 0.0, 0.0, 60.0, 40.0, top
	bars := 0
	for _, g := range c.Groups {
		if g.Name != "" {
			h += head
		}
		h += row*float64(len(g.Bars)) + gap
		for _, bar := range g.Bars {
			bars++
			left = max(left, textWidth(shorten(bar.Label, 32))+14)
			right = max(right, 1.1*textWidth(bar.text())+16) // some are bold
			for _, v := range []float64{bar.Value, bar.Low, bar.High} {
				if isFinite(v) {
					lo, hi = min(lo, v), max(hi, v)
				}
			}
		}
	}
	if bars == 0 {
		empty(b, c.Title)
		return
	}
	h += bottom - gap
	if lo == 0 && hi == 0 {
		hi = 1
	}
	x := newAxis(lo, hi, left, w-right, false)
	zero := x.at(0)
	base := h - bottom + 4

	b.WriteString("<figure>\n")
	heading(b, c.Title)
	g := svg{b}
	g.open(fmt.Sprintf("chart%d", n), w, h, c.alt())
	ticks := x.ticks(6)
	for i, s := range tickLabels(ticks) {
		g.line("g", x.at(ticks[i]), top, x.at(ticks[i]), base)
		g.text("t", "middle", x.at(ticks[i]), base+16, s)
	}
	g.text("t", "middle", (left+w-right)/2, h-6, c.Label)
	y := top
	for _, group := range c.Groups {
		if group.Name != "" {
			g.text("b", "start", 0, y+15, group.Name)
			y += head
		}
		for _, bar := range group.Bars {
			c.bar(g, bar, x, y, row)
			y += row
		}
		y += gap
	}
	g.line("a", zero, top, zero, base)
	g.close()
	note(b, c.Note)
	b.WriteString("</figure>\n")
}

func (c BarChart) bar(g svg, bar Bar, x axis, y, row float64) {
	mid := y + row/2
	class := "t"
	if bar.Accent {
		class = "b"
	}
	left := min(x.from, x.at(0)) - 8
	g.text(class, "end", x.from-8, mid+4, shorten(bar.Label, 32))
	if !isFinite(bar.Value) {
		g.text("t", "start", left+16, mid+4, bar.text())
		return
	}
	fill := "fb"
	if bar.Accent {
		fill = "f0"
	}
	a, z := min(x.at(0), x.at(bar.Value)), max(x.at(0), x.at(bar.Value))
	fmt.Fprintf(g, "<rect class=%q x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>\n",
		fill, px(a), px(y+3), px(max(z-a, .5)), px(row-6), esc(bar.Label+": "+bar.text()))
	end := z
	if bar.hasInterval() {
		l, r := x.at(bar.Low), x.at(bar.High)
		if hl, hr := max(l, a), min(r, z); hl < hr { // a halo, or it drowns in the bar
			g.line("h", hl, mid, hr, mid)
		}
		fmt.Fprintf(g, "<path class=\"w\" d=\"M%s %sH%sM%s %sv6M%s %sv6\"/>\n", px(l), px(mid), px(r), px(l), px(mid-3), px(r), px(mid-3))
		end = max(end, r)
	}
	g.text(class, "start", end+7, mid+4, bar.text())
}

func (c BarChart) alt() string {
	var s []string
	for _, g := range c.Groups {
		for _, bar := range g.Bars {
			s = append(s, strings.TrimSpace(g.Name+" "+bar.Label)+" "+bar.text())
		}
	}
	return strings.TrimPrefix(c.Title+": ", ": ") + strings.Join(s, ", ")
}
