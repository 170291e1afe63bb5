package rlpf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/userllm/history"
)

// AskConfig says where in a timeline questions are asked and how. Zero fields
// take the defaults.
type AskConfig struct {
	History    int `json:"history"`     // events that a history has at most: 50
	Least      int `json:"least"`       // events before a question at least: History
	Ahead      int `json:"ahead"`       // events from a question's place on at least: 50, so that every task can be asked there
	Buckets    int `json:"buckets"`     // of popularity: 40; within each, items are taken to be targets in proportion to how many have met them
	SkipGenres int `json:"skip_genres"` // that many of the commonest genres do not count in FavGenre: 0
}

// WithDefaults returns c with its zeros replaced.
func (c AskConfig) WithDefaults() AskConfig {
	if c.History == 0 {
		c.History = 50
	}
	if c.Least == 0 {
		c.Least = c.History
	}
	if c.Ahead == 0 {
		c.Ahead = gap
	}
	if c.Buckets == 0 {
		c.Buckets = 40
	}
	return c
}

// Validate returns an error that names a value out of its range.
func (c AskConfig) Validate() error {
	c = c.WithDefaults()
	switch {
	case c.History < 1:
		return fmt.Errorf("rlpf: history of %d events; want at least 1", c.History)
	case c.Least < 1:
		return fmt.Errorf("rlpf: least of %d events before a question; want at least 1", c.Least)
	case c.Ahead < 1:
		return fmt.Errorf("rlpf: %d events ahead of a question; want at least 1", c.Ahead)
	case c.Buckets < 1:
		return fmt.Errorf("rlpf: %d buckets of popularity; want at least 1", c.Buckets)
	case c.SkipGenres < 0:
		return fmt.Errorf("rlpf: %d genres to skip; want at least 0", c.SkipGenres)
	}
	return nil
}

// span returns the first and the last place of a question in a timeline of n
// events; there is none if last < first.
func (c AskConfig) span(n int) (first, last int) { return c.Least, n - c.Ahead }

// Places returns count places spread evenly over those where a question can be
// asked in a timeline of n events, or all of these if they are fewer. A single
// place is the last one, behind all of the history that there is.
func (c AskConfig) Places(n, count int) []int {
	c = c.WithDefaults()
	first, last := c.span(n)
	if count == 1 {
		first = max(first, last)
	}
	count = min(count, last-first+1)
	var places []int
	for k := range count {
		places = append(places, first+(last-first)*k/max(1, count-1))
	}
	return places
}

// around returns one of Places and those next to it, nearest first, that are
// nearer to it than to any other.
func (c AskConfig) around(n, count, place int) []int {
	first, last := c.WithDefaults().span(n)
	near := []int{place}
	for d := 1; 2*d < (last-first)/max(1, count-1); d++ {
		for _, p := range []int{place - d, place + d} {
			if first <= p && p <= last {
				near = append(near, p)
			}
		}
	}
	return near
}

// Users divides the users of a data set; each list ascends.
type Users struct {
	Train []int // the predictor and the policy learn from these alone
	Valid []int // what is chosen (a template, a checkpoint) is chosen on these
	Test  []int // nothing is ever learnt from these
}

// DivideUsers draws the users of each part by seed. Valid and Test take only
// users who can be asked at perUser places: Test 15 % of these, or 300 if that is
// more but at most a quarter, and Valid 10 %. All others train. There is an error
// if a part would be empty.
func DivideUsers(d *history.Dataset, c AskConfig, perUser int, seed uint64) (Users, error) {
	if err := c.Validate(); err != nil {
		return Users{}, err
	}
	c = c.WithDefaults()
	var able []int
	var u Users
	for i := range d.Users {
		if len(c.Places(len(d.Users[i].Events), perUser)) >= max(1, perUser) {
			able = append(able, i)
		} else {
			u.Train = append(u.Train, i)
		}
	}
	rand.New(stream(seed, "users")).Shuffle(len(able), func(i, j int) { able[i], able[j] = able[j], able[i] })
	test := max(len(able)*15/100, min(300, len(able)/4))
	valid := len(able) / 10
	u.Test, u.Valid = able[:test:test], able[test:test+valid:test+valid]
	u.Train = append(u.Train, able[test+valid:]...)
	if test == 0 || valid == 0 || len(able) == test+valid {
		return Users{}, fmt.Errorf("rlpf: %s: %d users have the %d events that %d places need; want 10 or more", d.Name, len(able), c.Least+c.Ahead+perUser-1, perUser)
	}
	for _, part := range [][]int{u.Train, u.Valid, u.Test} {
		slices.Sort(part)
	}
	return u, nil
}

// check returns an error unless the users are users of d, each at most once.
func (u Users) check(d *history.Dataset) error {
	taken := make([]bool, len(d.Users))
	for _, part := range [][]int{u.Train, u.Valid, u.Test} {
		for _, i := range part {
			if i < 0 || i >= len(taken) {
				return fmt.Errorf("rlpf: user %d; there are %d", i, len(taken))
			}
			if taken[i] {
				return fmt.Errorf("rlpf: user %d is in two parts", i)
			}
			taken[i] = true
		}
	}
	if len(u.Train) == 0 {
		return errors.New("rlpf: no users to train on")
	}
	return nil
}
