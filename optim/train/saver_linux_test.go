package train

import (
	"encoding"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// On a real file system of 64 KiB; only root can make one.
func TestSaveOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("cannot mount a tmpfs: %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(dir, 0)) }()
	s := Saver{Dir: dir}
	require.NoError(t, save(s, 1))
	big := raw(make([]byte, 1<<20))
	err := s.Save(2, map[string]encoding.BinaryMarshaler{"a.bin": &big})
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "free some space")
	require.Equal(t, []string{"step-0000001"}, names(t, dir))
	step, _ := load(t, s)
	require.Equal(t, 1, step)
}

func TestSaveWithoutPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o555))
	err := save(Saver{Dir: filepath.Join(dir, "run")}, 1)
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, "check its permissions")
}
