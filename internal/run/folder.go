package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/noema-ml/noema/internal/file"
)

const (
	configName = "config.json"
	lockName   = "lock"
	// A configuration is a few hundred bytes; more is not one of ours.
	maxConfig = 1 << 20
)

// A Folder is where one run keeps what it writes: config.json, metrics.jsonl,
// checkpoints, results.json, report.html. While it is open, no other process
// can open it.
type Folder struct {
	dir  string
	lock *os.File
}

// Create makes the folder dir for a new run, locks it and saves config as its
// config.json. It refuses a folder that already holds a run. If it fails, it
// leaves no folder behind that it made.
func Create(dir string, config any) (*Folder, error) {
	made := false
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, file.Explain("create", dir, err)
	}
	switch err := os.Mkdir(dir, 0o755); {
	case err == nil:
		made = true
	case !errors.Is(err, fs.ErrExist):
		return nil, file.Explain("create", dir, err)
	}
	return create(dir, config, made)
}

// CreateNext is Create for the default name, root/name-n, with the first
// number n ≥ 1 that is free. Two programs that start at once get two folders.
func CreateNext(root, name string, config any) (*Folder, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, file.Explain("create", root, err)
	}
	for n := 1; ; n++ {
		dir := filepath.Join(root, clean(name)+"-"+strconv.Itoa(n))
		switch err := os.Mkdir(dir, 0o755); {
		case err == nil:
			return create(dir, config, true)
		case !errors.Is(err, fs.ErrExist):
			return nil, file.Explain("create", dir, err)
		}
	}
}

func create(dir string, config any, made bool) (_ *Folder, err error) {
	lock, err := takeLock(filepath.Join(dir, lockName))
	if err != nil {
		if made {
			os.Remove(dir)
		}
		return nil, err
	}
	f := &Folder{dir, lock}
	defer func() {
		if err != nil {
			f.Close()
			if made {
				os.Remove(filepath.Join(dir, lockName))
				os.Remove(dir)
			}
		}
	}()
	if _, err := os.Stat(f.Path(configName)); err == nil {
		return nil, fmt.Errorf("%s already holds a run: continue it with -resume %s, or choose another folder", dir, dir)
	}
	data, err := marshal(config, "  ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path(configName), err)
	}
	if err := file.Write(f.Path(configName), data); err != nil {
		return nil, err
	}
	return f, nil
}

// Open locks the folder of an earlier run and reads its configuration into
// config, a pointer: a resumed run goes on as it began, whatever the defaults
// have become since. A field that the file has and config has not is an error,
// for it would be silently lost. config may be nil.
func Open(dir string, config any) (*Folder, error) {
	path := filepath.Join(dir, configName)
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s holds no run (no %s there): check the path", dir, configName)
		}
		return nil, file.Explain("open", path, err)
	}
	lock, err := takeLock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	f := &Folder{dir, lock}
	if config != nil {
		data, err := f.readConfig()
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			if err = d.Decode(config); err != nil {
				err = fmt.Errorf("%s: %w (damaged, or written by another version: start a new run)", path, err)
			}
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

func (f *Folder) readConfig() ([]byte, error) {
	path := f.Path(configName)
	r, err := os.Open(path)
	if err != nil {
		return nil, file.Explain("open", path, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, file.Explain("read", path, err)
	}
	if len(data) > maxConfig {
		return nil, fmt.Errorf("%s: larger than %d bytes: not a configuration", path, maxConfig)
	}
	return data, nil
}

// Dir returns the folder's path, as it was given.
func (f *Folder) Dir() string { return f.dir }

// Path returns the path of a file in the folder.
func (f *Folder) Path(elem ...string) string {
	return filepath.Join(append([]string{f.dir}, elem...)...)
}

// WriteFile puts a file into the folder, whole or not at all; see file.Write.
func (f *Folder) WriteFile(name string, data []byte) error {
	return file.Write(f.Path(name), data)
}

// Close gives the lock back. A second call does nothing.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	lock := f.lock
	f.lock = nil
	return unlockFile(lock)
}

// clean makes a name fit for one folder: what is not a letter, a digit, a dot,
// a dash or an underscore becomes a dash.
func clean(name string) string {
	return strings.TrimLeft(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '-'
	}, name), ".")
}
