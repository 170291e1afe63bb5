package run

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// An axis maps values to pixels. lo < hi always holds, both finite.
type axis struct {
	lo, hi   float64
	from, to float64 // pixels of lo and hi
	log      bool
}

// limit is the largest magnitude that a chart takes; beyond it differences
// would overflow.
const limit = 1e300

// newAxis makes an axis that shows lo to hi; it widens a range of one point,
// and a logarithmic one covers positive values alone.
func newAxis(lo, hi, from, to float64, log bool) axis {
	lo, hi = max(-limit, min(lo, limit)), max(-limit, min(hi, limit))
	if log {
		lo = max(lo, 1e-300)
		hi = max(hi, lo)
		if hi/lo < 1.2 {
			lo, hi = max(lo/1.5, 1e-300), hi*1.5
		}
		return axis{lo, hi, from, to, true}
	}
	// A range far below the values' precision cannot be divided into ticks.
	if size := max(math.Abs(lo), math.Abs(hi)); hi-lo <= 1e-9*size || hi-lo < 1e-300 {
		pad := 0.1 * size
		if size < 1e-300 {
			pad = 1
		}
		lo, hi = lo-pad, hi+pad
	}
	return axis{lo, hi, from, to, false}
}

// at returns the pixel of v.
func (a axis) at(v float64) float64 {
	v = max(-limit, min(v, limit))
	var share float64
	if a.log {
		share = (math.Log(max(v, 1e-300)) - math.Log(a.lo)) / (math.Log(a.hi) - math.Log(a.lo))
	} else {
		share = (v - a.lo) / (a.hi - a.lo)
	}
	share = max(-10, min(share, 11)) // far outside the plot: clipped there anyway
	return a.from + share*(a.to-a.from)
}

// nice widens a linear axis to whole ticks.
func (a axis) nice(n int) axis {
	if !a.log {
		step := niceStep(a.lo, a.hi, n)
		a.lo, a.hi = math.Floor(a.lo/step+1e-9)*step, math.Ceil(a.hi/step-1e-9)*step
	}
	return a
}

// ticks returns about n values on the axis: steps of 1, 2 or 5 times a power
// of ten, or powers of ten on a logarithmic axis.
func (a axis) ticks(n int) []float64 {
	var out []float64
	if a.log {
		return a.logTicks(n)
	}
	step := niceStep(a.lo, a.hi, n)
	first := math.Ceil(a.lo/step - 1e-9)
	for i := range 4 * n {
		v := (first + float64(i)) * step
		if v > a.hi+1e-9*step {
			break
		}
		if math.Abs(v) < 1e-9*step {
			v = 0
		}
		out = append(out, v)
	}
	return out
}

func (a axis) logTicks(n int) []float64 {
	lo, hi := math.Log10(a.lo), math.Log10(a.hi)
	digits := []float64{1}
	switch {
	case hi-lo < 0.7: // less than a factor of five: linear ticks read better
		a.log = false
		return a.ticks(n)
	case hi-lo < 2:
		digits = []float64{1, 2, 5}
	}
	every := max(1, int(math.Ceil((hi-lo)/float64(n))))
	var out []float64
	for e := int(math.Floor(lo)); e <= int(math.Ceil(hi)); e++ {
		if e%every != 0 {
			continue
		}
		for _, d := range digits {
			if v := d * math.Pow(10, float64(e)); v >= a.lo*(1-1e-9) && v <= a.hi*(1+1e-9) {
				out = append(out, v)
			}
		}
	}
	return out
}

func niceStep(lo, hi float64, n int) float64 {
	raw := (hi - lo) / float64(max(n, 1))
	p := math.Pow(10, math.Floor(math.Log10(raw)))
	switch m := raw / p; {
	case m <= 1.0001:
		return p
	case m <= 2.0001:
		return 2 * p
	case m <= 5.0001:
		return 5 * p
	}
	return 10 * p
}

// tickLabels writes the ticks of one axis, with equally many decimals unless
// they are logarithmic.
func tickLabels(ticks []float64) []string {
	big, step, widest := 0.0, math.Inf(1), 0.0
	for i, v := range ticks {
		big = max(big, math.Abs(v))
		if i > 0 {
			step, widest = min(step, v-ticks[i-1]), max(widest, v-ticks[i-1])
		}
	}
	if len(ticks) < 2 {
		step = big
	}
	out := make([]string, len(ticks))
	for i, v := range ticks {
		switch {
		case v == 0:
			out[i] = "0"
		case big >= 1e15 || big < 1e-5:
			out[i] = minus(strings.Replace(strconv.FormatFloat(v, 'e', -1, 64), "e+", "e", 1))
			if len(out[i]) > 9 {
				out[i] = minus(strings.Replace(strconv.FormatFloat(v, 'e', 2, 64), "e+", "e", 1))
			}
		case big >= 1e4 && step/big > 1e-3:
			out[i] = Format(v)
			if short, unit, ok := strings.Cut(out[i], " "); ok {
				out[i] = trimZeros(short) + " " + unit
			}
		case widest > 1.5*step:
			out[i] = strconv.FormatFloat(v, 'g', 6, 64)
		default:
			decimals := 0
			if step < 1 {
				decimals = min(12, int(math.Ceil(-math.Log10(step)-1e-9)))
			}
			out[i] = minus(strconv.FormatFloat(v, 'f', decimals, 64))
		}
	}
	return out
}

// textWidth estimates a text's width at the charts' font size in pixels.
func textWidth(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfI.,:;|!'()[] ", r):
			w += 4
		case r >= 'A' && r <= 'Z', r == 'm', r == 'w', r == '@':
			w += 9
		case r >= 0x2E80: // CJK
			w += 13
		default:
			w += 7.2
		}
	}
	return w
}

// shorten cuts s to n characters.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// svg is a builder of one drawing; coordinates are pixels.
type svg struct{ *strings.Builder }

func (g svg) open(id string, w, h float64, title string) {
	fmt.Fprintf(g, "<div class=\"wide\"><svg id=%q viewBox=\"0 0 %s %s\" role=\"img\" aria-label=\"%s\" xmlns=\"http://www.w3.org/2000/svg\">\n", id, px(w), px(h), esc(title))
}

func (g svg) close() { g.WriteString("</svg></div>\n") }

func (g svg) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(g, "<line class=%q x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n", class, px(x1), px(y1), px(x2), px(y2))
}

// text writes s at x, y; anchor is start, middle or end.
func (g svg) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(g, "<text class=%q text-anchor=%q x=\"%s\" y=\"%s\">%s</text>\n", class, anchor, px(x), px(y), esc(s))
}

// px writes a coordinate to a tenth of a pixel.
func px(v float64) string { return trimZeros(strconv.FormatFloat(v, 'f', 1, 64)) }

// empty stands where a chart has nothing to show.
func empty(b *strings.Builder, title string) {
	b.WriteString("<figure>\n")
	heading(b, title)
	b.WriteString("<p class=\"empty\">no data</p>\n</figure>\n")
}
