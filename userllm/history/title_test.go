package history

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCleanTitle(t *testing.T) {
	for title, want := range map[string]string{
		"Matrix, The (1999)":                      "The Matrix (1999)",
		"Plain Tale (1991)":                       "Plain Tale (1991)",
		"  Two   Blanks,  A ":                     "A Two Blanks",
		"Awful Hour, An (1960)":                   "An Awful Hour (1960)",
		"Lane: The Long Part, The (2001)":         "The Lane: The Long Part (2001)",
		"Étranger, L' (1950)":                     "L'Étranger (1950)",
		"Kite, The (Cerf-volant, Le) (1971)":      "The Kite (Le Cerf-volant) (1971)",
		"Kite, The (a.k.a. Paper Bird, A) (1971)": "The Kite (a.k.a. A Paper Bird) (1971)",
		"Boot, Das":                               "Das Boot",
		"I, Gardener (2004)":                      "I, Gardener (2004)",
		"Red, White, Blue (1990)":                 "Red, White, Blue (1990)",
		"The":                                     "The",
		", The":                                   ", The",
		"):(, The)(":                              "):(, The)(",
		"":                                        "",
	} {
		require.Equal(t, want, CleanTitle(title), title)
	}
}

func TestTitleYear(t *testing.T) {
	for title, want := range map[string]int{
		"The Matrix (1999)":       1999,
		"Series (2006–2007)":      2006,
		"Series (2009– )":         2009,
		"1984 (1956) ":            1956,
		"Without":                 0,
		"Not at the end (1999) x": 0,
		"No (19999)":              0,
		"No (0001)":               0,
		"No (199)":                0,
		"No (abcd)":               0,
		")":                       0,
		"(":                       0,
		"Part (Teil) (1999)":      1999,
	} {
		require.Equal(t, want, titleYear(title), title)
	}
}
