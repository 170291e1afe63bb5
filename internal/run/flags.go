package run

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/noema-ml/noema/internal/file"
)

// A UsageError is a mistake on the command line: one line that says what to do.
type UsageError struct{ Text string }

// Error returns the line.
func (e *UsageError) Error() string { return e.Text }

// Usagef makes a *UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{fmt.Sprintf(format, args...)}
}

// Parse parses args into fs. Its errors are *UsageError, of one line; an
// argument that is no flag is one. -h prints the flags to help and returns
// flag.ErrHelp.
func Parse(fs *flag.FlagSet, args []string, help io.Writer) error {
	fs.Init(fs.Name(), flag.ContinueOnError) // never exits
	usage := fs.Usage
	fs.Usage = func() {} // flag calls it on every error; one line is enough
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	fs.Usage = usage
	fs.SetOutput(help)
	switch {
	case errors.Is(err, flag.ErrHelp):
		if usage != nil {
			usage()
		} else {
			fmt.Fprintf(help, "Usage: %s [flags]\n\n", fs.Name())
			fs.PrintDefaults()
		}
		return flag.ErrHelp
	case err != nil:
		text := err.Error()
		if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
			return Usagef("unknown flag %s; -h lists the flags", name)
		}
		return &UsageError{text}
	case fs.NArg() > 0:
		return Usagef("unexpected argument %q; every option is a flag, -h lists them", fs.Arg(0))
	}
	return nil
}

// Given reports which flags stood on the command line, by name.
func Given(fs *flag.FlagSet) map[string]bool {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return given
}

// value is a flag.Value made of two functions.
type value[T any] struct {
	at    *T
	parse func(string) (T, error)
	text  func(T) string
}

func (v *value[T]) Set(s string) error {
	x, err := v.parse(s)
	if err == nil {
		*v.at = x
	}
	return err
}

func (v *value[T]) String() string {
	if v.at == nil { // flag makes a zero value to compare defaults with
		return ""
	}
	return v.text(*v.at)
}

func define[T any](fs *flag.FlagSet, name string, def T, usage string, parse func(string) (T, error), text func(T) string) *T {
	at := new(T)
	*at = def
	fs.Var(&value[T]{at, parse, text}, name, usage)
	return at
}

// Choice defines a flag that takes one of values; def may also be "" for none.
func Choice(fs *flag.FlagSet, name, def, usage string, values ...string) *string {
	return define(fs, name, def, usage+": "+orList(values), func(s string) (string, error) {
		if !slices.Contains(values, s) {
			return "", fmt.Errorf("want %s", orList(values))
		}
		return s, nil
	}, func(s string) string { return s })
}

func orList(values []string) string {
	if len(values) < 2 {
		return strings.Join(values, "")
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

// Int defines a flag for a whole number between low and high, both included.
func Int(fs *flag.FlagSet, name string, def, low, high int, usage string) *int {
	return define(fs, name, def, usage, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return 0, fmt.Errorf("want a whole number %s", between(low, high))
		}
		return n, nil
	}, strconv.Itoa)
}

// Positive is Int from 1 on.
func Positive(fs *flag.FlagSet, name string, def int, usage string) *int {
	return Int(fs, name, def, 1, math.MaxInt32, usage)
}

func between(low, high int) string {
	if high >= math.MaxInt32 {
		return fmt.Sprintf("of at least %d", low)
	}
	return fmt.Sprintf("from %d to %d", low, high)
}

// Float defines a flag for a finite number between low and high, both included.
func Float(fs *flag.FlagSet, name string, def, low, high float64, usage string) *float64 {
	return define(fs, name, def, usage, func(s string) (float64, error) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !isFinite(v) || v < low || v > high {
			return 0, fmt.Errorf("want a number from %g to %g", low, high)
		}
		return v, nil
	}, func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) })
}

// Duration defines a flag for a positive duration. def may be 0 for none.
func Duration(fs *flag.FlagSet, name string, def time.Duration, usage string) *time.Duration {
	return define(fs, name, def, usage, func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return 0, errors.New("want a positive duration such as 90s, 30m or 1h")
		}
		return d, nil
	}, func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	})
}

// CheckDir returns an error that names the flag if dir is no folder that can
// be read.
func CheckDir(flagName, dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("-%s %s: not a folder", flagName, dir)
	}
	if err == nil {
		var d *os.File
		if d, err = os.Open(dir); err == nil {
			d.Close()
		}
	}
	if err != nil {
		return file.Explain("-"+flagName, dir, err)
	}
	return nil
}

// CheckWritable returns an error that names the flag if a file could not be
// written at path. It leaves nothing behind. Called at the start, it saves an
// hour of work from an error at the end.
func CheckWritable(flagName, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("-%s %s: a folder, want a file name", flagName, path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".noema-check*")
	if err != nil {
		return file.Explain("-"+flagName, path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write([]byte{0})
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return file.Explain("-"+flagName, path, err)
	}
	return nil
}
