package run

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Table is text in columns, for the terminal (Print) and for the report.
type Table struct {
	Title   string
	Columns []string   // heads; none if empty
	Rows    [][]string // short rows are filled with empty cells
	Align   string     // one of l and r a column; the last one repeats; "" = "lr"
	Note    string     // a line below
}

func (t Table) right(col int) bool {
	a := t.Align
	if a == "" {
		a = "lr"
	}
	return a[min(col, len(a)-1)] == 'r'
}

func (t Table) width() int {
	n := len(t.Columns)
	for _, r := range t.Rows {
		n = max(n, len(r))
	}
	return n
}

// Print writes the table in at most width characters a line (0 = 100). Columns
// that do not fit go into further blocks, each of which repeats the first
// column. It needs no terminal.
func (t Table) Print(w io.Writer, width int) error {
	if width <= 0 {
		width = 100
	}
	n := t.width()
	size := make([]int, n)
	all := t.Rows
	if len(t.Columns) > 0 {
		all = append([][]string{t.Columns}, t.Rows...)
	}
	for _, r := range all {
		for c, s := range r {
			size[c] = max(size[c], utf8.RuneCountInString(plain(s)))
		}
	}
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(plain(t.Title) + "\n")
	}
	for lo := min(1, n); ; {
		hi, used := lo, 0
		if n > 0 {
			used = size[0]
		}
		for hi < n && (hi == lo || used+2+size[hi] <= width) {
			used += 2 + size[hi]
			hi++
		}
		t.block(&b, all, size, lo, hi, used)
		if lo = hi; lo >= n {
			break
		}
		b.WriteByte('\n')
	}
	if t.Note != "" {
		b.WriteString(plain(t.Note) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t Table) block(b *strings.Builder, rows [][]string, size []int, lo, hi, used int) {
	for i, r := range rows {
		var line strings.Builder
		for c := 0; c < hi; c++ {
			if c > 0 && c < lo {
				continue
			}
			s := ""
			if c < len(r) {
				s = plain(r[c])
			}
			pad := strings.Repeat(" ", size[c]-utf8.RuneCountInString(s))
			if c > 0 {
				line.WriteString("  ")
			}
			if t.right(c) {
				line.WriteString(pad + s)
			} else {
				line.WriteString(s + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if i == 0 && len(t.Columns) > 0 {
			b.WriteString(strings.Repeat("─", used) + "\n")
		}
	}
}

// plain keeps data from steering the terminal: control characters become
// spaces.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// A Metric names a column of Pivot: one metric of one task.
type Metric struct{ Task, Name, Head string } // Head: "" = Name

// Pivot makes the table method × metric of rows, with intervals in brackets.
// Methods stand in the order of their first row; a method that has none of the
// metrics is left out, and a missing number is a dash.
func Pivot(rows []Row, metrics ...Metric) Table {
	t := Table{Columns: []string{"method"}}
	for _, m := range metrics {
		t.Columns = append(t.Columns, m.head())
	}
	for _, method := range methodsOf(rows) {
		line, any := []string{method}, false
		for _, m := range metrics {
			i := slices.IndexFunc(rows, func(r Row) bool {
				return r.Method == method && r.Task == m.Task && r.Metric == m.Name
			})
			if i < 0 {
				line = append(line, "–")
				continue
			}
			line, any = append(line, interval(rows[i])), true
		}
		if any {
			t.Rows = append(t.Rows, line)
		}
	}
	return t
}

func (m Metric) head() string {
	if m.Head != "" {
		return m.Head
	}
	return m.Name
}

func methodsOf(rows []Row) []string {
	var out []string
	for _, r := range rows {
		if !slices.Contains(out, r.Method) {
			out = append(out, r.Method)
		}
	}
	return out
}

// ConfigTable lists a configuration's fields, nested ones with dotted names,
// in the order of their declaration.
func ConfigTable(config any) (Table, error) {
	t := Table{Columns: []string{"setting", "value"}, Align: "ll"}
	data, err := marshal(config, "")
	if err != nil {
		return t, err
	}
	pairs, err := flatten(data)
	if err != nil {
		return t, fmt.Errorf("configuration: %w", err)
	}
	for _, p := range pairs {
		t.Rows = append(t.Rows, []string{p.key, p.value})
	}
	return t, nil
}
