package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/noema-ml/noema/internal/file"
)

// Metrics appends records to a file of JSON lines. Every record goes to the
// system in one write, so a kill loses at most the line it interrupts, and
// OpenMetrics removes that one. Its methods may be called by several
// goroutines.
type Metrics struct {
	mu   sync.Mutex
	f    *os.File
	path string
	err  error
}

// OpenMetrics opens or creates the file at path for appending. A last line
// that a crash has torn (no newline, or no JSON) is cut off.
func OpenMetrics(path string) (*Metrics, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, file.Explain("open", path, err)
	}
	m := &Metrics{f: f, path: path}
	whole := int64(0)
	err = m.scan(func(_ []byte, end int64) { whole = end })
	if err == nil {
		err = m.cut(whole)
	}
	if err != nil {
		f.Close()
		return nil, file.Explain("read", path, err)
	}
	return m, nil
}

// Log appends one record; v is a map or a struct. NaN and ±Inf are written as
// null. After a failed write every later call returns the same error.
func (m *Metrics) Log(v any) error {
	line, err := marshal(v, "")
	if err != nil {
		return fmt.Errorf("%s: %w", m.path, err)
	}
	_, err = m.Write(append(line, '\n'))
	return err
}

// Write appends p, which must be whole lines: Metrics can stand where an
// io.Writer of JSON lines is wanted.
func (m *Metrics) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.f.Write(p)
	if err != nil {
		m.err = file.Explain("write", m.path, err)
	}
	return n, m.err
}

// Rewind takes the file back to where it stood when the given step of the
// given stage was done, so that a resumed run does not write lines twice: it
// keeps what was written up to the last record whose "stage" and "step" say
// stage and at most step, and drops the rest. If the stage has no such record,
// it drops from the stage's first record on. Records without "stage" belong to
// stage "". A file that knows nothing of the stage stays as it is.
func (m *Metrics) Rewind(stage string, step int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	keep, start, first := int64(-1), int64(0), int64(-1)
	err := m.scan(func(line []byte, end int64) {
		var r struct {
			Stage string
			Step  *float64
		}
		if json.Unmarshal(line, &r) == nil && r.Stage == stage && r.Step != nil {
			if *r.Step <= float64(step) {
				keep = end
			} else if first < 0 {
				first = start
			}
		}
		start = end
	})
	switch {
	case err != nil:
	case keep >= 0:
		err = m.cut(keep)
	case first >= 0:
		err = m.cut(first)
	}
	if err != nil {
		return file.Explain("rewind", m.path, err)
	}
	return nil
}

// Close flushes the file to the disk and closes it.
func (m *Metrics) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.f.Sync()
	if e := m.f.Close(); err == nil {
		err = e
	}
	if m.err != nil {
		return m.err
	}
	if err != nil {
		return file.Explain("close", m.path, err)
	}
	return nil
}

// scan calls line with each whole JSON line and the offset of its end, and
// stops before the first that is not whole. Offsets of lines are contiguous.
func (m *Metrics) scan(line func(b []byte, end int64)) error {
	if _, err := m.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(m.f, 1<<16)
	var buf []byte
	end := int64(0)
	for {
		b, err := r.ReadSlice('\n')
		if len(buf)+len(b) > 1<<24 {
			return fmt.Errorf("a line at byte %d is longer than 16 MiB: not a metrics file", end)
		}
		buf = append(buf, b...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if !json.Valid(bytes.TrimSpace(buf)) {
			return nil
		}
		end += int64(len(buf))
		line(buf, end)
		buf = buf[:0]
	}
}

func (m *Metrics) cut(size int64) error {
	if err := m.f.Truncate(size); err != nil {
		return err
	}
	_, err := m.f.Seek(size, io.SeekStart)
	return err
}
