package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A disk that is full ends the run with an error that says so and leaves no half
// of a file; with more room the run goes on.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("a whole run")
	}
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(disk, 0o755))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("no disk to fill: %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) }()
	fails := func(dir string, args ...string) {
		t.Helper()
		cmd := command(disk, args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		require.Error(t, cmd.Run())
		says := stderr.String()
		require.Equal(t, 1, cmd.ProcessState.ExitCode(), says)
		require.Contains(t, says, "no space left")
		require.Equal(t, 1, strings.Count(says, "\n"), says)
		for _, name := range tree(t, disk) {
			require.NotContains(t, name, ".tmp", "a half-written file")
			require.NotEqual(t, "results.json", filepath.Base(name))
		}
	}
	fails(disk, with("-out", "run")...)
	fails(disk, "-resume", "run")
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	ended(t, command(disk, "-resume", "run"))
	checkRun(t, filepath.Join(disk, "run"))
}
