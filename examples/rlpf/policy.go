package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/rlpf"
)

// seedDir is where a run in the folder dir keeps the training of a seed, from 0.
func seedDir(dir string, k int) string {
	if k == 0 {
		return dir
	}
	return filepath.Join(dir, fmt.Sprintf("seed-%d", k+1))
}

// shareUsers reports whether two data sets may have users in common, as the sizes
// of MovieLens do.
func shareUsers(a, b string) bool {
	const movielens = "ml-"
	return a == b || strings.HasPrefix(a, movielens) && strings.HasPrefix(b, movielens)
}

// takePolicy has the options say that the policy is that of the finished run in
// the folder dir, and how it learned there. There must be a policy for each seed.
func (o *options) takePolicy(dir string) error {
	if err := run.CheckDir("policy", dir); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var tokenizer []byte
	for k := range o.Seeds {
		from := seedDir(dir, k)
		if _, err := os.Stat(from); err != nil {
			return run.Usagef("-seeds %d: %s has the policies of %d", o.Seeds, dir, k)
		}
		origin, err := rlpf.FindPolicy(from)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(from, "tokenizer.json"))
		if err != nil {
			return err
		}
		if k == 0 {
			tokenizer = text
			c := origin.Config
			o.Policy, o.PolicyData = dir, origin.Data
			o.Method, o.Grade, o.Alpha = c.RL.Method, c.Reward.Grade, max(0, c.RL.Alpha)
			o.Weight, o.Length, o.Updates = c.Reward.Weight, c.Reward.Length, c.RL.Steps
		} else if !bytes.Equal(tokenizer, text) {
			return fmt.Errorf("%s: its tokenizer is not that of the first seed, for which the predictors are trained", from)
		}
	}
	return nil
}
