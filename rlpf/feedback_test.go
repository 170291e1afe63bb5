package rlpf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/userllm/history"
)

func TestFeedback(t *testing.T) {
	ctx := context.Background()
	r := tiny(t).run
	f, err := r.Feedback(ctx)
	require.NoError(t, err)
	require.Positive(t, f.Config.Length, "the mean length before RL")
	prompts := f.Draw(rand.NewPCG(1, 2), 6)
	require.Equal(t, prompts, f.Draw(rand.NewPCG(1, 2), 6), "it depends on the randomness alone")
	require.NotEqual(t, prompts, f.Draw(rand.NewPCG(1, 3), 6))
	f.Draw(rand.NewPCG(1, 2), 6)

	summaries := make([]string, len(prompts))
	for i := range summaries {
		summaries[i] = "Mostly Drama.\xff "
	}
	graded, err := f.Reward(ctx, prompts, summaries)
	require.NoError(t, err)
	// What it is made of, put together by hand.
	qs := f.asked[prompts[2]]
	require.NotEmpty(t, qs)
	contexts := make([]string, len(qs))
	for i := range contexts {
		contexts[i] = "Mostly Drama.\uFFFD"
	}
	scores, err := f.Predictor.Score(ctx, contexts, qs, f.Config.Rotations)
	require.NoError(t, err)
	want := f.Config.Of(len(r.Lang.Encode(summaries[2])))
	for i, q := range qs {
		if q.chances == nil {
			want += grade("log-probability", scores[i], q.Answer) / float64(len(qs))
		}
		for k, chance := range q.chances { // of someone who is made up
			want += chance * grade("log-probability", scores[i], []int{k}) / float64(len(qs))
		}
	}
	require.InDelta(t, want, graded[2], 1e-4)
	require.Contains(t, f.Last(), "accuracy")

	f.Config.Grade, f.Config.Weight = "right", 0
	rights, err := f.Reward(ctx, prompts, summaries)
	require.NoError(t, err)
	sum := 0.0
	for _, v := range rights {
		require.GreaterOrEqual(t, v, 0.0)
		require.LessOrEqual(t, v, 1.0)
		sum += v / float64(len(rights))
	}
	require.InDelta(t, f.Last()["feedback"], sum, 1e-9)

	_, err = f.Reward(ctx, []string{"never drawn"}, []string{""})
	require.ErrorContains(t, err, "did not draw")
	_, err = f.Reward(ctx, prompts, summaries[:2])
	require.ErrorContains(t, err, "2 summaries")
}

// Half of the prompts are about made-up users, whose questions have known chances, or
// all, or none, though many others have done too little to be asked.
func TestFeedbackMadeUp(t *testing.T) {
	a := quickAsker(t)
	f := &Feedback{Asker: a, Users: a.Users.Train, Config: Config{}.WithDefaults().Reward}
	asked := 0
	f.Prompt = func(events []history.Event) string { // as in no other prompt
		asked++
		require.NotEmpty(t, events)
		require.LessOrEqual(t, len(events), a.Config.History)
		return fmt.Sprint(asked)
	}
	for share, want := range map[float64][2]int{-1: {0, 0}, 0.5: {125, 175}, 1: {300, 300}} {
		f.Config.MadeUp = share
		made := 0
		prompts := f.Draw(rand.NewPCG(4, 5), 300)
		require.Len(t, prompts, 300)
		for _, p := range prompts {
			qs := f.asked[p]
			for _, q := range qs {
				require.Equal(t, qs[0].User == nobody, q.User == nobody)
				require.Equal(t, q.User == nobody, q.chances != nil)
			}
			if qs[0].User == nobody {
				made++
			}
		}
		require.GreaterOrEqual(t, made, want[0])
		require.LessOrEqual(t, made, want[1])
	}
}
