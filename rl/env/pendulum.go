package env

import (
	"math"

	"github.com/noema-ml/noema/rl"
)

// Pendulum is a rod to be swung up and kept there by a torque of at most 2 N·m.
// The reward is -(θ² + 0.1·θ̇² + 0.001·u²), θ from upright in ±π. Observed are
// cos θ, sin θ and θ̇. It never terminates.
type Pendulum struct {
	Theta, ThetaDot float64
}

// NewPendulum returns Pendulum-v1: Pendulum with 200 steps.
func NewPendulum() rl.Env { return rl.TimeLimit(&Pendulum{}, 200) }

const (
	pendulumSpeed  = 8
	pendulumTorque = 2
)

// Observations are three numbers.
func (p *Pendulum) Observations() rl.Space { return symmetric(1, 1, pendulumSpeed) }

// Actions are torques.
func (p *Pendulum) Actions() rl.Space { return symmetric(pendulumTorque) }

// Reset draws θ from ±π and θ̇ from ±1.
func (p *Pendulum) Reset(seed uint64) []float64 {
	r := source(seed)
	p.Theta, p.ThetaDot = uniform(r, -math.Pi, math.Pi), uniform(r, -1, 1)
	return p.observe()
}

func (p *Pendulum) observe() []float64 {
	sin, cos := math.Sincos(p.Theta)
	return []float64{cos, sin, p.ThetaDot}
}

// Step applies the torque, clipped to what there is, for 0.05 s.
func (p *Pendulum) Step(action []float64) ([]float64, float64, bool, bool) {
	const gravity, dt = 10, 0.05
	u := clip(action[0], -pendulumTorque, pendulumTorque)
	angle := p.Theta - 2*math.Pi*math.Floor((p.Theta+math.Pi)/(2*math.Pi))
	cost := angle*angle + 0.1*p.ThetaDot*p.ThetaDot + 0.001*u*u
	p.ThetaDot = clip(p.ThetaDot+(1.5*gravity*math.Sin(p.Theta)+3*u)*dt, -pendulumSpeed, pendulumSpeed)
	p.Theta += p.ThetaDot * dt
	return p.observe(), -cost, false, false
}
