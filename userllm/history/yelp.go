package history

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// maxYelpItems bounds the size of the catalogue's file, which is one JSON value.
const maxYelpItems = 256 << 20

// loadYelp reads the Yelp sequences of S3-Rec (Zhou et al., CIKM 2020), lines
// "user item item …" in order of time, and the catalogue of LETTER (Wang et al.,
// CIKM 2024), whose numbers are less by one. Categories become genres; there are
// no ratings, times and years.
func loadYelp(dir, name string) (*Dataset, error) {
	b := newBuilder(false, false)
	if err := read(dir, "Yelp.item.json", b.readYelpItems); err != nil {
		return nil, err
	}
	if err := read(dir, "Yelp.txt", b.readSequences); err != nil {
		return nil, err
	}
	return b.dataset(name)
}

// readYelpItems reads an object {"0": {"title": …, "description": "Food, Bars"}}
// entry by entry.
func (b *builder) readYelpItems(r io.Reader, file string) error {
	dec := json.NewDecoder(&limited{r, maxYelpItems})
	fail := func(err error) error {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("history: %s: at byte %d: %w", file, dec.InputOffset(), err)
	}
	if t, err := dec.Token(); err != nil {
		return fail(err)
	} else if t != json.Delim('{') {
		return fail(fmt.Errorf("want a JSON object"))
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fail(err)
		}
		var item struct{ Title, Description string }
		if err := dec.Decode(&item); err != nil {
			return fail(err)
		}
		id, err := parseID([]byte(key.(string))) // a key, since More was true
		if err != nil {
			return fail(err)
		}
		if err := b.addItem(id+1, item.Title, splitGenres(strings.ReplaceAll(item.Description, ", ", "|"))); err != nil {
			return fail(err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return fail(err)
	}
	return nil
}

// readSequences reads lines "user item item …".
func (b *builder) readSequences(r io.Reader, file string) error {
	in := newLines(r, file)
	for in.next() {
		fields := strings.Fields(string(in.text))
		user, err := parseID([]byte(fields[0]))
		if err != nil {
			return in.errorf("%w", err)
		}
		if _, ok := b.userAt[user]; ok {
			return in.errorf("user %d is listed twice", user)
		}
		if len(fields) < 2 {
			return in.errorf("user %d has no items", user)
		}
		for _, f := range fields[1:] {
			item, err := parseID([]byte(f))
			if err == nil {
				err = b.addEvent(user, item, 0, 0)
			}
			if err != nil {
				return in.errorf("%w", err)
			}
		}
	}
	return in.err()
}
