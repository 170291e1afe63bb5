package run

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Format writes a number for people in three or four significant digits: 0.123,
// 12.3, 1,234, 5.68 M, 1.2e-07; "–" for NaN.
func Format(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case v == 0:
		return "0"
	case a < 1e-4 || a >= 1e15:
		return minus(strconv.FormatFloat(v, 'e', 1, 64))
	case a < 1:
		return minus(strconv.FormatFloat(v, 'g', 3, 64))
	case a < 10:
		return minus(trimZeros(strconv.FormatFloat(v, 'f', 2, 64)))
	case a < 1e4 && v == math.Trunc(v):
		return minus(thousands(int64(v)))
	case a < 1000:
		return minus(trimZeros(strconv.FormatFloat(v, 'f', 1, 64)))
	case a < 1e4:
		return minus(thousands(int64(math.Round(v))))
	}
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if a >= u.size {
			digits := 2 - min(2, int(math.Log10(a/u.size)))
			return minus(strconv.FormatFloat(v/u.size, 'f', digits, 64) + u.name)
		}
	}
	return ""
}

// FormatMetric is Format, but a share between 0 and 1, such as recall or
// accuracy, always gets three decimals, so that columns line up.
func FormatMetric(metric string, v float64) string {
	switch name, _, _ := strings.Cut(metric, "@"); name {
	case "tokens", "flops", "ms", "seconds", "bytes", "perplexity", "loss":
		return Format(v)
	}
	if math.Abs(v) <= 1 { // false for NaN
		return minus(strconv.FormatFloat(v, 'f', 3, 64))
	}
	return Format(v)
}

// interval writes a row's value and interval: "0.123 (0.110–0.135)".
func interval(r Row) string {
	s := FormatMetric(r.Metric, r.Value)
	if !r.HasInterval() {
		return s
	}
	sep := "–"
	if *r.Low < 0 { // a dash between minus signs is hard to read
		sep = " to "
	}
	return s + " (" + FormatMetric(r.Metric, *r.Low) + sep + FormatMetric(r.Metric, *r.High) + ")"
}

func trimZeros(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func minus(s string) string {
	if strings.HasPrefix(s, "-") {
		return "−" + s[1:]
	}
	return s
}

func thousands(v int64) string {
	s := strconv.FormatInt(v, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// FormatDuration writes a duration for people: 450 ms, 12 s, 3m05s, 2h14m.
func FormatDuration(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
