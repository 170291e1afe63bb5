package train

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/noema-ml/noema/internal/file"
)

// fileInfo is what a manifest says of a file.
type fileInfo struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// writeFile writes a file at path, whole or not at all, and syncs it.
func writeFile(path string, write func(io.Writer) error) (fileInfo, error) {
	h, n := sha256.New(), &counter{}
	err := file.WriteWith(path, func(w io.Writer) error { return write(io.MultiWriter(w, h, n)) })
	return fileInfo{n.n, hex.EncodeToString(h.Sum(nil))}, err
}

// counter counts the bytes written to it.
type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}
