// Package rlpf is the method of RLPF, reinforcement learning from prediction
// feedback (arXiv 2409.04421): a language model learns to sum up a user's
// history in a few words of plain text, and is rewarded for how well a frozen
// predictor, which reads nothing but the summary, answers questions about the
// user's future.
//
// To use a trained summariser, [Load] its run folder and ask the [Summariser].
// To train one, begin a [Run] on a data set and call its methods: each trains
// what it needs in stages that can be interrupted, and [Run.Test] puts the same
// questions to all methods. The program examples/rlpf does all of that and
// writes a report. Seeds may share the predictors ([Run.ShareReaders]), and a
// policy may be tested on data that it did not learn on ([TakePolicy]). What the
// texts tell of people is also asked without a predictor ([Run.Probe]).
// [Trainer] is the reinforcement learning alone, for any language model, any
// prompts and any [Reward].
//
// What differs from the paper, since a small language model can do nothing
// unasked: the policy is warmed up on templates, and that checkpoint stands for
// the paper's zero-shot model; the predictor is pretrained on the catalogue and on
// made-up users, trained once on questions about train users and more made-up
// ones, and frozen; and half of the reward is for summaries of made-up users.
// Direct RLAIF is not among the rivals: no model of this size can judge a summary.
// [ScoreReward] is its reward, for whom has a judge.
//
// What is said about a data set, and how it becomes tokens, is its [Language].
// A [Template] writes a summary by rule from facts that are counted in the
// history; such summaries warm-start the policy, and the best of them is a
// rival. [Claims] reads back what a summary says, so that [Factuality]
// can hold every claim to the history.
package rlpf
