package rlpf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Origin is where a policy learned that is tested on other data.
type Origin struct {
	Dir    string `json:"dir"`    // of the finished run
	Data   string `json:"data"`   // the name of its data set
	Config Config `json:"config"` // what the policy was trained with
}

// originFile is the Origin in the folder of a run that has taken its policy. It
// is the last file to be copied.
const originFile = "policy.json"

// learned are the stages that learn on a policy's own data.
var learned = []string{beforeName, policyName, bestName}

// FindPolicy returns what the folder dir has for TakePolicy. There is an error
// unless it holds a run of its own that is finished, and whose weights are as
// rlpf.json says.
func FindPolicy(dir string) (Origin, error) {
	var o Origin
	if err := readJSON(filepath.Join(dir, originFile), &o); err == nil {
		return o, fmt.Errorf("rlpf: the policy of %s learned in %s: take it from there", dir, o.Dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	a, lang, err := readDescribed(dir)
	for _, name := range learned {
		if err == nil {
			_, err = readPolicy(dir, name, a.Config, lang)
		}
	}
	if err != nil {
		return o, fmt.Errorf("rlpf: there is no finished run in %s to take the policy from: %w", dir, err)
	}
	return Origin{Dir: dir, Data: a.Name, Config: a.Config}, nil
}

// TakePolicy copies the policy of the finished run in the folder from, which
// learned on other data, to the folder to: its weights before and after
// reinforcement learning and those of best-of-n-sft, with the tokenizer that
// they speak. NewRun there begins a run that trains predictors on its own data,
// and no policy: the Run tests the policies on users of whose kind they have
// seen nothing, as long as the two data sets have no users in common, which is for
// the caller to see to. A copy that was interrupted is begun again; if it was
// finished, from need not be there any more.
func TakePolicy(to, from string) (Origin, error) {
	path := filepath.Join(to, originFile)
	var o Origin
	if err := readJSON(path, &o); !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	if _, err := os.Stat(filepath.Join(to, aboutFile)); err == nil {
		return o, fmt.Errorf("rlpf: %s holds a run with a policy of its own", to)
	}
	o, err := FindPolicy(from)
	if err != nil {
		return o, err
	}
	names := []string{tokenizerFile}
	for _, name := range learned {
		names = append(names, name+weightsExt)
	}
	for _, name := range names {
		if err := copyFile(to, from, name); err != nil {
			return o, err
		}
	}
	return o, writeJSON(path, o)
}

// origin returns the Origin of the policy in the folder dir, nil if it learns
// there.
func origin(dir string) (*Origin, error) {
	o := new(Origin)
	if err := readJSON(filepath.Join(dir, originFile), o); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return o, nil
}

// fit returns c with all that the policy was trained with in place of its own;
// what is asked, the predictors and the test stay.
func (o *Origin) fit(c Config) Config {
	from := o.Config
	c.Vocab, c.Model, c.Tokens = from.Vocab, from.Model, from.Tokens
	c.Warm, c.Reward, c.RL, c.BestOf = from.Warm, from.Reward, from.RL, from.BestOf
	return c
}

// check returns an error if the stage would teach the policy here.
func (o *Origin) check(stage string) error {
	if o != nil && slices.Contains(learned, stage) {
		return fmt.Errorf("rlpf: the weights of %s are not there any more, and the policy learned on %s: it is not trained here; begin again, with the policy of %s", stage, o.Data, o.Dir)
	}
	return nil
}
