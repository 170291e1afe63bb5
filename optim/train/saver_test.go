package train

import (
	"encoding"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func part(s string) *raw {
	r := raw(s)
	return &r
}

func save(s Saver, step int) error {
	return s.Save(step, map[string]encoding.BinaryMarshaler{
		"a.bin": part(fmt.Sprintf("first part of %d", step)),
		"b.bin": part(strings.Repeat("b", 100)),
	})
}

// load returns part a of the newest good checkpoint.
func load(t *testing.T, s Saver) (step int, a string) {
	t.Helper()
	step, err := s.Latest()
	require.NoError(t, err)
	var r raw
	require.NoError(t, s.Load(step, map[string]encoding.BinaryUnmarshaler{"a.bin": &r}))
	return step, string(r)
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestSaverKeepsTheNewestAndTheBest(t *testing.T) {
	s := Saver{Dir: filepath.Join(t.TempDir(), "deep", "er")}
	_, err := s.Latest()
	require.ErrorIs(t, err, ErrNoCheckpoint)
	_, ok := s.Best()
	require.False(t, ok)
	for step := range 6 {
		require.NoError(t, save(s, step*5))
		if step == 1 {
			require.NoError(t, s.MarkBest(5))
		}
	}
	require.Equal(t, []string{"best", "step-0000005", "step-0000020", "step-0000025"}, names(t, s.Dir))
	require.Equal(t, []string{"a.bin", "b.bin", "manifest.json"}, names(t, filepath.Join(s.Dir, "step-0000005")))
	best, ok := s.Best()
	require.True(t, ok)
	require.Equal(t, 5, best)
	step, a := load(t, s)
	require.Equal(t, 25, step)
	require.Equal(t, "first part of 25", a)

	require.NoError(t, s.MarkBest(25))
	s.Keep = 3
	require.NoError(t, save(s, 30))
	require.Equal(t, []string{"best", "step-0000020", "step-0000025", "step-0000030"}, names(t, s.Dir))
}

func TestSaverReplacesAStep(t *testing.T) {
	s := Saver{Dir: t.TempDir()}
	require.NoError(t, save(s, 1))
	require.NoError(t, s.Save(1, map[string]encoding.BinaryMarshaler{"a.bin": part("new")}))
	_, a := load(t, s)
	require.Equal(t, "new", a)
	require.Equal(t, []string{"step-0000001"}, names(t, s.Dir))
}

func TestSaverRecoversFromAKill(t *testing.T) {
	s := Saver{Dir: t.TempDir()}
	require.NoError(t, save(s, 1))
	// Killed while writing step 2.
	tmp := filepath.Join(s.Dir, ".tmp-step-0000002")
	require.NoError(t, os.Mkdir(tmp, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tmp, "a.bin"), []byte("fir"), 0o644))
	step, _ := load(t, s)
	require.Equal(t, 1, step)
	// Killed between the two renames of a replacement.
	require.NoError(t, os.Rename(filepath.Join(s.Dir, "step-0000001"), filepath.Join(s.Dir, ".old-step-0000001")))
	step, a := load(t, s)
	require.Equal(t, 1, step)
	require.Equal(t, "first part of 1", a)
	// Killed after them, before the old one was removed.
	require.NoError(t, save(s, 2))
	require.NoError(t, os.Mkdir(filepath.Join(s.Dir, ".old-step-0000002"), 0o755))
	step, _ = load(t, s)
	require.Equal(t, 2, step)
	require.NoError(t, save(s, 3))
	require.Equal(t, []string{"step-0000002", "step-0000003"}, names(t, s.Dir))
}

func TestDamagedCheckpoints(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		says   string
	}{
		{"truncated part", func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "b.bin"), 50))
		}, "50 bytes, not 100"},
		{"flipped byte", func(t *testing.T, dir string) {
			path := filepath.Join(dir, "b.bin")
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			b[99] ^= 0x10
			require.NoError(t, os.WriteFile(path, b, 0o644))
		}, "SHA-256"},
		{"missing part", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "a.bin")))
		}, "a.bin: no such file"},
		{"a folder for a part", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "a.bin")))
			require.NoError(t, os.Mkdir(filepath.Join(dir, "a.bin"), 0o755))
		}, "a.bin"},
		{"missing manifest", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, manifestName)))
		}, "manifest.json: no such file"},
		{"empty manifest", func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, manifestName), 0))
		}, "manifest.json"},
		{"manifest of another step", func(t *testing.T, dir string) {
			b, err := os.ReadFile(filepath.Join(filepath.Dir(dir), "step-0000001", manifestName))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), b, 0o644))
		}, "of step 1, not"},
		{"manifest that leads out", func(t *testing.T, dir string) {
			b := `{"format":"noema checkpoint 1","step":2,"files":{"../step-0000001/a.bin":{"size":1,"sha256":""}}}`
			require.NoError(t, os.WriteFile(filepath.Join(dir, manifestName), []byte(b), 0o644))
		}, "cannot be a file's name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var warned []string
			s := Saver{Dir: t.TempDir(), Warn: func(m string) { warned = append(warned, m) }}
			require.NoError(t, save(s, 1))
			require.NoError(t, save(s, 2))
			c.damage(t, filepath.Join(s.Dir, "step-0000002"))
			step, a := load(t, s)
			require.Equal(t, 1, step)
			require.Equal(t, "first part of 1", a)
			require.Len(t, warned, 1)
			require.Contains(t, warned[0], "step-0000002")
			require.Contains(t, warned[0], c.says)

			require.NoError(t, os.RemoveAll(filepath.Join(s.Dir, "step-0000001")))
			_, err := s.Latest()
			require.ErrorContains(t, err, "remove the folder to start afresh")
			require.NotErrorIs(t, err, ErrNoCheckpoint)

			require.NoError(t, save(s, 2), "the damaged one is replaced")
			step, _ = load(t, s)
			require.Equal(t, 2, step)
		})
	}
}

func TestPruningLeavesTheFutureAlone(t *testing.T) {
	s := Saver{Dir: t.TempDir(), Keep: 1, Warn: func(string) {}}
	require.NoError(t, save(s, 9))
	require.NoError(t, os.Truncate(filepath.Join(s.Dir, "step-0000009", "a.bin"), 1))
	require.NoError(t, save(s, 3))
	require.NoError(t, save(s, 4))
	step, _ := load(t, s)
	require.Equal(t, 4, step)
	require.Equal(t, []string{"step-0000004", "step-0000009"}, names(t, s.Dir))
}

func TestLoadNamesWhatIsMissing(t *testing.T) {
	s := Saver{Dir: t.TempDir()}
	require.NoError(t, save(s, 1))
	var r raw
	err := s.Load(1, map[string]encoding.BinaryUnmarshaler{"c.bin": &r})
	require.ErrorContains(t, err, `has no part "c.bin"`)
	require.ErrorIs(t, s.Load(2, nil), ErrNoCheckpoint)
	for _, name := range []string{"", ".", "..", "a/b", "../a", `a\b`, manifestName} {
		err := s.Save(2, map[string]encoding.BinaryMarshaler{name: part("x")})
		require.ErrorContains(t, err, "cannot name a part", name)
	}
	require.Error(t, save(s, -1))
	require.Equal(t, []string{"step-0000001"}, names(t, s.Dir))
}

// failing is a part whose file cannot be written to the end.
type failing struct{ err error }

func (f failing) MarshalBinary() ([]byte, error) { return nil, f.err }

func (f failing) WriteTo(w io.Writer) (int64, error) {
	n, _ := w.Write(make([]byte, 1<<20))
	return int64(n), f.err
}

func TestSaveThatFailsLeavesTheRest(t *testing.T) {
	s := Saver{Dir: t.TempDir(), Keep: 1}
	require.NoError(t, save(s, 1))
	for step, err := range map[int]error{1: syscall.ENOSPC, 2: syscall.ENOSPC, 3: errors.New("odd")} {
		got := s.Save(step, map[string]encoding.BinaryMarshaler{"a.bin": part("x"), "b.bin": failing{err}})
		require.ErrorIs(t, got, err)
		require.ErrorContains(t, got, filepath.Join(s.Dir, ".tmp-"+folder(step), "b.bin"))
		if err == syscall.ENOSPC {
			require.ErrorContains(t, got, "free some space")
		}
		require.Equal(t, []string{"step-0000001"}, names(t, s.Dir))
		_, a := load(t, s)
		require.Equal(t, "first part of 1", a)
	}
}

func TestSaveWhereAFileStands(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	err := save(Saver{Dir: filepath.Join(path, "run")}, 1)
	require.ErrorContains(t, err, "choose another folder")
	_, err = Saver{Dir: path}.Latest()
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNoCheckpoint)
}
