package env

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/rl"
)

// trajectory is what Gymnasium did from a state; testdata/gymnasium.json says
// how it was made.
type trajectory struct {
	Env        string
	Start      []float64
	Actions    []float64
	Rewards    []float64
	Terminated bool
	States     []struct {
		Step       int
		State, Obs []float64
	}
}

// state returns the state that an environment's dynamics work on.
func state(t *testing.T, e rl.Env) []*float64 {
	switch e := e.(type) {
	case *CartPole:
		return []*float64{&e.X, &e.XDot, &e.Theta, &e.ThetaDot}
	case *Acrobot:
		return []*float64{&e.Theta1, &e.Theta2, &e.Dot1, &e.Dot2}
	case *MountainCar:
		return []*float64{&e.Position, &e.Velocity}
	case *Pendulum:
		return []*float64{&e.Theta, &e.ThetaDot}
	}
	t.Fatalf("no state of %T", e)
	return nil
}

func TestDynamicsAreGymnasiums(t *testing.T) {
	text, err := os.ReadFile("testdata/gymnasium.json")
	require.NoError(t, err)
	var file struct {
		Made         string
		Trajectories []trajectory
	}
	require.NoError(t, json.Unmarshal(text, &file))
	envs := map[string]rl.Env{"CartPole-v1": &CartPole{}, "Acrobot-v1": &Acrobot{}, "MountainCar-v0": &MountainCar{}, "Pendulum-v1": &Pendulum{}}
	for _, tr := range file.Trajectories {
		env := envs[tr.Env]
		now := state(t, env)
		for i, x := range tr.Start {
			*now[i] = x
		}
		seen := 0
		for step, a := range tr.Actions {
			obs, reward, terminated, truncated := env.Step([]float64{a})
			assert.InDelta(t, tr.Rewards[step], reward, 1e-9, "%s step %d", tr.Env, step)
			assert.False(t, truncated)
			assert.Equal(t, tr.Terminated && step == len(tr.Actions)-1, terminated, "%s step %d", tr.Env, step)
			if want := tr.States[seen]; want.Step == step+1 {
				seen++
				for i := range now {
					assert.InDelta(t, want.State[i], *now[i], 1e-8, "%s step %d: state %d", tr.Env, step, i)
				}
				assert.InDeltaSlice(t, want.Obs, obs, 1e-5, "%s step %d", tr.Env, step) // Gymnasium's are float32
			}
		}
		assert.Equal(t, len(tr.States), seen, tr.Env)
	}
}

func TestResetIsDrawnFromItsSeed(t *testing.T) {
	low := map[string][]float64{"CartPole-v1": {-.05, -.05, -.05, -.05}, "MountainCar-v0": {-.6, 0}, "Pendulum-v1": {-1, -1, -1}}
	high := map[string][]float64{"CartPole-v1": {.05, .05, .05, .05}, "MountainCar-v0": {-.4, 0}, "Pendulum-v1": {1, 1, 1}}
	for _, name := range Names() {
		newEnv, err := Lookup(name)
		require.NoError(t, err)
		env := newEnv()
		first := env.Reset(1)
		assert.NotEqual(t, first, env.Reset(2), name)
		assert.Equal(t, first, env.Reset(1), name)
		for seed := range uint64(200) {
			obs := env.Reset(seed)
			assert.True(t, env.Observations().Contains(obs), "%s: %v", name, obs)
			for i := range low[name] {
				assert.True(t, obs[i] >= low[name][i] && obs[i] <= high[name][i], "%s: %v", name, obs)
			}
		}
	}
	_, err := Lookup("Cartpole")
	assert.ErrorContains(t, err, "CartPole-v1")
}

func TestTimeLimits(t *testing.T) {
	for name, want := range map[string]int{"Acrobot-v1": 500, "MountainCar-v0": 200, "Pendulum-v1": 200} {
		newEnv, err := Lookup(name)
		require.NoError(t, err)
		env := newEnv()
		for range 2 {
			env.Reset(1)
			for step := 1; ; step++ {
				_, _, terminated, truncated := env.Step([]float64{1})
				require.False(t, terminated, name)
				if truncated {
					assert.Equal(t, want, step, name)
					break
				}
			}
		}
	}
}

func TestBandit(t *testing.T) {
	b := NewBandit(3, 4, 5, 0)
	context := b.Reset(9)
	assert.Len(t, context, 5)
	for arm := range 4 {
		assert.Equal(t, context, b.Reset(9))
		_, reward, terminated, truncated := b.Step([]float64{float64(arm)})
		assert.Equal(t, b.Mean(context, arm), reward)
		assert.True(t, terminated)
		assert.False(t, truncated)
	}
	noisy := NewBandit(3, 4, 5, 0.5)
	assert.Equal(t, b.Weights, noisy.Weights)
	sum, square, n := 0.0, 0.0, 4000
	for seed := range uint64(n) {
		c := noisy.Reset(seed)
		_, reward, _, _ := noisy.Step([]float64{2})
		d := reward - noisy.Mean(c, 2)
		sum, square = sum+d, square+d*d
	}
	assert.InDelta(t, 0, sum/float64(n), 0.03)
	assert.InDelta(t, 0.25, square/float64(n), 0.03)
}
