package history

import (
	"bytes"
	"fmt"
	"io"
)

// Person is what a user said of themselves.
type Person struct {
	Gender     string // "F" or "M"
	Age        int    // the least age of the person's group: 1, 18, 25, 35, 45, 50 or 56
	Occupation int    // 0 to 20, an index into Occupations
}

// Occupations are the names of MovieLens 1M's occupations.
var Occupations = [...]string{
	"other", "academic or educator", "artist", "clerical or admin", "college or graduate student",
	"customer service", "doctor or health care", "executive or managerial", "farmer", "homemaker",
	"K-12 student", "lawyer", "programmer", "retired", "sales or marketing", "scientist",
	"self-employed", "technician or engineer", "tradesman or craftsman", "unemployed", "writer",
}

// People reads MovieLens 1M's users.dat (or users.dat.gz) in dir and returns
// what it says of each of the data set's users, [users]. These are the labels of
// RLPF's tasks age, gender and occupation (arXiv 2409.04421, section 4). A user
// who is not in the file is an error.
func People(dir string, d *Dataset) ([]Person, error) {
	people := make([]Person, len(d.Users))
	err := read(dir, "users.dat", func(r io.Reader, file string) error {
		known, err := readPeople(r, file)
		if err != nil {
			return err
		}
		for i, u := range d.Users {
			p, ok := known[u.Key]
			if !ok {
				return fmt.Errorf("history: %s: no line for user %s", file, u.Key)
			}
			people[i] = p
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return people, nil
}

// readPeople reads lines "user::gender::age::occupation::zip code".
func readPeople(r io.Reader, file string) (map[string]Person, error) {
	in := newLines(r, file)
	people := map[string]Person{}
	for in.next() {
		f := bytes.Split(in.text, colons)
		if len(f) != 5 {
			return nil, in.errorf("%d fields; want user::gender::age::occupation::zip", len(f))
		}
		gender := string(f[1])
		if gender != "F" && gender != "M" {
			return nil, in.errorf("gender %q is neither F nor M", clip(f[1]))
		}
		for _, number := range [][]byte{f[0], f[2], f[3]} {
			if _, err := parseID(number); err != nil {
				return nil, in.errorf("%w", err)
			}
		}
		age, _ := parseID(f[2])
		occupation, _ := parseID(f[3])
		if age > 150 || occupation >= int64(len(Occupations)) {
			return nil, in.errorf("age %d or occupation %d is out of range", age, occupation)
		}
		user := string(f[0])
		if _, ok := people[user]; ok {
			return nil, in.errorf("user %s is listed twice", user)
		}
		people[user] = Person{gender, int(age), int(occupation)}
	}
	return people, in.err()
}
