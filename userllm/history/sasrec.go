package history

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// The files of SASRec's split of MovieLens 1M.
const (
	sasTrain     = "sasrec/train_input.txt"
	sasValInput  = "sasrec/val_input.txt"
	sasValOutput = "sasrec/val_output.txt"
	sasTest      = "sasrec/test_output.txt"
	sasItems     = "sasrec/sas_to_original_items.txt"
	sasUsers     = "sasrec/sas_to_original_users.txt"
)

// loadSASRec reads movies.dat and SASRec's sequences (see Open). In SASRec's
// numbers items are counted in the order in which they first occur, which would
// give much away, so the data set uses the original ones.
func loadSASRec(dir, name string) (*Dataset, error) {
	b := newBuilder(false, false)
	if err := read(dir, "movies.dat", b.readMoviesDat); err != nil {
		return nil, err
	}
	numbers := make(map[string][][]int64)
	for _, f := range []string{sasTrain, sasValInput, sasValOutput, sasTest, sasItems, sasUsers} {
		err := read(dir, f, func(r io.Reader, file string) (err error) {
			numbers[f], err = readNumbers(r, file)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if err := b.joinSASRec(dir, numbers); err != nil {
		return nil, err
	}
	return b.dataset(name)
}

// joinSASRec puts the parts of each sequence together.
func (b *builder) joinSASRec(dir string, numbers map[string][][]int64) error {
	fail := func(file string, line int, format string, args ...any) error {
		path, _ := find(dir, file)
		return fmt.Errorf("history: %s:%d: %w", path, line+1, fmt.Errorf(format, args...))
	}
	train, test := numbers[sasTrain], numbers[sasTest]
	for _, same := range [][2]string{{sasTrain, sasTest}, {sasTrain, sasUsers}, {sasValInput, sasValOutput}} {
		if x, y := len(numbers[same[0]]), len(numbers[same[1]]); x != y {
			return fail(same[1], y, "%d lines, but %s has %d", y, same[0], x)
		}
	}
	for _, file := range []string{sasTest, sasValOutput} {
		for i, row := range numbers[file] {
			if len(row) != 1 {
				return fail(file, i, "%d numbers; want 1", len(row))
			}
		}
	}
	original := map[string]map[int64]int64{}
	for _, file := range []string{sasItems, sasUsers} {
		original[file] = map[int64]int64{}
		taken := map[int64]bool{}
		for i, row := range numbers[file] {
			if len(row) != 2 {
				return fail(file, i, "%d numbers; want a SASRec number and an original one", len(row))
			}
			if _, ok := original[file][row[0]]; ok || taken[row[1]] {
				return fail(file, i, "a number is mapped twice")
			}
			original[file][row[0]], taken[row[1]] = row[1], true
		}
	}

	// The users of val_input are not named. They are in the order of train_input,
	// which has all of their items but the last.
	val := 0
	for i, items := range train {
		user, ok := original[sasUsers][int64(i+1)]
		if !ok {
			return fail(sasUsers, i, "no line for user %d", i+1)
		}
		add := func(file string, line int, items []int64) error {
			for _, sas := range items {
				item, ok := original[sasItems][sas]
				if !ok {
					return fail(file, line, "item %d is not in %s", sas, sasItems)
				}
				if err := b.addEvent(user, item, 0, 0); err != nil {
					return fail(file, line, "%w", err)
				}
			}
			return nil
		}
		if err := add(sasTrain, i, items); err != nil {
			return err
		}
		if val < len(numbers[sasValInput]) {
			if whole := numbers[sasValInput][val]; slices.Equal(whole[:len(whole)-1], items) {
				if err := add(sasValInput, val, whole[len(whole)-1:]); err != nil {
					return err
				}
				if err := add(sasValOutput, val, numbers[sasValOutput][val]); err != nil {
					return err
				}
				val++
			}
		}
		if err := add(sasTest, i, test[i]); err != nil {
			return err
		}
	}
	if val < len(numbers[sasValInput]) {
		return fail(sasValInput, val, "does not continue any line of %s after those of the lines before", sasTrain)
	}
	return nil
}

// readNumbers reads lines of numbers between blanks. No line is empty.
func readNumbers(r io.Reader, file string) ([][]int64, error) {
	in := newLines(r, file)
	var rows [][]int64
	for in.next() {
		var row []int64
		for field := range bytes.FieldsSeq(in.text) {
			n, err := parseID(field)
			if err != nil {
				return nil, in.errorf("%w", err)
			}
			row = append(row, n)
		}
		rows = append(rows, slices.Clip(row))
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, in.errorf("empty file")
	}
	return rows, nil
}
