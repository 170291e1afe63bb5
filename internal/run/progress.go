package run

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	redraw = 200 * time.Millisecond // on a terminal
	report = 10 * time.Second       // elsewhere, say into a log file
)

// Progress shows how far a long loop is: share, rate, time left. On a terminal
// it redraws one line; elsewhere it writes a line about every ten seconds. Its
// methods may be called by several goroutines.
type Progress struct {
	mu     sync.Mutex
	w      io.Writer
	label  string
	unit   string
	total  int
	tty    bool
	now    func() time.Time
	start  time.Time
	first  int // what was done before start, by an earlier run
	shown  time.Time
	closed bool
}

// NewProgress starts a progress line on w for total units (0 = unknown), of
// which done are done already. The rate counts only what comes after.
func NewProgress(w io.Writer, label, unit string, done, total int) *Progress {
	return newProgress(w, label, unit, done, total, isTerminal(w), time.Now)
}

func newProgress(w io.Writer, label, unit string, done, total int, tty bool, now func() time.Time) *Progress {
	p := &Progress{w: w, label: label, unit: unit, total: total, first: done, tty: tty, now: now}
	p.start = now()
	p.shown = p.start
	return p
}

// Set says that done units are done; note, such as "loss 2.31", goes to the
// end of the line.
func (p *Progress) Set(done int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now, every := p.now(), report
	if p.tty {
		every = redraw
	}
	if now.Sub(p.shown) < every {
		return
	}
	p.shown = now
	p.print(p.line(done, now.Sub(p.start), note), false)
}

// Done ends the line with the time taken and note. Later calls do nothing.
func (p *Progress) Done(note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	line := p.label + " · " + FormatDuration(p.now().Sub(p.start))
	if note != "" {
		line += " · " + note
	}
	p.print(line, true)
}

func (p *Progress) line(done int, took time.Duration, note string) string {
	parts := []string{p.label}
	if p.total > 0 {
		parts = append(parts, fmt.Sprintf("%d/%d %s (%d %%)", done, p.total, p.unit, int(100*float64(done)/float64(p.total))))
	} else {
		parts = append(parts, fmt.Sprintf("%d %s", done, p.unit))
	}
	if n := done - p.first; n > 0 && took > 0 {
		rate := float64(n) / took.Seconds()
		parts = append(parts, Format(rate)+" "+p.unit+"/s")
		if left := p.total - done; left > 0 {
			// Beyond a hundred days the estimate says nothing and may overflow.
			if s := float64(left) / rate; s < 100*24*3600 {
				parts = append(parts, FormatDuration(time.Duration(s*float64(time.Second)))+" left")
			}
		}
	}
	if note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, " · ")
}

func (p *Progress) print(line string, last bool) {
	line = plain(line)
	if !p.tty {
		_, _ = io.WriteString(p.w, line+"\n")
		return
	}
	if width := terminalWidth(p.w); utf8.RuneCountInString(line) >= width && !last {
		line = string([]rune(line)[:width-1]) // a wrapped line cannot be redrawn
	}
	end := ""
	if last {
		end = "\n"
	}
	_, _ = io.WriteString(p.w, "\r\x1b[K"+line+end) // to column 0, clear to the end
}

// isTerminal reports whether w is a terminal that can redraw a line.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && terminalColumns(f) > 0
}

func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n := terminalColumns(f); n > 20 {
			return n
		}
	}
	return 80
}
