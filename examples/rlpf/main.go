// Command rlpf runs the method of RLPF (arXiv 2409.04421) from bytes to report:
// it trains a predictor of users' futures and freezes it, teaches a small
// language model to sum up histories as templates do, lets reinforcement
// learning from the predictor's answers improve the summaries, and tests them
// beside their rivals on users that nothing was trained on. Without -data it
// makes a synthetic data set in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/rlpf"
	"github.com/noema-ml/noema/userllm/history"
)

// options are what the flags say; a run folder keeps them in config.json.
type options struct {
	Data    string        `json:"data,omitempty"`
	Dataset string        `json:"dataset"`
	Method  string        `json:"method"`
	Grade   string        `json:"grade"`
	Alpha   float64       `json:"alpha"`
	Weight  float64       `json:"length_weight"`
	Length  float64       `json:"length"`
	Updates int           `json:"updates"`
	Seeds   int           `json:"seeds"`
	Seed    uint64        `json:"seed"`
	Budget  time.Duration `json:"budget_ns"`
	Quick   bool          `json:"quick,omitempty"`

	Policy     string `json:"policy,omitempty"`      // folder of the finished run that the policy is taken from
	PolicyData string `json:"policy_data,omitempty"` // the data set that it learned on
}

const synthetic = "synthetic"

func main() {
	run.Main("rlpf", func(ctx context.Context) error { return program(ctx, os.Args[1:]) })
}

func program(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("rlpf", flag.ContinueOnError)
	var o options
	data := fs.String("data", "", "folder of the data set; empty: synthetic data, made in memory")
	dataset := run.Choice(fs, "dataset", "auto", "what the folder holds", "auto", "ml-latest-small", "ml-1m", "ml-100k", "ml-20m", "ml-25m", "ml-32m", "yelp")
	method := run.Choice(fs, "method", "reinforce", "how the policy learns from rewards", "reinforce", "rloo", "ppo", "grpo")
	grade := run.Choice(fs, "grade", "log-probability", "what an answer is paid for", rlpf.Grades...)
	alpha := run.Float(fs, "alpha", 0.001, 0, 0.99, "weight of staying close to the policy before RL; grpo feels little of it")
	weight := run.Float(fs, "w", 1, 0, 1000, "weight of the reward for short summaries")
	length := run.Float(fs, "length", 0, 0, 1000, "tokens of a summary that is neither short nor long; 0: the mean before RL")
	updates := run.Int(fs, "updates", 0, 0, 1e6, "updates of RL; 0: as the budget or the fixed plan says")
	seeds := run.Int(fs, "seeds", 1, 1, 100, "trainings of the policy and its rivals, which share the predictors; results are averaged over them")
	seed := fs.Uint64("seed", 1, "of the first training")
	budget := run.Duration(fs, "budget", 2*time.Hour, "time to train in, all seeds and methods together; testing comes on top. Synthetic data has a fixed plan of minutes, and asks few of the test users, unless this is given")
	quick := fs.Bool("quick", false, "a run of a few seconds through the same code, to try it")
	policy := fs.String("policy", "", "folder of a finished run on data of other users (not another MovieLens): test the policies that learned there on these data, for which predictors alone are trained")
	out := fs.String("out", "", "folder for the run; empty: the next runs/rlpf-…")
	resume := fs.String("resume", "", "folder of an interrupted run to go on with; it keeps its options")
	jsonFile := fs.String("json", "", "also write results.json to this file")
	if err := run.Parse(fs, args, os.Stdout); err != nil {
		return err
	}
	given := run.Given(fs)
	if *jsonFile != "" {
		if err := run.CheckWritable("json", *jsonFile); err != nil {
			return err
		}
	}
	if *resume != "" {
		for name := range given {
			if name != "resume" && name != "json" {
				return run.Usagef("-%s cannot be changed by -resume: the run keeps its own options", name)
			}
		}
		folder, err := run.Open(*resume, &o)
		if err != nil {
			return err
		}
		defer folder.Close()
		w, err := o.read()
		if err != nil {
			return err
		}
		return job(ctx, folder, o, w, *jsonFile)
	}
	o = options{
		Dataset: *dataset, Method: *method, Grade: *grade, Alpha: *alpha, Weight: *weight, Length: *length,
		Updates: *updates, Seeds: *seeds, Seed: *seed, Budget: *budget, Quick: *quick,
	}
	if o.Quick {
		if given["budget"] {
			return run.Usagef("-quick has a plan of its own: leave out -budget")
		}
		o.Budget = 0
	}
	if *data == "" {
		if given["dataset"] {
			return run.Usagef("-dataset needs -data, the folder that holds it")
		}
		o.Dataset = synthetic
		if !given["budget"] {
			o.Budget = 0
		}
	} else {
		if err := run.CheckDir("data", *data); err != nil {
			return err
		}
		var err error
		if o.Data, err = filepath.Abs(*data); err != nil {
			return err
		}
		if o.Dataset == "auto" {
			if o.Dataset, err = history.Detect(o.Data); err != nil {
				return err
			}
		}
	}
	if *policy != "" {
		for _, name := range []string{"method", "grade", "alpha", "w", "length", "updates"} {
			if given[name] {
				return run.Usagef("-%s says how a policy learns, and that of -policy has learned", name)
			}
		}
		if err := o.takePolicy(*policy); err != nil {
			return err
		}
	}
	if err := o.config().Validate(); err != nil {
		return run.Usagef("%v", err)
	}
	w, err := o.read() // before there is a folder for it
	if err != nil {
		return err
	}
	if o.Policy != "" && shareUsers(o.PolicyData, w.data.Name) {
		return run.Usagef("-policy %s: it learned on %s, and perhaps from users who would test it: give other data than %s", *policy, o.PolicyData, w.data.Name)
	}
	var folder *run.Folder
	if *out != "" {
		folder, err = run.Create(*out, o)
	} else {
		folder, err = run.CreateNext("runs", "rlpf-"+o.Dataset, o)
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	return job(ctx, folder, o, w, *jsonFile)
}

func (o options) title() string {
	if o.Policy != "" {
		return fmt.Sprintf("RLPF on %s, policy trained on %s", o.Dataset, o.PolicyData)
	}
	return fmt.Sprintf("RLPF on %s", o.Dataset)
}
