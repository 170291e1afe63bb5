//go:build unix

package train

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
)

const killDir = "NOEMA_TRAIN_KILL_DIR"

// pause is a part that stops the process in the middle of every save.
type pause struct{ event func(string) }

func (p pause) MarshalBinary() ([]byte, error) { p.event("save"); return nil, nil }
func (p pause) UnmarshalBinary([]byte) error   { return nil }

// TestKilledChild is the process that TestResumeIsExactAfterKill kills: it
// trains, says what it is about to do and waits for a line before it does.
func TestKilledChild(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("only run by TestResumeIsExactAfterKill")
	}
	in := bufio.NewScanner(os.Stdin)
	event := func(what string) {
		fmt.Println(what)
		in.Scan()
	}
	c, task := bench(dir)
	c.Parts = map[string]Part{"pause.bin": pause{event}}
	inner := task.Loss
	task.Loss = func(s *autograd.Scope, b []sample) (*autograd.Var, float64) {
		event("batch")
		return inner(s, b)
	}
	require.NoError(t, Run(t.Context(), c, task))
	fmt.Println("done", WeightsSHA256(task.Model))
}

// The process is killed by turns at its seventh batch and in the middle of its
// second save, with one and two cores, until it comes to the end.
func TestResumeIsExactAfterKill(t *testing.T) {
	want, _ := uninterrupted(t)
	dir := t.TempDir()
	kills := map[string]int{"batch": 7, "save": 2}
	for round := range 20 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledChild$")
		cmd.Env = append(os.Environ(), killDir+"="+dir, fmt.Sprintf("GOMAXPROCS=%d", 1+round%2))
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		seen, hash := map[string]int{}, ""
		for lines := bufio.NewScanner(out); lines.Scan(); {
			what := lines.Text()
			if h, ok := strings.CutPrefix(what, "done "); ok {
				hash = h
			}
			if kills[what] == 0 {
				continue
			}
			if seen[what]++; seen[what] == kills[what] && (what == "batch") == (round%2 == 0) {
				require.NoError(t, cmd.Process.Kill())
				break
			}
			_, err := io.WriteString(in, "\n")
			require.NoError(t, err)
		}
		err = cmd.Wait()
		if hash == "" {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		require.GreaterOrEqual(t, round, 4)
		require.Equal(t, want["model"], hash)
		step, err := Saver{Dir: dir}.Latest()
		require.NoError(t, err)
		for _, name := range []string{weightsFile, optimizerFile, stateFile, bestFile} {
			b, err := os.ReadFile(filepath.Join(dir, folder(step), name))
			require.NoError(t, err)
			require.Equal(t, want[name], string(b), name)
		}
		return
	}
	t.Fatal("it did not come to an end")
}
