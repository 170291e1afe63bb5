package env

import (
	"math"

	"github.com/noema-ml/noema/rl"
)

// CartPole is a pole on a cart that is pushed to the left (0) or right (1), 50
// times a second, to keep the pole upright (Barto, Sutton and Anderson 1983).
// The reward is 1 for every step; the episode terminates when the pole leans by
// more than 12° or the cart is more than 2.4 m off. Observed are the cart's
// position and speed, the pole's angle and its speed.
type CartPole struct {
	X, XDot, Theta, ThetaDot float64
}

// NewCartPole returns CartPole-v1: CartPole with 500 steps at most.
func NewCartPole() rl.Env { return rl.TimeLimit(&CartPole{}, 500) }

const (
	poleAngle = 12 * 2 * math.Pi / 360
	cartRange = 2.4
)

// Observations are four numbers; the positions lie within twice their limits.
func (c *CartPole) Observations() rl.Space {
	return symmetric(2*cartRange, math.Inf(1), 2*poleAngle, math.Inf(1))
}

// Actions are two.
func (c *CartPole) Actions() rl.Space { return rl.Discrete(2) }

// Reset draws each number of the state from ±0.05.
func (c *CartPole) Reset(seed uint64) []float64 {
	r := source(seed)
	for _, x := range []*float64{&c.X, &c.XDot, &c.Theta, &c.ThetaDot} {
		*x = uniform(r, -0.05, 0.05)
	}
	return c.observe()
}

func (c *CartPole) observe() []float64 { return []float64{c.X, c.XDot, c.Theta, c.ThetaDot} }

// Step pushes with 10 N for 0.02 s, by Euler's method (Florian 2007, "Correct
// equations for the dynamics of the cart-pole system", without friction).
func (c *CartPole) Step(action []float64) ([]float64, float64, bool, bool) {
	const (
		gravity  = 9.8
		massPole = 0.1
		mass     = 1 + massPole
		length   = 0.5 // half the pole's
		tau      = 0.02
	)
	force := -10.0
	if action[0] == 1 {
		force = 10
	}
	sin, cos := math.Sincos(c.Theta)
	push := (force + massPole*length*c.ThetaDot*c.ThetaDot*sin) / mass
	thetaAcc := (gravity*sin - cos*push) / (length * (4.0/3.0 - massPole*cos*cos/mass))
	xAcc := push - massPole*length*thetaAcc*cos/mass
	c.X += tau * c.XDot
	c.XDot += tau * xAcc
	c.Theta += tau * c.ThetaDot
	c.ThetaDot += tau * thetaAcc
	return c.observe(), 1, math.Abs(c.X) > cartRange || math.Abs(c.Theta) > poleAngle, false
}
