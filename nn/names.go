package nn

import (
	"fmt"
	"path"
	"strings"
)

// snake returns a field's name in snake case: QProj is q_proj and MLP is mlp.
// It is false where an initialism makes the words ambiguous, as in FFNNorm.
func snake(field string) (string, bool) {
	if strings.ToUpper(field) == field {
		return strings.ToLower(field), true
	}
	var b strings.Builder
	for i := 0; i < len(field); {
		j := i
		for j < len(field) && upper(field[j]) {
			j++
		}
		switch run := j - i; {
		case run == 0:
			b.WriteByte(field[i])
			i++
			continue
		case run > 2, run == 2 && (j == len(field) || !lower(field[j])):
			return "", false
		}
		for ; i < j; i++ {
			if b.Len() > 0 {
				b.WriteByte('_')
			}
			b.WriteString(strings.ToLower(field[i : i+1]))
		}
	}
	return b.String(), true
}

func upper(c byte) bool { return 'A' <= c && c <= 'Z' }
func lower(c byte) bool { return 'a' <= c && c <= 'z' }

// A glob matches dotted names by segments: ** stands for any number of them,
// and * and ? for characters within one.
type glob []string

func parseGlob(pattern string) (glob, error) {
	g := glob(strings.Split(pattern, "."))
	for _, s := range g {
		if _, err := path.Match(s, ""); err != nil || s == "" {
			return nil, fmt.Errorf("nn: malformed pattern %q", pattern)
		}
	}
	return g, nil
}

func (g glob) match(name string) bool { return matchSegments(g, strings.Split(name, ".")) }

func matchSegments(g, name []string) bool {
	for len(g) > 0 {
		if g[0] == "**" {
			for i := range len(name) + 1 {
				if matchSegments(g[1:], name[i:]) {
					return true
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, _ := path.Match(g[0], name[0]); !ok {
			return false
		}
		g, name = g[1:], name[1:]
	}
	return len(name) == 0
}

// matchNames returns which of the names some pattern matches. A pattern that
// matches none of them is an error.
func matchNames(what string, names, patterns []string) ([]bool, error) {
	in := make([]bool, len(names))
	for _, p := range patterns {
		g, err := parseGlob(p)
		if err != nil {
			return nil, err
		}
		found := false
		for i, n := range names {
			if g.match(n) {
				in[i], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("nn: pattern %q matches no %s", p, what)
		}
	}
	return in, nil
}
