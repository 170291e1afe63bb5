package run

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// Commit names the revision that the program was built from, with "+dirty" if
// the tree had changes, or "unknown". A binary of go build carries it; go run
// leaves it out, so there git is asked, provided that the working folder lies
// in this module.
func Commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if rev := set["vcs.revision"]; rev != "" {
		return dirty(rev, set["vcs.modified"] == "true")
	}
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil || info.Main.Path == "" || moduleOf(top+"/go.mod") != info.Main.Path {
		return "unknown"
	}
	rev, err := git("rev-parse", "HEAD")
	if err != nil {
		return "unknown"
	}
	status, err := git("status", "--porcelain", "--untracked-files=no")
	return dirty(rev, err != nil || status != "")
}

func dirty(rev string, changed bool) string {
	if changed {
		return rev + "+dirty"
	}
	return rev
}

func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

func moduleOf(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, ok := strings.CutPrefix(s.Text(), "module "); ok {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// Machine names what the run ran on: the processor's model, the cores that Go
// uses, operating system and architecture.
func Machine() string {
	return fmt.Sprintf("%s, %s, %s/%s", cpuModel(), count(runtime.GOMAXPROCS(0), "core"), runtime.GOOS, runtime.GOARCH)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func cpuModel() string {
	switch runtime.GOOS {
	case "linux":
		f, err := os.Open("/proc/cpuinfo")
		if err != nil {
			break
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			key, value, ok := strings.Cut(s.Text(), ":")
			if ok && strings.TrimSpace(key) == "model name" {
				return strings.Join(strings.Fields(value), " ")
			}
		}
	case "darwin":
		if out, err := exec.Command("sysctl", "-n", "machdep.cpu.brand_string").Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	case "windows":
		if id := os.Getenv("PROCESSOR_IDENTIFIER"); id != "" {
			return id
		}
	}
	return runtime.GOARCH + " processor"
}
