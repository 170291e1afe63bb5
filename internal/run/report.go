package run

import (
	"bytes"
	"html"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/noema-ml/noema/internal/file"
)

// A Report is one self-contained HTML page: no scripts, no network, light or
// dark as the reader's system is. Every string in it is escaped.
type Report struct {
	Title    string
	Lead     string // a sentence or two below the title
	Sections []Section
	Foot     string // the page's last line, such as commit and machine
}

// A Section is a headline and what stands below it.
type Section struct {
	Title  string
	Blocks []Block
}

// A Block is a part of a report: Text, Table, LineChart, BarChart or Scatter.
type Block interface {
	// html writes the block; n is its number, for ids that no other block has.
	html(b *strings.Builder, n int)
}

// Text is plain text; an empty line starts a paragraph.
type Text struct {
	Body string
	Mono bool // as it is, in a fixed-width font: samples, prompts
}

// Write writes the page to w.
func (r Report) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n" +
		"<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>" + esc(r.Title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<main>\n")
	b.WriteString("<header>\n<h1>" + esc(r.Title) + "</h1>\n")
	if r.Lead != "" {
		b.WriteString("<p class=\"lead\">" + esc(r.Lead) + "</p>\n")
	}
	b.WriteString("</header>\n")
	n := 0
	for _, s := range r.Sections {
		b.WriteString("<section>\n")
		if s.Title != "" {
			b.WriteString("<h2>" + esc(s.Title) + "</h2>\n")
		}
		for _, block := range s.Blocks {
			block.html(&b, n)
			n++
		}
		b.WriteString("</section>\n")
	}
	if r.Foot != "" {
		b.WriteString("<footer>" + esc(r.Foot) + "</footer>\n")
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteFile puts the page at path, whole or not at all.
func (r Report) WriteFile(path string) error {
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		return err
	}
	return file.Write(path, b.Bytes())
}

func (t Text) html(b *strings.Builder, _ int) {
	if t.Mono {
		b.WriteString("<pre>" + esc(t.Body) + "</pre>\n")
		return
	}
	for p := range strings.SplitSeq(t.Body, "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + esc(p) + "</p>\n")
		}
	}
}

func (t Table) html(b *strings.Builder, _ int) {
	b.WriteString("<figure>\n")
	heading(b, t.Title)
	b.WriteString("<div class=\"wide\"><table>\n")
	cell := func(tag, s string, col int) {
		class := ""
		if t.right(col) {
			class = " class=\"r\""
		}
		b.WriteString("<" + tag + class + ">" + esc(s) + "</" + tag + ">")
	}
	if len(t.Columns) > 0 {
		b.WriteString("<thead><tr>")
		for c, s := range t.Columns {
			cell("th", s, c)
		}
		b.WriteString("</tr></thead>\n")
	}
	b.WriteString("<tbody>\n")
	n := t.width()
	for _, r := range t.Rows {
		b.WriteString("<tr>")
		for c := range n {
			s := ""
			if c < len(r) {
				s = r[c]
			}
			cell("td", s, c)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table></div>\n")
	note(b, t.Note)
	b.WriteString("</figure>\n")
}

func heading(b *strings.Builder, title string) {
	if title != "" {
		b.WriteString("<h3>" + esc(title) + "</h3>\n")
	}
}

func note(b *strings.Builder, s string) {
	if s != "" {
		b.WriteString("<figcaption>" + esc(s) + "</figcaption>\n")
	}
}

// esc makes any string text for HTML, SVG and their attributes. What no XML
// document may hold, such as NUL and invalid UTF-8, becomes U+FFFD.
func esc(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ', r == 0xFFFE, r == 0xFFFF, r == utf8.RuneError:
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// The colours are Okabe and Ito's ("Color Universal Design", 2008), told apart
// with every common colour blindness; yellow, too faint on white, is left out,
// and each is darkened on light and lightened on dark where its contrast with
// the page asks for it.
const style = `
:root{--bg:#fcfcfb;--fg:#1c1e21;--soft:#63676d;--line:#e2e3e1;--grid:#ecedeb;--card:#fff;--bar:#b4bac2;
--c0:#0067a8;--c1:#c45000;--c2:#00835f;--c3:#a8498a;--c4:#b07800;--c5:#2c8fc4;--c6:#7a5a3c;--c7:#55595f;--other:#b9bdc2}
@media (prefers-color-scheme:dark){:root{--bg:#14161a;--fg:#e6e7e9;--soft:#9ba1a9;--line:#2c3036;--grid:#23272c;--card:#191c21;--bar:#565d67;
--c0:#4aa8e8;--c1:#f08a4b;--c2:#2fc297;--c3:#dd8fc2;--c4:#e9b03c;--c5:#8fd0f5;--c6:#c7a27c;--c7:#b4b9c0;--other:#4b5159}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:900px;margin:0 auto;padding:48px 24px 64px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.015em;margin:0 0 8px;font-weight:650}
h2{font-size:20px;line-height:1.3;margin:48px 0 12px;padding-top:20px;border-top:1px solid var(--line);font-weight:620}
h3{font-size:15px;margin:0 0 8px;font-weight:600}
p{margin:0 0 12px;max-width:68ch;overflow-wrap:anywhere}
.lead{color:var(--soft);font-size:17px}
figure{margin:20px 0 28px}
figcaption{color:var(--soft);font-size:13.5px;margin-top:8px;max-width:80ch}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;min-width:50%}
th,td{text-align:left;padding:6px 20px 6px 0;border-bottom:1px solid var(--line);vertical-align:baseline}
td{overflow-wrap:break-word;max-width:60ch}
td.r,th.r{white-space:nowrap}
th{font-weight:600;color:var(--soft);border-bottom-color:var(--soft)}
th:last-child,td:last-child{padding-right:0}
.r{text-align:right}
pre{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:14px 16px;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:0 0 16px}
svg{display:block;width:100%;min-width:620px;height:auto}
svg text{font:12.5px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--fg);font-variant-numeric:tabular-nums}
svg .t{fill:var(--soft)}svg .b{font-weight:600}
svg .g{stroke:var(--grid)}svg .a{stroke:var(--soft)}svg .w{stroke:var(--fg);stroke-width:1.25;fill:none}svg .h{stroke:var(--bg);stroke-width:3.5;fill:none}
svg .band{opacity:.16;shape-rendering:crispEdges}svg .raw{fill:none;stroke-width:1;opacity:.28}svg .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
svg .p{stroke:var(--bg);stroke-width:.75}
.s0{stroke:var(--c0)}.s1{stroke:var(--c1)}.s2{stroke:var(--c2)}.s3{stroke:var(--c3)}.s4{stroke:var(--c4)}.s5{stroke:var(--c5)}.s6{stroke:var(--c6)}.s7{stroke:var(--c7)}
svg .f0{fill:var(--c0)}svg .f1{fill:var(--c1)}svg .f2{fill:var(--c2)}svg .f3{fill:var(--c3)}svg .f4{fill:var(--c4)}svg .f5{fill:var(--c5)}svg .f6{fill:var(--c6)}svg .f7{fill:var(--c7)}
svg .fo{fill:var(--other)}svg .fb{fill:var(--bar)}
.empty{color:var(--soft);font-size:14px;border:1px dashed var(--line);border-radius:6px;padding:20px;text-align:center;max-width:none}
footer{margin-top:48px;padding-top:16px;border-top:1px solid var(--line);color:var(--soft);font-size:13px;overflow-wrap:anywhere}
@media print{main{max-width:none;padding:0}figure,tr{break-inside:avoid}}
`

// colours is how many there are.
const colours = 8
