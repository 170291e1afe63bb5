package train

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/noema-ml/noema/internal/file"
)

// Saver writes and reads the checkpoints of one run in the folder Dir. A
// checkpoint is a folder such as step-0000123 with one file for each part and
// a manifest.json with the size and SHA-256 of each, written last. It appears
// whole or not at all: it is written under a temporary name, synced and
// renamed, so that a kill at any moment leaves the earlier checkpoints, and at
// most a leftover that the next Save removes.
//
// One process at a time may save into a Dir; others may read.
type Saver struct {
	Dir  string
	Keep int // newest checkpoints to keep, beside the best; 0 means 2
	// Warn is told of damaged checkpoints that are passed over; nil means the
	// standard logger.
	Warn func(msg string)
}

// ErrNoCheckpoint says that a folder holds no checkpoint at all.
var ErrNoCheckpoint = errors.New("no checkpoint")

const (
	manifestName = "manifest.json"
	bestName     = "best"
	tmpPrefix    = ".tmp-"
	oldPrefix    = ".old-"
	format       = "noema checkpoint 1"
)

var stepName = regexp.MustCompile(`^step-(\d{7,18})$`)

func folder(step int) string { return fmt.Sprintf("step-%07d", step) }

// Save writes a checkpoint of a step, replacing an earlier one of the same
// step, and then removes those that are no longer kept: all but the Keep
// newest up to this step and the one marked best. A part's name is its file's
// name; a part that is also an io.WriterTo is streamed. On an error the
// earlier checkpoints are as they were.
func (s Saver) Save(step int, parts map[string]encoding.BinaryMarshaler) error {
	if err := s.save(step, parts); err != nil {
		return fmt.Errorf("train: checkpoint of step %d (earlier ones are untouched): %w", step, err)
	}
	if err := s.prune(step); err != nil {
		return fmt.Errorf("train: removing old checkpoints: %w", err)
	}
	return nil
}

func (s Saver) save(step int, parts map[string]encoding.BinaryMarshaler) (err error) {
	if step < 0 {
		return errors.New("a step cannot be negative")
	}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return file.Explain("make folder", s.Dir, err)
	}
	if err := s.clean(); err != nil {
		return err
	}
	final := filepath.Join(s.Dir, folder(step))
	tmp := filepath.Join(s.Dir, tmpPrefix+folder(step))
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return file.Explain("make folder", tmp, err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(tmp)
		}
	}()
	m := manifest{Format: format, Step: step, Files: map[string]fileInfo{}}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !goodName(name) {
			return fmt.Errorf("%q cannot name a part: it must be a plain file name", name)
		}
		m.Files[name], err = writeFile(filepath.Join(tmp, name), func(w io.Writer) error { return writePart(w, parts[name]) })
		if err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := file.Write(filepath.Join(tmp, manifestName), append(b, '\n')); err != nil {
		return err
	}
	// A folder cannot be renamed over another: the old one steps aside, and
	// list finds it there if we are killed in between.
	old := filepath.Join(s.Dir, oldPrefix+folder(step))
	if err := os.Rename(final, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return file.Explain("replace", final, err)
	}
	if err := os.Rename(tmp, final); err != nil {
		_ = os.Rename(old, final)
		return file.Explain("write", final, err)
	}
	file.SyncDir(s.Dir)
	if err := os.RemoveAll(old); err != nil {
		return file.Explain("remove", old, err)
	}
	return nil
}

// writePart streams a part that can be streamed.
func writePart(w io.Writer, part encoding.BinaryMarshaler) error {
	if t, ok := part.(io.WriterTo); ok {
		_, err := t.WriteTo(w)
		return err
	}
	b, err := part.MarshalBinary()
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// goodName reports whether name can be a part's file.
func goodName(name string) bool {
	return filepath.IsLocal(name) && name != "." && name != manifestName && !strings.ContainsAny(name, `/\:`)
}

// clean removes what a killed Save has left.
func (s Saver) clean() error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return file.Explain("read", s.Dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(s.Dir, e.Name())
		if step, ok := strings.CutPrefix(e.Name(), oldPrefix); ok && stepName.MatchString(step) {
			final := filepath.Join(s.Dir, step)
			if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
				if err := os.Rename(path, final); err != nil {
					return file.Explain("restore", final, err)
				}
				continue
			}
		} else if !strings.HasPrefix(e.Name(), tmpPrefix) && !strings.HasPrefix(e.Name(), "."+bestName+".tmp") {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return file.Explain("remove", path, err)
		}
	}
	return nil
}

// prune removes checkpoints that are no longer kept. Those newer than step are
// of a future that was given up; they neither count nor go.
func (s Saver) prune(step int) error {
	list, err := s.list()
	if err != nil {
		return err
	}
	keep := s.Keep
	if keep <= 0 {
		keep = 2
	}
	best, hasBest := s.Best()
	for _, c := range list {
		if c.step > step {
			continue
		}
		if keep--; keep >= 0 || hasBest && c.step == best {
			continue
		}
		// Renamed first, it is never seen half removed.
		tmp := filepath.Join(s.Dir, tmpPrefix+folder(c.step))
		if err := os.Rename(c.path, tmp); err != nil {
			return file.Explain("remove", c.path, err)
		}
		if err := os.RemoveAll(tmp); err != nil {
			return file.Explain("remove", tmp, err)
		}
	}
	return nil
}

// MarkBest makes the checkpoint of step the best one, which is kept until
// another is marked.
func (s Saver) MarkBest(step int) error {
	if err := file.Write(filepath.Join(s.Dir, bestName), []byte(folder(step)+"\n")); err != nil {
		return fmt.Errorf("train: marking the best checkpoint: %w", err)
	}
	return nil
}

// Best returns the step that was marked best, if its checkpoint is there.
func (s Saver) Best() (step int, ok bool) {
	b, err := os.ReadFile(filepath.Join(s.Dir, bestName))
	if err != nil {
		return 0, false
	}
	step, ok = stepOf(strings.TrimSpace(string(b)))
	if !ok {
		return 0, false
	}
	_, err = os.Stat(filepath.Join(s.Dir, folder(step), manifestName))
	return step, err == nil
}

type checkpoint struct {
	step int
	path string
}

// list returns the checkpoints in Dir, good or not, the newest first.
func (s Saver) list() ([]checkpoint, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, file.Explain("read", s.Dir, err)
	}
	paths := map[int]string{}
	for _, e := range entries { // ".old-step-…" comes before "step-…", which wins
		if step, ok := stepOf(strings.TrimPrefix(e.Name(), oldPrefix)); ok && e.IsDir() {
			paths[step] = filepath.Join(s.Dir, e.Name())
		}
	}
	var list []checkpoint
	for _, step := range slices.Backward(slices.Sorted(maps.Keys(paths))) {
		list = append(list, checkpoint{step, paths[step]})
	}
	return list, nil
}

func stepOf(name string) (int, bool) {
	m := stepName.FindStringSubmatch(name)
	if m == nil {
		return 0, false
	}
	step, err := strconv.Atoi(m[1])
	return step, err == nil
}

func (s Saver) warn(msg string) {
	if s.Warn != nil {
		s.Warn(msg)
	} else {
		log.Print(msg)
	}
}
