// Package env holds small problems for package rl: the classic control tasks
// with the dynamics, constants, rewards and time limits of Gymnasium 1.x
// (Towers et al. 2024, arXiv 2407.17032), and a contextual bandit.
package env

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/noema-ml/noema/rl"
)

// registry lists the environments by Gymnasium's names.
var registry = []struct {
	name string
	make func() rl.Env
}{
	{"CartPole-v1", func() rl.Env { return NewCartPole() }},
	{"Acrobot-v1", func() rl.Env { return NewAcrobot() }},
	{"MountainCar-v0", func() rl.Env { return NewMountainCar() }},
	{"Pendulum-v1", func() rl.Env { return NewPendulum() }},
}

// Names lists what Lookup knows.
func Names() []string {
	var names []string
	for _, e := range registry {
		names = append(names, e.name)
	}
	return names
}

// Lookup returns the maker of the environment of a name of Gymnasium's, such
// as "CartPole-v1".
func Lookup(name string) (func() rl.Env, error) {
	i := slices.Index(Names(), name)
	if i < 0 {
		return nil, fmt.Errorf("env: there is no environment %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return registry[i].make, nil
}

// source returns the randomness of the episode of a seed.
func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x656e76)) }

// uniform returns a number between low and high.
func uniform(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

func clip(x, low, high float64) float64 { return min(max(x, low), high) }

// symmetric returns the box between -high and high.
func symmetric(high ...float64) rl.Space {
	low := make([]float64, len(high))
	for i, h := range high {
		low[i] = -h
	}
	return rl.Box(low, high)
}
