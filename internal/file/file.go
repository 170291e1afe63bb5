// Package file writes files whole or not at all, and says in one line what went
// wrong with one and what to do about it.
package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write puts data at path, whole or not at all: it writes a temporary file
// in the same folder, syncs it, renames it over path and syncs the folder. A
// reader, or a program that starts after a crash, sees the old content or the
// new, never a part. On an error the temporary file is removed and whatever
// stood at path is as it was.
func Write(path string, data []byte) error {
	return WriteWith(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteWith is Write for content that is written in pieces. An error of
// write is returned wrapped with the path, and nothing is left behind.
func WriteWith(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".tmp*")
	if err != nil {
		return Explain("write", path, err)
	}
	defer func() {
		if err != nil {
			f.Close() // a second Close is harmless
			os.Remove(f.Name())
			err = Explain("write", path, err)
		}
	}()
	b := bufio.NewWriterSize(f, 1<<16)
	if err = write(b); err != nil {
		return err
	}
	if err = b.Flush(); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil { // CreateTemp makes it 0600
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	SyncDir(dir)
	return nil
}

// SyncDir makes the renames in a folder durable. Some systems refuse to sync a
// folder; the files themselves are whole by then, so that is no error.
func SyncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// Explain wraps a file error as one line: what failed, where, why, and what to
// do about it where that is known.
func Explain(verb, path string, err error) error {
	cause := err
	// os's errors repeat the path, often that of the temporary file.
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		cause = pe.Err
	} else if le, ok := errors.AsType[*os.LinkError](err); ok {
		cause = le.Err
	}
	if hint := advice(cause); hint != "" {
		return fmt.Errorf("%s %s: %w (%s)", verb, path, cause, hint)
	}
	return fmt.Errorf("%s %s: %w", verb, path, cause)
}

func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free some space or choose another folder"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only: choose another folder"
	case errors.Is(err, fs.ErrPermission):
		return "check its permissions or choose another folder"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of the path is a file: choose another folder"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	}
	return ""
}
