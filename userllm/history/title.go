package history

import (
	"strings"
	"unicode"
)

// articles are those that MovieLens moves behind a title, lower case.
var articles = map[string]bool{
	"the": true, "a": true, "an": true,
	"le": true, "la": true, "les": true, "l'": true, "un": true, "une": true,
	"il": true, "lo": true, "i": true, "gli": true, "uno": true, "una": true,
	"el": true, "los": true, "las": true, "o": true, "os": true,
	"der": true, "die": true, "das": true, "ein": true, "eine": true,
	"de": true, "het": true, "den": true, "det": true, "en": true, "et": true,
}

// CleanTitle puts articles back to where a reader expects them:
// "Matrix, The (1999)" becomes "The Matrix (1999)", and
// "City of Lost Children, The (Cité des enfants perdus, La) (1995)" becomes
// "The City of Lost Children (La Cité des enfants perdus) (1995)". It knows the
// common articles of English, French, Italian, Spanish, Portuguese, German,
// Dutch and the Scandinavian languages. Runs of blanks become one. Everything
// else stays, the year and the names in brackets too.
func CleanTitle(title string) string {
	title = strings.Join(strings.Fields(title), " ")
	var out strings.Builder
	for title != "" {
		// A part reaches to the next bracket of either kind.
		end := strings.IndexAny(title, "()")
		if end < 0 {
			out.WriteString(frontArticle(title))
			break
		}
		out.WriteString(frontArticle(title[:end]))
		out.WriteByte(title[end])
		title = title[end+1:]
	}
	return out.String()
}

// frontArticle moves the article at the end of part to its front; blanks around
// part and "a.k.a." stay where they are.
func frontArticle(part string) string {
	body := strings.TrimSpace(part)
	comma := strings.LastIndex(body, ", ")
	if comma <= 0 || !articles[strings.ToLower(body[comma+2:])] {
		return part
	}
	article, rest := body[comma+2:], body[:comma]
	before := part[:strings.Index(part, body)]
	after := part[len(before)+len(body):]
	if name, ok := strings.CutPrefix(rest, "a.k.a. "); ok {
		before, rest = before+"a.k.a. ", name
	}
	if !strings.HasSuffix(article, "'") {
		article += " "
	}
	return before + article + rest + after
}

// titleYear returns the year in brackets at the end of a title, 0 if there is
// none: 1999 for "The Matrix (1999)", 2006 for "A Series (2006–2007)".
func titleYear(title string) int {
	title = strings.TrimRightFunc(title, unicode.IsSpace)
	open := strings.LastIndexByte(title, '(')
	if open < 0 || !strings.HasSuffix(title, ")") || len(title) < open+6 {
		return 0
	}
	year := 0
	for _, c := range []byte(title[open+1 : open+5]) {
		if c < '0' || c > '9' {
			return 0
		}
		year = year*10 + int(c-'0')
	}
	if next := title[open+5]; year < 1870 || year > 2100 || next >= '0' && next <= '9' {
		return 0
	}
	return year
}
