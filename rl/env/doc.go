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

// registry lists the environments by Gymnasium's names, and the settings with
// which PPO solves them: in few steps.
var registry = []struct {
	name   string
	make   func() rl.Env
	recipe rl.PPO
}{
	{"CartPole-v1", NewCartPole, rl.PPO{Run: rl.Run{Steps: 50_000}, Gamma: 0.98, Lambda: 0.9}},
	{"Acrobot-v1", NewAcrobot, rl.PPO{Run: rl.Run{Steps: 100_000}, NormalizeObs: true, NormalizeRewards: true}},
	{"MountainCar-v0", NewMountainCar, rl.PPO{Run: rl.Run{Steps: 150_000}, ConstantLR: true, Envs: 16, Lambda: 0.98, NormalizeObs: true, NormalizeRewards: true}},
	{"Pendulum-v1", NewPendulum, rl.PPO{Run: rl.Run{Steps: 100_000}, Rollout: 256, Gamma: 0.9, NormalizeRewards: true}},
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
	i, err := find(name)
	if err != nil {
		return nil, err
	}
	return registry[i].make, nil
}

// Recipe returns settings with which PPO solves the environment of a name.
func Recipe(name string) (rl.PPO, error) {
	i, err := find(name)
	if err != nil {
		return rl.PPO{}, err
	}
	return registry[i].recipe, nil
}

func find(name string) (int, error) {
	i := slices.Index(Names(), name)
	if i < 0 {
		return 0, fmt.Errorf("env: there is no environment %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return i, nil
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
