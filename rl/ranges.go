package rl

import (
	"fmt"
	"math"
)

// setting is a number of a configuration and the range that it must be in.
type setting struct {
	name  string
	value float64
	in    bounds
}

// bounds are a range of finite numbers, and how an error calls it.
type bounds struct {
	least, most float64
	name        string
}

// The ranges. Those without a least number are of settings whose negative
// values mean 0.
var (
	aboveZero = bounds{math.SmallestNonzeroFloat64, math.MaxFloat64, "a finite number above 0"}
	fromZero  = bounds{0, math.MaxFloat64, "a finite number, 0 or above"}
	upToOne   = bounds{-math.MaxFloat64, 1, "a finite number of at most 1"}
	finite    = bounds{-math.MaxFloat64, math.MaxFloat64, "a finite number"}
)

// check returns an error that names the first of an algorithm's settings that
// is out of its range, as NaN is in all of them.
func check(algorithm string, settings ...setting) error {
	for _, s := range settings {
		if !(s.value >= s.in.least && s.value <= s.in.most) {
			return fmt.Errorf("rl: %s: %s must be %s, not %v", algorithm, s.name, s.in.name, s.value)
		}
	}
	return nil
}

// settings returns those of c, which is called name.
func (c KLController) settings(name string) []setting {
	return []setting{{name + ".Beta", c.Beta, fromZero}, {name + ".Target", c.Target, fromZero}, {name + ".Horizon", c.Horizon, fromZero}}
}
