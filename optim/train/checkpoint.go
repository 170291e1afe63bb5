package train

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/noema-ml/noema/internal/file"
)

// manifest is the content of manifest.json.
type manifest struct {
	Format string              `json:"format"`
	Step   int                 `json:"step"`
	Files  map[string]fileInfo `json:"files"`
}

// Latest returns the step of the newest checkpoint whose files all match the
// manifest. Damaged ones that are newer are passed over with a warning. The
// error is ErrNoCheckpoint if there is none at all; if there are some and all
// are damaged, it says what is wrong with the newest.
func (s Saver) Latest() (step int, err error) {
	list, err := s.list()
	if err != nil {
		return 0, fmt.Errorf("train: %w", err)
	}
	if len(list) == 0 {
		return 0, fmt.Errorf("train: %s: %w", s.Dir, ErrNoCheckpoint)
	}
	var first error
	for _, c := range list {
		err := c.verify()
		if err == nil {
			return c.step, nil
		}
		first = errors.Join(first, err)
		s.warn(fmt.Sprintf("checkpoint %s is damaged and is passed over: %v", c.path, err))
	}
	return 0, fmt.Errorf("train: every checkpoint in %s is damaged; remove the folder to start afresh: %w", s.Dir, first)
}

// Load reads parts of the checkpoint of a step. All files are read and checked
// against the manifest before the first part is unmarshalled.
func (s Saver) Load(step int, parts map[string]encoding.BinaryUnmarshaler) error {
	if err := s.load(step, parts); err != nil {
		return fmt.Errorf("train: checkpoint of step %d: %w", step, err)
	}
	return nil
}

func (s Saver) load(step int, parts map[string]encoding.BinaryUnmarshaler) error {
	list, err := s.list()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(c checkpoint) bool { return c.step == step })
	if i < 0 {
		return fmt.Errorf("%s: %w", filepath.Join(s.Dir, folder(step)), ErrNoCheckpoint)
	}
	c := list[i]
	m, err := c.manifest()
	if err != nil {
		return err
	}
	data := map[string][]byte{}
	for name := range parts {
		info, ok := m.Files[name]
		if !ok {
			return fmt.Errorf("%s has no part %q", c.path, name)
		}
		if data[name], err = c.read(name, info); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if err := parts[name].UnmarshalBinary(data[name]); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(c.path, name), err)
		}
	}
	return nil
}

// manifest reads manifest.json.
func (c checkpoint) manifest() (manifest, error) {
	var m manifest
	path := filepath.Join(c.path, manifestName)
	f, err := os.Open(path)
	if err != nil {
		return m, file.Explain("read", path, err)
	}
	defer f.Close()
	const most = 1 << 20
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return m, file.Explain("read", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	if m.Format != format || m.Step != c.step {
		return m, fmt.Errorf("%s: it says %q of step %d, not %q of step %d", path, m.Format, m.Step, format, c.step)
	}
	for name := range m.Files {
		if !goodName(name) {
			return m, fmt.Errorf("%s: %q cannot be a file's name", path, name)
		}
	}
	return m, nil
}

// verify checks every file against the manifest.
func (c checkpoint) verify() error {
	m, err := c.manifest()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if err := c.copy(io.Discard, name, m.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

// read returns a file's content if it matches info.
func (c checkpoint) read(name string, info fileInfo) ([]byte, error) {
	var b bytes.Buffer
	err := c.copy(&b, name, info)
	return b.Bytes(), err
}

// copy writes a file's content to w; it returns an error unless the file
// matches info.
func (c checkpoint) copy(w io.Writer, name string, info fileInfo) error {
	path := filepath.Join(c.path, name)
	f, err := os.Open(path)
	if err != nil {
		return file.Explain("read", path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return file.Explain("read", path, err)
	}
	if !st.Mode().IsRegular() || st.Size() != info.Size {
		return fmt.Errorf("%s: %d bytes, not %d as in the manifest", path, st.Size(), info.Size)
	}
	if b, ok := w.(*bytes.Buffer); ok {
		b.Grow(int(st.Size()))
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), f); err != nil {
		return file.Explain("read", path, err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != info.SHA256 {
		return fmt.Errorf("%s: its content is not what the manifest says (SHA-256 %s, not %s)", path, sum, info.SHA256)
	}
	return nil
}
