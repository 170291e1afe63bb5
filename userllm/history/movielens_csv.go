package history

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
)

// loadCSV reads the layout of MovieLens latest-small, 20M, 25M and 32M:
// movies.csv and ratings.csv, in UTF-8, each with a header.
func loadCSV(dir, name string) (*Dataset, error) {
	b := newBuilder(true, true)
	if err := read(dir, "movies.csv", b.readMoviesCSV); err != nil {
		return nil, err
	}
	if err := read(dir, "ratings.csv", b.readRatingsCSV); err != nil {
		return nil, err
	}
	return b.dataset(name)
}

func (b *builder) readMoviesCSV(r io.Reader, file string) error {
	return readCSV(r, file, "movieId,title,genres", func(f [][]byte) error {
		id, err := parseID(f[0])
		if err != nil {
			return err
		}
		return b.addItem(id, decode(f[1]), splitGenres(decode(f[2])))
	})
}

func (b *builder) readRatingsCSV(r io.Reader, file string) error {
	return readCSV(r, file, "userId,movieId,rating,timestamp", b.addRating)
}

// addRating adds the event in the fields user, item, rating, time.
func (b *builder) addRating(f [][]byte) error {
	user, err := parseID(f[0])
	if err != nil {
		return err
	}
	item, err := parseID(f[1])
	if err != nil {
		return err
	}
	rating, err := parseRating(f[2])
	if err != nil {
		return err
	}
	time, err := parseID(f[3])
	if err != nil {
		return err
	}
	return b.addEvent(user, item, rating, time)
}

// splitGenres splits "Action|Comedy". "(no genres listed)" is no genre.
func splitGenres(s string) []string {
	var genres []string
	for g := range strings.SplitSeq(s, "|") {
		if g = strings.TrimSpace(g); g != "" && g != "(no genres listed)" {
			genres = append(genres, g)
		}
	}
	return genres
}

// readCSV calls f with the fields of each line after the header. A record is one
// line: the files have no line breaks within quotes, and so a stray quote cannot
// swallow the rest of a file, and an error names the right line. Only lines with
// quotes, all of them titles, go through encoding/csv.
func readCSV(r io.Reader, file, header string, f func(fields [][]byte) error) error {
	in := newLines(r, file)
	if !in.next() {
		if err := in.err(); err != nil {
			return err
		}
		return in.errorf("empty file; want the header %q", header)
	}
	if got := bytes.TrimPrefix(in.text, []byte("\ufeff")); string(got) != header {
		return in.errorf("header %q; want %q", clip(got), header)
	}
	columns := strings.Count(header, ",") + 1
	fields := make([][]byte, 0, columns)
	for in.next() {
		fields = fields[:0]
		if bytes.IndexByte(in.text, '"') >= 0 {
			record, err := csv.NewReader(bytes.NewReader(in.text)).Read()
			if err != nil {
				return in.errorf("%w", err)
			}
			for _, s := range record {
				fields = append(fields, []byte(s))
			}
		} else {
			for rest, more := in.text, true; more; {
				var field []byte
				field, rest, more = bytes.Cut(rest, []byte(","))
				fields = append(fields, field)
			}
		}
		if len(fields) != columns {
			return in.errorf("%d fields; want %d (%s)", len(fields), columns, header)
		}
		if err := f(fields); err != nil {
			return in.errorf("%w", err)
		}
	}
	return in.err()
}
