package rlpf

import (
	"math"
	"testing"

	"github.com/noema-ml/noema/userllm/history"
	"github.com/stretchr/testify/require"
)

// All values in this file are worked out by hand.

func TestAbstractiveness(t *testing.T) {
	l := newLanguage(t, strange(), 500)
	events := []history.Event{{Item: 1}, {Item: 0, Rating: 4}} // "Mr. Holland's Opus (1995); Dune (1984) 4"
	for _, c := range []struct {
		summary string
		want    float64
	}{
		{"Mr. Holland's Opus (1995)", 0},             // mr holland's opus, holland's opus 1995
		{"Loved mr. HOLLAND'S opus (1995).", 1. / 3}, // loved mr holland's is new
		{"Mostly watches Drama. No Horror.", 1},
		{"Opus (1995); Dune", 0}, // runs over the list's separator
		{"Opus (1995) and Dune", 1},
	} {
		require.InDelta(t, c.want, Abstractiveness(l, c.summary, events), 1e-12, c.summary)
	}
	require.True(t, math.IsNaN(Abstractiveness(l, "Dune (1984)", events)))
	require.Equal(t, 1.0, Abstractiveness(l, "Dune (1984) 4", nil))
}

func TestRepetition(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
	}{
		{"", 0},
		{"no no", 0},
		{"No no no no", .5}, // twice the same
		{"Some Drama. Some Drama. Some Drama.", .5}, // sds dsd sds dsd
		{"One two three four.", 0},
	} {
		require.InDelta(t, c.want, Repetition(c.text), 1e-12, c.text)
	}
}

func TestReadingEase(t *testing.T) {
	for _, c := range []struct {
		text                        string
		words, sentences, syllables float64
	}{
		{"The cat sat on the mat.", 6, 1, 6},
		{"Mostly watches Drama. No Horror!", 5, 2, 9},       // most-ly watch-es dra-ma no hor-ror
		{"Recently saw Heat (1995); Fargo", 5, 1, 8},        // re-cent-ly saw heat 1995 far-go
		{"Is it a table? A house, a home... Yes", 9, 3, 10}, // ta-ble; house and home have a silent e
		{"Mr. Holland's Opus (1995).", 4, 2, 6},             // mr hol-land's o-pus 1995
		{"“Élan” vital", 2, 1, 4},                           // é-lan vi-tal
	} {
		want := 206.835 - 1.015*c.words/c.sentences - 84.6*c.syllables/c.words
		require.InDelta(t, want, ReadingEase(c.text), 1e-9, c.text)
	}
	require.InDelta(t, 116.145, ReadingEase("The cat sat on the mat."), 1e-9)
	require.True(t, math.IsNaN(ReadingEase(" ... ")))
}
