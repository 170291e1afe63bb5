package history

import (
	"bytes"
	"io"
	"strings"
)

// loadDat reads the layout of MovieLens 1M: movies.dat and ratings.dat with the
// separator "::", in Latin-1 (or UTF-8, as MovieLens 10M).
func loadDat(dir, name string) (*Dataset, error) {
	b := newBuilder(true, true)
	if err := read(dir, "movies.dat", b.readMoviesDat); err != nil {
		return nil, err
	}
	if err := read(dir, "ratings.dat", b.readRatingsDat); err != nil {
		return nil, err
	}
	return b.dataset(name)
}

var colons = []byte("::")

// readMoviesDat reads lines "id::title::genre|genre".
func (b *builder) readMoviesDat(r io.Reader, file string) error {
	in := newLines(r, file)
	for in.next() {
		// From both ends, since a title may have the separator in it.
		first, last := bytes.Index(in.text, colons), bytes.LastIndex(in.text, colons)
		if last < first+2 {
			return in.errorf("%q is not id::title::genres", clip(in.text))
		}
		id, err := parseID(in.text[:first])
		if err == nil {
			title, genres := decode(in.text[first+2:last]), decode(in.text[last+2:])
			err = b.addItem(id, title, splitGenres(genres))
		}
		if err != nil {
			return in.errorf("%w", err)
		}
	}
	return in.err()
}

// readRatingsDat reads lines "user::item::rating::time".
func (b *builder) readRatingsDat(r io.Reader, file string) error {
	return b.readRatings(r, file, "::")
}

// readRatings reads lines of user, item, rating and time.
func (b *builder) readRatings(r io.Reader, file, separator string) error {
	in := newLines(r, file)
	for in.next() {
		fields := bytes.Split(in.text, []byte(separator))
		if len(fields) != 4 {
			return in.errorf("%d fields; want user, item, rating and time between %q", len(fields), separator)
		}
		if err := b.addRating(fields); err != nil {
			return in.errorf("%w", err)
		}
	}
	return in.err()
}

// load100k reads the layout of MovieLens 100k: u.item with "|" in Latin-1 and
// u.data with tabs.
func load100k(dir, name string) (*Dataset, error) {
	b := newBuilder(true, true)
	if err := read(dir, "u.item", b.readItem100k); err != nil {
		return nil, err
	}
	err := read(dir, "u.data", func(r io.Reader, file string) error {
		return b.readRatings(r, file, "\t")
	})
	if err != nil {
		return nil, err
	}
	return b.dataset(name)
}

// genres100k are the meanings of the flags in u.item; the first, "unknown", is no
// genre.
var genres100k = strings.Split("|Action|Adventure|Animation|Children's|Comedy|Crime|Documentary|Drama|"+
	"Fantasy|Film-Noir|Horror|Musical|Mystery|Romance|Sci-Fi|Thriller|War|Western", "|")

// readItem100k reads lines "id|title|release|video release|URL|" and 19 flags.
func (b *builder) readItem100k(r io.Reader, file string) error {
	const before = 5
	in := newLines(r, file)
	for in.next() {
		fields := bytes.Split(in.text, []byte("|"))
		if len(fields) != before+len(genres100k) {
			return in.errorf("%d fields between |; want %d", len(fields), before+len(genres100k))
		}
		id, err := parseID(fields[0])
		if err != nil {
			return in.errorf("%w", err)
		}
		var genres []string
		for i, flag := range fields[before:] {
			switch {
			case string(flag) == "1":
				if genres100k[i] != "" {
					genres = append(genres, genres100k[i])
				}
			case string(flag) != "0":
				return in.errorf("genre flag %q is neither 0 nor 1", clip(flag))
			}
		}
		if err := b.addItem(id, decode(fields[1]), genres); err != nil {
			return in.errorf("%w", err)
		}
	}
	return in.err()
}
