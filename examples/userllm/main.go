// Command userllm runs the method of User-LLM (arXiv 2402.13598) from bytes to
// report: it pretrains a user encoder and a small language model, joins them,
// trains the baselines on as many examples, and tests all of them on withheld
// events. Without -data it makes a synthetic data set in memory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/noema-ml/noema/internal/run"
	"github.com/noema-ml/noema/userllm"
	"github.com/noema-ml/noema/userllm/history"
)

// options are what the flags say; a run folder keeps them in config.json.
type options struct {
	Data      string        `json:"data,omitempty"`
	Dataset   string        `json:"dataset"`
	Encoder   string        `json:"encoder"`
	Fusion    string        `json:"fusion"`
	Strategy  string        `json:"strategy"`
	Perceiver int           `json:"perceiver"`
	Length    int           `json:"length"`
	Titles    int           `json:"titles"`
	Beam      int           `json:"beam"`
	Seeds     int           `json:"seeds"`
	Seed      uint64        `json:"seed"`
	Budget    time.Duration `json:"budget_ns"`
	Quick     bool          `json:"quick,omitempty"`
}

const synthetic = "synthetic"

func main() {
	run.Main("userllm", func(ctx context.Context) error { return program(ctx, os.Args[1:]) })
}

func program(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("userllm", flag.ContinueOnError)
	var o options
	data := fs.String("data", "", "folder of the data set; empty: synthetic data, made in memory")
	dataset := run.Choice(fs, "dataset", "auto", "what the folder holds", "auto", "ml-latest-small", "ml-1m", "ml-100k", "ml-20m", "ml-25m", "ml-32m", "yelp")
	encoder := run.Choice(fs, "encoder", "autoregressive", "what embeds the user", userllm.Kinds...)
	fusion := run.Choice(fs, "fusion", "cross", "how the language model reads the user", userllm.Fusions...)
	strategy := run.Choice(fs, "strategy", "full", "what stage 2 trains", userllm.Strategies...)
	perceiver := run.Int(fs, "perceiver", 0, 0, 256, "latent tokens that stand for the history; 0: one token an event")
	length := run.Int(fs, "length", 50, 2, 1000, "events that the encoder reads")
	titles := run.Int(fs, "titles", 10, 1, 200, "titles that the TextPrompt baseline reads")
	beam := run.Int(fs, "beam", 24, 1, 1000, "hypotheses of the search for titles")
	seeds := run.Int(fs, "seeds", 1, 1, 100, "trainings, over which results are averaged")
	seed := fs.Uint64("seed", 1, "of the first training")
	budget := run.Duration(fs, "budget", 30*time.Minute, "time to train in, all seeds and methods together; synthetic data has a fixed plan unless this is given")
	quick := fs.Bool("quick", false, "a run of a few seconds through the same code, to try it")
	out := fs.String("out", "", "folder for the run; empty: the next runs/userllm-…")
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
		q, err := o.read()
		if err != nil {
			return err
		}
		return job(ctx, folder, o, q, *jsonFile)
	}
	o = options{
		Dataset: *dataset, Encoder: *encoder, Fusion: *fusion, Strategy: *strategy, Perceiver: *perceiver, Length: *length, Titles: *titles,
		Beam: *beam, Seeds: *seeds, Seed: *seed, Budget: *budget, Quick: *quick,
	}
	if err := o.config().Validate(); err != nil {
		return run.Usagef("%v", err)
	}
	if o.Quick {
		o.Budget = 0 // it has a plan of its own
		if !given["beam"] {
			o.Beam = 8
		}
		if !given["titles"] {
			o.Titles = 4
		}
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
	q, err := o.read() // before there is a folder for it
	if err != nil {
		return err
	}
	var folder *run.Folder
	if *out != "" {
		folder, err = run.Create(*out, o)
	} else {
		folder, err = run.CreateNext("runs", "userllm-"+o.Dataset, o)
	}
	if err != nil {
		return err
	}
	defer folder.Close()
	return job(ctx, folder, o, q, *jsonFile)
}

// open returns the data set that the options name.
func (o options) open() (*history.Dataset, error) {
	if o.Dataset != synthetic {
		return history.Open(o.Data, o.Dataset)
	}
	c := history.SyntheticConfig{Seed: 1}
	if o.Quick {
		c.Users, c.Items = 80, 120
	}
	return history.Synthetic(c), nil
}

// held is how many events of each user are withheld: ten where users are few.
func held(d *history.Dataset) int {
	if len(d.Users) > 2000 {
		return 1
	}
	return 10
}

// config returns what is trained. The sizes fit two cores.
func (o options) config() userllm.Config {
	c := userllm.Config{Seed: o.Seed, Beam: o.Beam, Titles: o.Titles, Vocab: 4096}
	c.Model.Kind, c.Model.Fusion, c.Model.Strategy, c.Model.Perceiver = o.Encoder, o.Fusion, o.Strategy, o.Perceiver
	c.Model.Encoder.Length, c.Model.Encoder.Dropout = o.Length, 0.1
	c.Model.Encoder.Dim, c.Model.Encoder.Layers = 64, 2
	c.Model.LM.Dim, c.Model.LM.Layers, c.Model.LM.FFN = 128, 4, 256
	if o.Dataset == synthetic {
		c.Vocab, c.Model.CrossEvery = 1024, 1
		c.Model.LM.Dim, c.Model.LM.Layers, c.Model.LM.FFN = 64, 2, 128
		c.Plan = userllm.Plan{LMItems: 32768, EncoderWindows: 16000, Windows: 8000}
	}
	if o.Quick {
		c.Vocab = 320
		c.Model.Encoder.Dim = 32
		c.Model.LM.Dim, c.Model.LM.Layers, c.Model.LM.FFN = 32, 2, 64
		c.Plan = userllm.Plan{LMItems: 1024, EncoderWindows: 320, Windows: 320}
	}
	return c
}

func (o options) title() string { return fmt.Sprintf("User-LLM on %s", o.Dataset) }
