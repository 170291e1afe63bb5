package history

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// layout is a set of files that one loader reads.
type layout struct {
	files []string // each may also be there as .gz
	load  func(dir, name string) (*Dataset, error)
}

// known is a data set that Open knows by name.
type known struct {
	name    string
	layouts []layout // the first one whose files are all there is read
	from    string   // where to get it
}

var csvLayout = []layout{{[]string{"movies.csv", "ratings.csv"}, loadCSV}}

var catalogue = []known{
	{"ml-latest-small", csvLayout, movielensURL},
	{"ml-20m", csvLayout, movielensURL},
	{"ml-25m", csvLayout, movielensURL},
	{"ml-32m", csvLayout, movielensURL},
	{"ml-1m", []layout{
		{[]string{"movies.dat", "ratings.dat"}, loadDat},
		{[]string{"movies.dat", sasTrain, sasValInput, sasValOutput, sasTest, sasItems, sasUsers}, loadSASRec},
	}, movielensURL},
	{"ml-100k", []layout{{[]string{"u.item", "u.data"}, load100k}}, movielensURL},
	{"yelp", []layout{{[]string{"Yelp.txt", "Yelp.item.json"}, loadYelp}},
		"https://github.com/RUCAIBox/CIKM2020-S3Rec and https://github.com/HonghuiBao2000/LETTER"},
}

const movielensURL = "https://grouplens.org/datasets/movielens/"

// Open loads a data set from the folder dir. The names and the files that each
// one needs in dir, any of which may be compressed (.gz):
//
//	ml-latest-small, ml-20m, ml-25m, ml-32m   movies.csv, ratings.csv
//	ml-1m     movies.dat with ratings.dat, or without it with sasrec/: SASRec's
//	          sequences, without ratings and times (see below)
//	ml-100k   u.data, u.item
//	yelp      Yelp.txt, Yelp.item.json
//
// Items without events are dropped, users and items are in the order of their
// original numbers, events in the order that [Dataset.Order] describes.
//
// The sequences of ml-1m's sasrec/ are train_input.txt (the items of each user in
// order of time, without the last two), val_input.txt and val_output.txt (the
// same without the last two, and the item before the last, of 512 of the users),
// test_output.txt (the last item) and the maps sas_to_original_items.txt and
// sas_to_original_users.txt. So the timelines of these 512 users are whole, and
// all others lack the item before the last. Each ends with the test item.
//
// A file that is missing, truncated or not what it should be gives an error that
// names it, and the line.
func Open(dir, name string) (*Dataset, error) {
	for _, k := range catalogue {
		if k.name != name {
			continue
		}
		var wanted []string
		for _, l := range k.layouts {
			if l.missing(dir) == nil {
				return l.load(dir, name)
			}
			wanted = append(wanted, strings.Join(l.files, ", "))
		}
		return nil, fmt.Errorf("history: %s: %q lacks %s (looked for %s; each may end in .gz); get the data set from %s and unpack it there",
			name, dir, strings.Join(k.layouts[0].missing(dir), ", "), strings.Join(wanted, "; or "), k.from)
	}
	names := make([]string, len(catalogue))
	for i, k := range catalogue {
		names[i] = k.name
	}
	return nil, fmt.Errorf("history: unknown data set %q; known are %s", name, strings.Join(names, ", "))
}

// missing returns the files of the layout that dir does not have.
func (l layout) missing(dir string) []string {
	var missing []string
	for _, f := range l.files {
		if _, ok := find(dir, f); !ok {
			missing = append(missing, f)
		}
	}
	return missing
}

// Detect guesses from the files in dir which data set it holds and returns the
// name for Open. The MovieLens data sets in CSV have the same files and are told
// apart by the size of ratings.csv.
func Detect(dir string) (string, error) {
	var wanted []string
	for _, k := range catalogue {
		for _, l := range k.layouts {
			if l.missing(dir) == nil {
				if k.name == "ml-latest-small" {
					return csvName(dir), nil
				}
				return k.name, nil
			}
			if files := strings.Join(l.files, ", "); len(wanted) == 0 || wanted[len(wanted)-1] != files {
				wanted = append(wanted, files)
			}
		}
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("history: %w", err)
	}
	return "", fmt.Errorf("history: no known data set in %q; looked for %s", dir, strings.Join(wanted, "; or "))
}

// csvName tells MovieLens's CSV data sets apart. Their ratings.csv has about 2.4,
// 533, 678 and 877 MB.
func csvName(dir string) string {
	info, err := os.Stat(filepath.Join(dir, "ratings.csv"))
	switch {
	case err != nil || info.Size() < 100e6:
		return "ml-latest-small"
	case info.Size() < 600e6:
		return "ml-20m"
	case info.Size() < 780e6:
		return "ml-25m"
	}
	return "ml-32m"
}
