package history

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// folder writes files into a new folder; a name that ends in .gz is compressed.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		data := []byte(content)
		if strings.HasSuffix(name, ".gz") {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, err := z.Write(data)
			require.NoError(t, err)
			require.NoError(t, z.Close())
			data = b.Bytes()
		}
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	return dir
}

// The fixtures are made up; no row is from a data set.
const (
	moviesHeader  = "movieId,title,genres\n"
	ratingsHeader = "userId,movieId,rating,timestamp\n"
	moviesCSV     = moviesHeader +
		"70,Plain Tale (1991),Drama\r\n" +
		"9,\"Paper Kite, The (2001)\",Comedy|Drama\r\n" +
		"12,\"A \"\"Quoted\"\" Word\",(no genres listed)\n" +
		"13,Never Seen (1999),Western\n"
	ratingsCSV = ratingsHeader +
		"20,9,4.5,1000\n20,70,3.0,900\n\n3,12,0.5,50\n3,9,5.0,60\n"

	moviesDat  = "7::Caf\xe9 :: Noir, Le (1950)::Crime|Drama\n2::Second Wind (1980)::Comedy\n5::Third Man Out (1981)::Comedy\n8::Fourth Wall (1982)::Drama\n"
	ratingsDat = "1::7::4::300\n1::2::5::200\n2::5::1::100\n2::8::2::50\n"

	item100k = "1|Kite, The (1971)|01-Jan-1971||http://example.org/1|0|0|0|0|0|1|0|0|1|0|0|0|0|0|0|0|0|0|0\n" +
		"2|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
	data100k = "5\t1\t3\t20\n4\t2\t1\t10\n5\t2\t2\t10\n"

	yelpItems = `{"0": {"title": "Corner Bakery", "description": "Food, Bakeries"}, "1": {"title": "Old Mill", "description": ""}}`
	yelpText  = "2 2 1\n1 1 2 1\n"
)

func moviesAndRatings(movies, ratings string) map[string]string {
	return map[string]string{"movies.csv": movies, "ratings.csv": ratings}
}

func sasFiles() map[string]string {
	return map[string]string{
		"movies.dat":                       moviesDat,
		"sasrec/train_input.txt.gz":        "1 2\n2 3 1\n1 2\n",
		"sasrec/val_input.txt":             "2 3 1 4\n1 2 3\n",
		"sasrec/val_output.txt":            "1\n4\n",
		"sasrec/test_output.txt":           "4\n2\n1\n",
		"sasrec/sas_to_original_items.txt": "1 7\n2 2\n3 5\n4 8\n",
		"sasrec/sas_to_original_users.txt": "1 40\n2 20\n3 30\n",
	}
}

func with(files map[string]string, name, content string) map[string]string {
	files[name] = content
	return files
}

func TestOpenCSV(t *testing.T) {
	dir := folder(t, moviesAndRatings(moviesCSV, ratingsCSV))
	d, err := Open(dir, "ml-latest-small")
	require.NoError(t, err)
	require.Equal(t, &Dataset{
		Name: "ml-latest-small",
		Items: []Item{
			{0, "9", "The Paper Kite (2001)", 2001, []int32{0, 1}},
			{1, "12", `A "Quoted" Word`, 0, nil},
			{2, "70", "Plain Tale (1991)", 1991, []int32{1}},
		},
		Genres: []string{"Comedy", "Drama"},
		Users: []User{
			{"3", []Event{{1, .5, 50}, {0, 5, 60}}},
			{"20", []Event{{2, 3, 900}, {0, 4.5, 1000}}},
		},
		HasRatings: true, HasTimes: true,
	}, d)
	require.Equal(t, 4, d.NumEvents())
}

func TestOpenDat(t *testing.T) {
	d, err := Open(folder(t, map[string]string{"movies.dat": moviesDat, "ratings.dat.gz": ratingsDat}), "ml-1m")
	require.NoError(t, err)
	require.Equal(t, Item{2, "7", "Le Café :: Noir (1950)", 1950, []int32{1, 2}}, d.Items[2])
	require.Equal(t, []User{{"1", []Event{{0, 5, 200}, {2, 4, 300}}}, {"2", []Event{{3, 2, 50}, {1, 1, 100}}}}, d.Users)
}

func TestOpen100k(t *testing.T) {
	d, err := Open(folder(t, map[string]string{"u.item": item100k, "u.data": data100k}), "ml-100k")
	require.NoError(t, err)
	require.Equal(t, []string{"Comedy", "Drama"}, d.Genres)
	require.Equal(t, []Item{{0, "1", "The Kite (1971)", 1971, []int32{0, 1}}, {1, "2", "unknown", 0, nil}}, d.Items)
	require.Equal(t, []User{{"4", []Event{{1, 1, 10}}}, {"5", []Event{{1, 2, 10}, {0, 3, 20}}}}, d.Users)
}

func TestOpenSASRec(t *testing.T) {
	d, err := Open(folder(t, sasFiles()), "ml-1m")
	require.NoError(t, err)
	require.False(t, d.HasRatings || d.HasTimes)
	got := map[string][]string{}
	for _, u := range d.Users {
		for _, e := range u.Events {
			got[u.Key] = append(got[u.Key], d.Items[e.Item].Key)
		}
	}
	// User 1 (40) has the training items of the second validation user too, but
	// comes before the first one, so the third user is the one meant.
	require.Equal(t, map[string][]string{
		"40": {"7", "2", "8"},
		"20": {"2", "5", "7", "8", "7", "2"},
		"30": {"7", "2", "5", "8", "7"},
	}, got)
}

func TestOpenYelp(t *testing.T) {
	d, err := Open(folder(t, map[string]string{"Yelp.txt.gz": yelpText, "Yelp.item.json.gz": yelpItems}), "yelp")
	require.NoError(t, err)
	require.Equal(t, &Dataset{
		Name:   "yelp",
		Items:  []Item{{0, "1", "Corner Bakery", 0, []int32{0, 1}}, {1, "2", "Old Mill", 0, nil}},
		Genres: []string{"Bakeries", "Food"},
		Users:  []User{{"1", []Event{{Item: 0}, {Item: 1}, {Item: 0}}}, {"2", []Event{{Item: 1}, {Item: 0}}}},
	}, d)
}

func TestOpenErrors(t *testing.T) {
	long := strings.Repeat("7", maxLine+1)
	rubbish := "\x00\x01\xfe\xff\x80 \x1f\x8b\n\xc3"
	ml, m1, m100, yelp := "ml-latest-small", "ml-1m", "ml-100k", "yelp"
	dat := func(movies, ratings string) map[string]string {
		return map[string]string{"movies.dat": movies, "ratings.dat": ratings}
	}
	yelpFiles := func(items, text string) map[string]string {
		return map[string]string{"Yelp.item.json": items, "Yelp.txt": text}
	}
	for _, c := range []struct {
		what, name string
		files      map[string]string
		want       []string
	}{
		{"unknown name", "ml-7", nil, []string{`"ml-7"`, "ml-latest-small", "yelp"}},
		{"missing file", ml, map[string]string{"movies.csv": moviesCSV}, []string{"lacks ratings.csv", "grouplens.org"}},
		{"missing files", m1, nil, []string{"movies.dat, ratings.dat", "sasrec/train_input.txt"}},
		{"empty movies", ml, moviesAndRatings("", ratingsCSV), []string{"movies.csv:0", "empty"}},
		{"empty ratings", ml, moviesAndRatings(moviesCSV, ""), []string{"ratings.csv:0", "empty"}},
		{"no ratings", ml, moviesAndRatings(moviesCSV, ratingsHeader), []string{"no events"}},
		{"wrong header", ml, moviesAndRatings("a,b\n", ratingsCSV), []string{"movies.csv:1", "header"}},
		{"truncated line", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,9,3.0,5\n1,9,3"), []string{"ratings.csv:3", "3 fields"}},
		{"extra field", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,9,3.0,5,6\n"), []string{"ratings.csv:2", "5 fields"}},
		{"binary rubbish", ml, moviesAndRatings(moviesCSV, ratingsHeader+rubbish), []string{"ratings.csv:2"}},
		{"control character", ml, moviesAndRatings(moviesHeader+"1,a\x00b,Drama\n", ratingsCSV), []string{"movies.csv:2", "control"}},
		{"stray quote", ml, moviesAndRatings(moviesHeader+"1,\"open,Drama\n2,b,Drama\n", ratingsCSV), []string{"movies.csv:2"}},
		{"no title", ml, moviesAndRatings(moviesHeader+"1, ,Drama\n", ratingsCSV), []string{"movies.csv:2", "no title"}},
		{"negative user", ml, moviesAndRatings(moviesCSV, ratingsHeader+"-1,9,3.0,5\n"), []string{"ratings.csv:2", `"-1"`}},
		{"negative time", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,9,3.0,-5\n"), []string{"ratings.csv:2", `"-5"`}},
		{"negative rating", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,9,-3.0,5\n"), []string{"ratings.csv:2", "rating"}},
		{"rating NaN", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,9,NaN,5\n"), []string{"ratings.csv:2", "rating"}},
		{"rating too high", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,9,5.5,5\n"), []string{"ratings.csv:2", "rating"}},
		{"huge number", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,99999999999999999999,3,5\n"), []string{"ratings.csv:2", "digits"}},
		{"duplicate movie", ml, moviesAndRatings(moviesCSV+"9,Again (2000),Drama\n", ratingsCSV), []string{"movies.csv:6", "twice"}},
		{"unknown movie", ml, moviesAndRatings(moviesCSV, ratingsHeader+"1,10,3.0,5\n"), []string{"ratings.csv:2", "item 10 "}},
		{"long line", ml, moviesAndRatings(moviesCSV, ratingsHeader+long), []string{"ratings.csv:2", "longer"}},
		{"long header", ml, moviesAndRatings(long, ratingsCSV), []string{"movies.csv:1", "longer"}},

		{"dat separators", m1, dat("1::Half (1990)\n", ratingsDat), []string{"movies.dat:1"}},
		{"dat triple colon", m1, dat("1:::\n", ratingsDat), []string{"movies.dat:1"}},
		{"dat duplicate", m1, dat(moviesDat+"7::b::c\n", ratingsDat), []string{"movies.dat:5", "twice"}},
		{"dat truncated", m1, dat(moviesDat, ratingsDat+"2::7::3"), []string{"ratings.dat:5", "3 fields"}},
		{"dat empty", m1, dat(moviesDat, ""), []string{"no events"}},
		{"100k fields", m100, map[string]string{"u.item": "1|a|b\n", "u.data": data100k}, []string{"u.item:1", "3 fields"}},
		{"100k flag", m100, map[string]string{"u.item": strings.Replace(item100k, "|1|", "|2|", 1), "u.data": data100k}, []string{"u.item:1", "flag"}},
		{"100k negative", m100, map[string]string{"u.item": item100k, "u.data": "1\t-1\t3\t5\n"}, []string{"u.data:1"}},

		{"sas short test", m1, with(sasFiles(), "sasrec/test_output.txt", "4\n2\n"), []string{"test_output.txt:3", "2 lines"}},
		{"sas two tests", m1, with(sasFiles(), "sasrec/test_output.txt", "4\n2 3\n1\n"), []string{"test_output.txt:2", "want 1"}},
		{"sas unmapped item", m1, with(sasFiles(), "sasrec/train_input.txt.gz", "1 2\n2 3 1\n1 9\n"), []string{"train_input.txt.gz:3", "item 9"}},
		{"sas unknown movie", m1, with(sasFiles(), "sasrec/sas_to_original_items.txt", "1 7\n2 2\n3 5\n4 99\n"), []string{"test_output.txt:1", "item 99"}},
		{"sas mapped twice", m1, with(sasFiles(), "sasrec/sas_to_original_users.txt", "1 40\n2 20\n1 30\n"), []string{"users.txt:3", "twice"}},
		{"sas map columns", m1, with(sasFiles(), "sasrec/sas_to_original_users.txt", "1 40\n2\n3 30\n"), []string{"users.txt:2", "want"}},
		{"sas user missing", m1, with(sasFiles(), "sasrec/sas_to_original_users.txt", "1 40\n2 20\n4 30\n"), []string{"users.txt:3", "user 3"}},
		{"sas stray validation", m1, with(sasFiles(), "sasrec/val_input.txt", "2 3 1 4\n3 3 3\n"), []string{"val_input.txt:2"}},
		{"sas no number", m1, with(sasFiles(), "sasrec/val_output.txt", "1\nx\n"), []string{"val_output.txt:2", `"x"`}},
		{"sas empty", m1, with(sasFiles(), "sasrec/val_output.txt", ""), []string{"val_output.txt:0", "empty"}},

		{"yelp not an object", yelp, yelpFiles("[1]", yelpText), []string{"Yelp.item.json", "object"}},
		{"yelp truncated", yelp, yelpFiles(yelpItems[:60], yelpText), []string{"Yelp.item.json", "unexpected EOF"}},
		{"yelp unclosed", yelp, yelpFiles(yelpItems[:len(yelpItems)-1], yelpText), []string{"unexpected EOF"}},
		{"yelp key", yelp, yelpFiles(`{"-1": {}}`, yelpText), []string{"Yelp.item.json", `"-1"`}},
		{"yelp type", yelp, yelpFiles(`{"0": {"title": 3}}`, yelpText), []string{"Yelp.item.json"}},
		{"yelp empty", yelp, yelpFiles("", yelpText), []string{"Yelp.item.json"}},
		{"yelp no events", yelp, yelpFiles(yelpItems, ""), []string{"no events"}},
		{"yelp unknown item", yelp, yelpFiles(yelpItems, "1 1 3\n"), []string{"Yelp.txt:1", "item 3"}},
		{"yelp no items", yelp, yelpFiles(yelpItems, "1 1 2\n4\n"), []string{"Yelp.txt:2", "no items"}},
		{"yelp twice", yelp, yelpFiles(yelpItems, "1 1 2\n1 2\n"), []string{"Yelp.txt:2", "twice"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := Open(folder(t, c.files), c.name)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.Less(t, len(err.Error()), 700)
		})
	}
}

func TestReadErrors(t *testing.T) {
	dir := folder(t, map[string]string{"a.gz": "1 2 3\n"})
	whole, err := os.ReadFile(filepath.Join(dir, "a.gz"))
	require.NoError(t, err)
	dir = folder(t, map[string]string{"Yelp.item.json": yelpItems})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Yelp.txt.gz"), whole[:len(whole)-6], 0o644))
	_, err = Open(dir, "yelp")
	require.ErrorContains(t, err, "Yelp.txt.gz:")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Yelp.txt.gz"), []byte("plain text"), 0o644))
	_, err = Open(dir, "yelp")
	require.ErrorIs(t, err, gzip.ErrHeader)

	_, err = (&limited{strings.NewReader("abc"), 0}).Read(make([]byte, 2))
	require.ErrorIs(t, err, errUnpacked)
	require.ErrorIs(t, read(dir, "absent", nil), fs.ErrNotExist)
}

func TestDetect(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"ml-latest-small": moviesAndRatings("", ""),
		"ml-1m":           sasFiles(),
		"ml-100k":         {"u.item": "", "u.data": ""},
		"yelp":            {"Yelp.txt.gz": "", "Yelp.item.json": ""},
	} {
		got, err := Detect(folder(t, files))
		require.NoError(t, err)
		require.Equal(t, name, got)
	}
	dir := folder(t, moviesAndRatings("", ""))
	for name, size := range map[string]int64{"ml-20m": 533e6, "ml-25m": 678e6, "ml-32m": 877e6} {
		require.NoError(t, os.Truncate(filepath.Join(dir, "ratings.csv"), size)) // sparse
		got, err := Detect(dir)
		require.NoError(t, err)
		require.Equal(t, name, got)
	}
	_, err := Detect(folder(t, nil))
	require.ErrorContains(t, err, "u.item, u.data")
	_, err = Detect(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestPeople(t *testing.T) {
	d := &Dataset{Users: []User{{Key: "2"}, {Key: "1"}}}
	dir := folder(t, map[string]string{"users.dat": "1::F::25::12::123\n2::M::1::0::9-8\n3::M::1::20::0\n"})
	got, err := People(dir, d)
	require.NoError(t, err)
	require.Equal(t, []Person{{"M", 1, 0}, {"F", 25, 12}}, got)
	require.Equal(t, "programmer", Occupations[got[1].Occupation])
	for content, want := range map[string]string{
		"1::F::25::12::123\n":                     "user 2",
		"1::F::25::12\n":                          "users.dat:1",
		"1::F::25::12::1\n1::F::25::12::1\n":      "users.dat:2",
		"1::X::25::12::1\n":                       "gender",
		"1::F::-25::12::1\n":                      `"-25"`,
		"1::F::25::21::1\n":                       "range",
		"1::F::25::99999999999999999999::1\n\x00": "digits",
	} {
		_, err := People(folder(t, map[string]string{"users.dat": content}), d)
		require.ErrorContains(t, err, want)
	}
	_, err = People(t.TempDir(), d)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
