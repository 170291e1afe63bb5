package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/rlpf"
)

// Every kind of run has a valid configuration, and asks whom it should.
func TestConfig(t *testing.T) {
	for _, k := range []struct {
		o    options
		exam rlpf.ExamConfig
	}{
		{options{Dataset: synthetic}, rlpf.ExamConfig{Places: 8, Users: 60}},
		{options{Dataset: synthetic, Budget: time.Hour}, rlpf.ExamConfig{Places: 8}},
		{options{Dataset: synthetic, Quick: true}, rlpf.ExamConfig{Places: 2, Users: 12}},
		{options{Dataset: "ml-1m", Budget: time.Hour}, rlpf.ExamConfig{Places: 8, Users: 200}},
		{options{Dataset: "ml-1m", Quick: true}, rlpf.ExamConfig{Places: 2, Users: 12}},
		{options{Dataset: "yelp", Budget: time.Hour}, rlpf.ExamConfig{Places: 1, Users: 200}},
	} {
		k.o.Method, k.o.Grade = "guess", "right"
		if k.o.Dataset == synthetic {
			_, err := k.o.read()
			require.ErrorContains(t, err, "guess", "said before there is a folder")
		}
		k.o.Method = "rloo"
		c := k.o.config()
		require.NoError(t, c.Validate(), "%+v", k.o)
		c = c.WithDefaults()
		require.Equal(t, k.exam, c.Exam, "%+v", k.o)
		require.Equal(t, k.o.Dataset == "yelp", c.Ask.SkipGenres == 4)
		require.EqualValues(t, -1, c.RL.Alpha, "-alpha 0 is none")
		// Tried on synthetic data alone.
		tried := k.o.Dataset == synthetic && !k.o.Quick
		require.Equal(t, tried, c.Predictor.MadeUp == 1 && c.Second.MadeUp == 1 && c.RL.LR == 5e-4)
		require.Equal(t, tried && k.o.Budget > 0, c.Predictor.Contexts == 96)
		k.o.Updates = 7
		require.Equal(t, 7, k.o.config().RL.Steps)
	}
}
