package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/noema-ml/noema/internal/file"
)

// errLocked is what lockFile returns when another process holds the lock.
var errLocked = errors.New("locked by another process")

// takeLock opens path and locks it for this process alone. The system drops
// the lock when the process ends, however it ends, so the file that a killed
// process leaves behind blocks nobody. The file itself stays: removing it
// would let two processes lock two files of one name.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, file.Explain("open", path, err)
	}
	if err := lockFile(f); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 64))
		f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%s: in use by another process%s: wait for it or choose another run", path, holderText(holder))
		}
		return nil, fmt.Errorf("lock %s: %w (choose a folder on a local disk)", path, err)
	}
	// The process id is only for the message above; the lock does not rest on it.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	return f, nil
}

func holderText(b []byte) string {
	id := strings.TrimSpace(string(b))
	if id == "" || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	return " (process " + id + ")"
}
