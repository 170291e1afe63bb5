package main

import (
	"github.com/noema-ml/noema/nn/lm"
	"github.com/noema-ml/noema/rlpf"
)

// config returns what is trained. The sizes fit two cores.
func (o options) config() rlpf.Config {
	c := rlpf.Config{Seed: o.Seed}
	c.RL.Method = o.Method
	c.RL.Alpha = o.Alpha
	if o.Alpha == 0 {
		c.RL.Alpha = -1 // none, where 0 stands for the default
	}
	c.Reward.Grade = o.Grade
	c.Reward.LengthReward = rlpf.Config{}.WithDefaults().Reward.LengthReward
	c.Reward.Weight, c.Reward.Length = o.Weight, o.Length
	c.Second = rlpf.OtherPredictor()
	switch {
	case o.Quick:
		c.Vocab, c.Tokens, c.BestOf = 400, 24, 4
		c.Ask.History = 12
		c.Model.Dim, c.Model.Layers = 16, 1
		c.Predictor.Pretrain, c.Predictor.Steps = 12, 12
		c.Second.Model = lm.Config{Dim: 24, Layers: 2, Heads: 2}
		c.Second.Pretrain, c.Second.Steps = 8, 8
		c.Predictor.Texts, c.Predictor.Contexts, c.Second.Texts, c.Second.Contexts = 4, 4, 4, 4
		c.Warm.Steps, c.Warm.Histories, c.Warm.Summaries = 24, 4, 4
		c.RL.Steps, c.RL.Prompts = 6, 4
		c.Exam.Places, c.Exam.Users = 2, 12
	case o.Dataset == synthetic:
		c.Predictor.Pretrain, c.Predictor.Steps = 520, 1100
		c.Second.Pretrain, c.Second.Steps = 200, 200
		c.Warm.Steps = 230
		c.RL.Steps = 95
		// Made-up users are as those of a made-up world are; what one did is a poor teacher.
		// Their answers are less noisy, so RL can take greater steps.
		c.Reward.MadeUp, c.RL.LR = 1, 5e-4
		c.Predictor.MadeUp, c.Second.MadeUp = 1, 1
		if o.Budget == 0 {
			c.Exam.Users = 60
		} else { // where there is time for thousands of steps, fewer of more examples teach more
			c.Predictor.Texts, c.Predictor.Contexts = 48, 96
			c.Second.Texts, c.Second.Contexts = 48, 48
		}
	default:
		c.Vocab = 2048
		c.Exam.Users = 200
	}
	if o.Dataset == "yelp" {
		// The paper's way with Yelp: short histories, all of 10 to 20 events
		// before the last one, and the four categories that nearly all places
		// have do not count.
		c.Ask.History, c.Ask.Least, c.Ask.Ahead, c.Ask.SkipGenres = 20, 10, 1, 4
		c.Exam.Places = 1
	}
	if o.Updates > 0 {
		c.RL.Steps = o.Updates
	}
	return c
}
