package rlpf

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/noema-ml/noema/userllm/history"
)

// Feedback is prediction feedback: a source of prompts about users and the
// reward for summaries of them, which is how well the frozen predictor answers
// questions about the user's future when it reads the summary alone, plus the
// reward for length (section 3.2 of the paper). Some of the users are made up
// (RewardConfig.MadeUp): what their answers are worth is a mean over what they might
// do. Draw and Reward are a Trainer's Prompts and Reward; they remember each other's
// prompts, so a Feedback serves one Trainer.
type Feedback struct {
	Predictor *Predictor
	Asker     *Asker
	Users     []int // who is asked about, beside those who are made up
	Config    RewardConfig
	// Prompt returns what the summariser reads of a history.
	Prompt func(events []history.Event) string
	// Length counts a summary's tokens.
	Length func(summary string) int

	asked map[string][]Question // what is asked about each prompt drawn last
	last  map[string]float64
}

// Draw returns the prompts of n histories, drawn by r alone.
func (f *Feedback) Draw(r *rand.PCG, n int) []string {
	f.asked = map[string][]Question{}
	prompts := make([]string, 0, n)
	for len(prompts) < n {
		events, qs := f.questions(r)
		if len(qs) == 0 {
			break // no user can be asked anything
		}
		prompt := f.Prompt(events)
		f.asked[prompt] = qs
		prompts = append(prompts, prompt)
	}
	return prompts
}

// questions draws a history and what is asked about it; nothing if nothing can be.
// Few users may have done enough to be asked, while hardly anyone is made up in vain, so
// it is settled first of which kind they are to be.
func (f *Feedback) questions(r *rand.PCG) ([]history.Event, []Question) {
	if rand.New(r).Float64() < f.Config.MadeUp {
		for range 8 {
			who, pos := f.Asker.inventLife(rand.New(r))
			if who == nil {
				break
			}
			if qs := f.ask(r, who.life, pos); len(qs) > 0 {
				for k := range qs {
					who.answer(&qs[k])
				}
				return who.life.events[max(0, pos-f.Asker.Config.History):pos], qs
			}
		}
		// Nobody can be made up, as of a small catalogue.
	}
	for range 10000 {
		user := f.Users[rand.New(r).IntN(len(f.Users))]
		if pos, ok := f.Asker.Place(r, user); ok {
			if qs := f.ask(r, f.Asker.timeline(user), pos); len(qs) > 0 {
				return f.Asker.History(user, pos), qs
			}
		}
	}
	return nil, nil
}

// ask draws the questions about one whose history ends before pos.
func (f *Feedback) ask(r *rand.PCG, t timeline, pos int) (qs []Question) {
	for _, task := range f.Config.Tasks {
		for range f.Config.Questions {
			if q, ok := f.Asker.ask(rand.New(r), task, t, pos); ok {
				qs = append(qs, q)
			}
		}
	}
	return qs
}

// Reward returns the reward of each summary of one of the prompts drawn last:
// the mean grade of its questions and the reward for its length.
func (f *Feedback) Reward(ctx context.Context, prompts, summaries []string) ([]float64, error) {
	if len(prompts) != len(summaries) {
		return nil, fmt.Errorf("rlpf: %d prompts for %d summaries", len(prompts), len(summaries))
	}
	var contexts []string
	var questions []Question
	for i, p := range prompts {
		qs := f.asked[p]
		if len(qs) == 0 {
			return nil, errors.New("rlpf: Feedback was asked about a prompt that it did not draw last")
		}
		for range qs {
			contexts = append(contexts, readable(summaries[i]))
		}
		questions = append(questions, qs...)
	}
	scores, err := f.Predictor.Score(ctx, contexts, questions, f.Config.Rotations)
	if err != nil {
		return nil, err
	}
	rewards := make([]float64, len(prompts))
	var feedback, right float64
	next := 0
	for i, p := range prompts {
		n := len(f.asked[p])
		for range n {
			q, s := &questions[next], scores[next]
			rewards[i] += q.expect(func(answer []int) float64 { return grade(f.Config.Grade, s, answer) }) / float64(n)
			right += q.expect(func(answer []int) float64 { return hit(s, answer, q.Task.Recall()) }) / float64(len(questions))
			next++
		}
		feedback += rewards[i] / float64(len(prompts))
		rewards[i] += f.Config.Of(f.Length(summaries[i]))
	}
	f.last = map[string]float64{"feedback": feedback, "accuracy": right}
	return rewards, nil
}

// Last returns what the last call of Reward came to: "feedback", the mean reward
// without that for length, and "accuracy", the share of right answers, for made-up users
// as it is to be expected.
func (f *Feedback) Last() map[string]float64 { return f.last }
