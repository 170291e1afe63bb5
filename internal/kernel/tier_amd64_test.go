//go:build !noasm

package kernel

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// GODEBUG clears one flag and leaves those of features that build on it; a
// tier must go all the same.
func TestTierHeedsGODEBUG(t *testing.T) {
	const env = "NOEMA_TEST_TIER"
	if want := os.Getenv(env); want != "" {
		require.Equal(t, want, Tier())
		return
	}
	if Tier() == "portable" {
		t.Skip("there is no other tier")
	}
	for setting, want := range map[string]string{
		"cpu.avx512f=off": "avx2", "cpu.avx512bw=off": "avx2", "cpu.avx2=off": "portable", "cpu.fma=off": "portable",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTierHeedsGODEBUG$")
		cmd.Env = append(os.Environ(), "GODEBUG="+setting, env+"="+want)
		text, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", setting, text)
	}
}
