package file

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.json")
	require.NoError(t, Write(path, []byte("one")))
	require.NoError(t, Write(path, []byte("two")))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "two", string(data))

	// A write that fails half-way leaves the old content and nothing else.
	for _, cause := range []error{syscall.ENOSPC, syscall.EROFS, errors.New("boom")} {
		err = WriteWith(path, func(w io.Writer) error {
			_, _ = w.Write(make([]byte, 1<<20))
			return cause
		})
		require.ErrorIs(t, err, cause)
		require.ErrorContains(t, err, path)
		require.Equal(t, []string{"a.json"}, entries(t, dir))
	}
	require.ErrorContains(t, Explain("write", path, syscall.ENOSPC), "free some space")
	require.ErrorContains(t, Explain("write", path, syscall.EACCES), "permissions")
	require.ErrorContains(t, Explain("write", path, syscall.EROFS), "read-only")

	err = Write(filepath.Join(dir, "none", "b"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotContains(t, err.Error(), ".tmp", "the temporary name tells nobody anything")
	require.Error(t, Write(dir, nil), "a folder is in the way")
	require.Equal(t, []string{"a.json"}, entries(t, dir))
}
