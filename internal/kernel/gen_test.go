package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:generate go run -C gen .

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the generator")
	}
	dir := t.TempDir()
	text, err := exec.Command("go", "run", "-C", "gen", ".", "-out", dir).CombinedOutput()
	require.NoError(t, err, "%s", text)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	fresh := map[string]bool{}
	for _, f := range files {
		fresh[f.Name()] = true
		want, err := os.ReadFile(filepath.Join(dir, f.Name()))
		require.NoError(t, err)
		have, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s is out of date: go generate ./internal/kernel", f.Name())
	}
}
