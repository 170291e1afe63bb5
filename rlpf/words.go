package rlpf

import (
	"strings"

	"github.com/noema-ml/noema/userllm/history"
)

// Words are a data set's own words, which the templates are filled with.
type Words struct {
	Item, Items     string // "film", "films"
	Do, Does, Did   string // "watch", "watches", "watched"
	Genre, Genres   string // "genre", "genres"
	Person, Persons string // who does it: "viewer", "viewers"
}

// The words of films and of places.
var (
	FilmWords  = Words{"film", "films", "watch", "watches", "watched", "genre", "genres", "viewer", "viewers"}
	PlaceWords = Words{"place", "places", "visit", "visits", "visited", "category", "categories", "guest", "guests"}
)

// WordsFor returns the words of a data set by its name: places for Yelp, films
// for MovieLens and synthetic data.
func WordsFor(d *history.Dataset) Words {
	if strings.HasPrefix(d.Name, "yelp") {
		return PlaceWords
	}
	return FilmWords
}
