package history

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// accepted panics if a data set that the parsers let through is not sound.
func accepted(b *builder) {
	d, err := b.dataset("fuzz")
	if err != nil {
		return
	}
	for i, item := range d.Items {
		if item.ID != int32(i) || item.Title == "" || !utf8.ValidString(item.Title) {
			panic(fmt.Sprintf("unsound item %+v", item))
		}
		for _, g := range item.Genres {
			_ = d.Genres[g]
		}
	}
	f := NewFeatures(d)
	for _, u := range d.Users {
		for i, e := range u.Events {
			if d.HasRatings != (e.Rating > 0) || d.HasTimes && i > 0 && e.Time < u.Events[i-1].Time {
				panic(fmt.Sprintf("unsound event %+v", e))
			}
		}
		f.Encode(u.Events, len(u.Events)+1)
		d.FavGenres(u.Events)
	}
}

func FuzzMovieLensCSV(f *testing.F) {
	f.Add([]byte(moviesCSV), []byte(ratingsCSV))
	f.Add([]byte(moviesHeader+"1,\"a\nb\",\"\"\"\"\n"), []byte(ratingsHeader+"1,1,0x1p-1,00\n"))
	f.Fuzz(func(t *testing.T, movies, ratings []byte) {
		b := newBuilder(true, true)
		if b.readMoviesCSV(bytes.NewReader(movies), "m") == nil && b.readRatingsCSV(bytes.NewReader(ratings), "r") == nil {
			accepted(b)
		}
	})
}

func FuzzMovieLensDat(f *testing.F) {
	f.Add([]byte(moviesDat), []byte(ratingsDat))
	f.Add([]byte("1:::a:::\n"), []byte("1::1::1::1::"))
	f.Fuzz(func(t *testing.T, movies, ratings []byte) {
		b := newBuilder(true, true)
		if b.readMoviesDat(bytes.NewReader(movies), "m") == nil && b.readRatingsDat(bytes.NewReader(ratings), "r") == nil {
			accepted(b)
		}
	})
}

func FuzzMovieLens100k(f *testing.F) {
	f.Add([]byte(item100k), []byte(data100k))
	f.Fuzz(func(t *testing.T, items, data []byte) {
		b := newBuilder(true, true)
		if b.readItem100k(bytes.NewReader(items), "i") == nil && b.readRatings(bytes.NewReader(data), "d", "\t") == nil {
			accepted(b)
		}
	})
}

func FuzzSASRec(f *testing.F) {
	s := sasFiles()
	f.Add(s["sasrec/train_input.txt.gz"], s[sasValInput], s[sasValOutput], s[sasTest], s[sasItems], s[sasUsers])
	f.Fuzz(func(t *testing.T, train, valInput, valOutput, test, items, users string) {
		b := newBuilder(false, false)
		if err := b.readMoviesDat(strings.NewReader(moviesDat), "m"); err != nil {
			t.Fatal(err)
		}
		numbers := map[string][][]int64{}
		for name, text := range map[string]string{
			sasTrain: train, sasValInput: valInput, sasValOutput: valOutput, sasTest: test, sasItems: items, sasUsers: users,
		} {
			rows, err := readNumbers(strings.NewReader(text), name)
			if err != nil {
				return
			}
			numbers[name] = rows
		}
		if b.joinSASRec("", numbers) == nil {
			accepted(b)
		}
	})
}

func FuzzYelp(f *testing.F) {
	f.Add([]byte(yelpItems), []byte(yelpText))
	f.Add([]byte(`{"1":{"title":{}}}`), []byte("1 1"))
	f.Fuzz(func(t *testing.T, items, text []byte) {
		b := newBuilder(false, false)
		if b.readYelpItems(bytes.NewReader(items), "i") == nil && b.readSequences(bytes.NewReader(text), "t") == nil {
			accepted(b)
		}
	})
}

func FuzzPeople(f *testing.F) {
	f.Add([]byte("1::F::25::12::123\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		people, err := readPeople(bytes.NewReader(text), "u")
		for _, p := range people {
			if err == nil {
				_ = Occupations[p.Occupation]
			}
		}
	})
}

func FuzzTitle(f *testing.F) {
	f.Add("Kite, The (a.k.a. Paper Bird, A) (1971)")
	f.Add("Étranger, L' (1950–")
	f.Fuzz(func(t *testing.T, title string) {
		titleYear(title)
		clean := CleanTitle(title)
		if len(strings.Fields(clean)) > 0 != (len(strings.Fields(title)) > 0) {
			t.Fatalf("%q became %q", title, clean)
		}
		if utf8.ValidString(title) && !utf8.ValidString(clean) {
			t.Fatalf("%q became %q", title, clean)
		}
	})
}
