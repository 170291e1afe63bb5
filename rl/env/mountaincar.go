package env

import (
	"math"

	"github.com/noema-ml/noema/rl"
)

// MountainCar is a car too weak to drive out of its valley: it must swing back
// first (Moore 1990). It accelerates to the left (0), not at all (1) or to the
// right (2). The reward is -1 for every step until it is at the flag, 0.5.
// Observed are position and velocity.
type MountainCar struct {
	Position, Velocity float64
}

// NewMountainCar returns MountainCar-v0: MountainCar with 200 steps at most.
func NewMountainCar() rl.Env { return rl.TimeLimit(&MountainCar{}, 200) }

const (
	carLow, carHigh = -1.2, 0.6
	carSpeed        = 0.07
)

// Observations are position and velocity.
func (m *MountainCar) Observations() rl.Space {
	return rl.Box([]float64{carLow, -carSpeed}, []float64{carHigh, carSpeed})
}

// Actions are three.
func (m *MountainCar) Actions() rl.Space { return rl.Discrete(3) }

// Reset puts the car at rest between -0.6 and -0.4.
func (m *MountainCar) Reset(seed uint64) []float64 {
	m.Position, m.Velocity = uniform(source(seed), -0.6, -0.4), 0
	return []float64{m.Position, m.Velocity}
}

// Step moves the car.
func (m *MountainCar) Step(action []float64) ([]float64, float64, bool, bool) {
	m.Velocity += (action[0]-1)*0.001 - 0.0025*math.Cos(3*m.Position)
	m.Velocity = clip(m.Velocity, -carSpeed, carSpeed)
	m.Position = clip(m.Position+m.Velocity, carLow, carHigh)
	if m.Position == carLow && m.Velocity < 0 {
		m.Velocity = 0
	}
	return []float64{m.Position, m.Velocity}, -1, m.Position >= 0.5 && m.Velocity >= 0, false
}
