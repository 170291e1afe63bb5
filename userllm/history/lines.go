package history

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What a file may ask for. The longest line of the known files has 15 kB, the
// largest compressed one unpacks to 4 MB.
const (
	maxLine     = 1 << 20 // bytes of one line
	maxUnpacked = 1 << 30 // bytes of one compressed file, unpacked
)

var errUnpacked = fmt.Errorf("unpacks to more than %d bytes", maxUnpacked)

// find returns the path of dir/name, or of dir/name.gz if only that exists.
func find(dir, name string) (string, bool) {
	for _, suffix := range []string{"", ".gz"} {
		path := filepath.Join(dir, filepath.FromSlash(name)) + suffix
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, true
		}
	}
	return "", false
}

// read opens dir/name or dir/name.gz and hands its content and its path to f.
func read(dir, name string, f func(r io.Reader, file string) error) error {
	path, ok := find(dir, name)
	if !ok {
		return fmt.Errorf("history: %s: %w", filepath.Join(dir, name), fs.ErrNotExist)
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer file.Close()
	if !strings.HasSuffix(path, ".gz") {
		return f(file, path)
	}
	unzip, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return fmt.Errorf("history: %s: %w", path, err)
	}
	return f(&limited{unzip, maxUnpacked}, path)
}

// limited is io.LimitedReader with an error in place of a silent end.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errUnpacked
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// lines reads a file line by line, without trailing "\n" or "\r\n".
type lines struct {
	scan *bufio.Scanner
	file string
	n    int // number of the line in text
	text []byte
}

func newLines(r io.Reader, file string) *lines {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 64<<10), maxLine)
	return &lines{scan: scan, file: file}
}

// next moves to the next line that is not blank; text holds until the call after.
func (l *lines) next() bool {
	for l.scan.Scan() {
		l.n++
		if l.text = bytes.TrimSpace(l.scan.Bytes()); len(l.text) > 0 {
			return true
		}
	}
	return false
}

// err returns what stopped next, nil at the end of the file.
func (l *lines) err() error {
	err := l.scan.Err()
	if err == nil {
		return nil
	}
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("line is longer than %d bytes: %w", maxLine, err)
	}
	l.n++
	return l.errorf("%w", err)
}

// errorf returns an error about the present line.
func (l *lines) errorf(format string, args ...any) error {
	return fmt.Errorf("history: %s:%d: %w", l.file, l.n, fmt.Errorf(format, args...))
}

// parseID reads a decimal number of at most 18 digits and nothing else.
func parseID(b []byte) (int64, error) {
	if len(b) == 0 || len(b) > 18 {
		return 0, fmt.Errorf("%q is not a number of 1 to 18 digits", clip(b))
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%q is not a non-negative number", clip(b))
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// parseRating reads a MovieLens rating: above 0 and at most 5.
func parseRating(b []byte) (float32, error) {
	r, err := strconv.ParseFloat(string(b), 32)
	if err != nil || !(r > 0 && r <= 5) {
		return 0, fmt.Errorf("rating %q is not a number above 0 and up to 5", clip(b))
	}
	return float32(r), nil
}

// clip keeps rubbish in an error message short.
func clip(b []byte) []byte {
	return b[:min(len(b), 40)]
}

// decode returns b as text: as it is if it is valid UTF-8, else read as Latin-1,
// the encoding of MovieLens 100k and 1M. Accented Latin-1 text is hardly ever
// valid UTF-8 by accident.
func decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}
