//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package run

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lockFile works without a lock of the system: the lock is held as long as the
// process whose number stands in the file is alive. A number that another
// program got meanwhile locks in vain; removing the file helps.
func lockFile(f *os.File) error {
	b, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 0 || pid == os.Getpid() {
		return nil
	}
	if p, err := os.FindProcess(pid); err == nil && p.Signal(syscall.Signal(0)) == nil {
		_, _ = f.Seek(0, io.SeekStart)
		return errLocked
	}
	return nil
}

func unlockFile(f *os.File) error {
	_ = f.Truncate(0)
	return f.Close()
}
