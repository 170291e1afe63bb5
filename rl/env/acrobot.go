package env

import (
	"math"

	"github.com/noema-ml/noema/rl"
)

// Acrobot is a pendulum of two links with a motor of ±1 N·m or none (actions
// 0, 2 and 1) at the joint between them, to swing its tip up over one length
// above the pivot (Sutton 1996; Sutton and Barto 2018, section 11.3 of the
// first edition). The reward is -1 for every step but the one that gets there.
// Observed are cosine and sine of both angles, from hanging down, and their
// speeds.
type Acrobot struct {
	Theta1, Theta2, Dot1, Dot2 float64
}

// NewAcrobot returns Acrobot-v1: Acrobot with 500 steps at most.
func NewAcrobot() rl.Env { return rl.TimeLimit(&Acrobot{}, 500) }

const (
	acrobotSpeed1 = 4 * math.Pi
	acrobotSpeed2 = 9 * math.Pi
)

// Observations are six numbers.
func (a *Acrobot) Observations() rl.Space {
	return symmetric(1, 1, 1, 1, acrobotSpeed1, acrobotSpeed2)
}

// Actions are three.
func (a *Acrobot) Actions() rl.Space { return rl.Discrete(3) }

// Reset draws each number of the state from ±0.1.
func (a *Acrobot) Reset(seed uint64) []float64 {
	r := source(seed)
	for _, x := range []*float64{&a.Theta1, &a.Theta2, &a.Dot1, &a.Dot2} {
		*x = uniform(r, -0.1, 0.1)
	}
	return a.observe()
}

func (a *Acrobot) observe() []float64 {
	s1, c1 := math.Sincos(a.Theta1)
	s2, c2 := math.Sincos(a.Theta2)
	return []float64{c1, s1, c2, s2, a.Dot1, a.Dot2}
}

// Step applies the torque for 0.2 s, one step of Runge and Kutta's method of
// fourth order.
func (a *Acrobot) Step(action []float64) ([]float64, float64, bool, bool) {
	const dt = 0.2
	torque := action[0] - 1
	y := [4]float64{a.Theta1, a.Theta2, a.Dot1, a.Dot2}
	at := func(k [4]float64, h float64) (z [4]float64) {
		for i := range z {
			z[i] = y[i] + h*k[i]
		}
		return z
	}
	k1 := acrobotSlope(y, torque)
	k2 := acrobotSlope(at(k1, dt/2), torque)
	k3 := acrobotSlope(at(k2, dt/2), torque)
	k4 := acrobotSlope(at(k3, dt), torque)
	for i := range y {
		y[i] += dt / 6 * (k1[i] + 2*k2[i] + 2*k3[i] + k4[i])
	}
	a.Theta1, a.Theta2 = wrap(y[0]), wrap(y[1])
	a.Dot1, a.Dot2 = clip(y[2], -acrobotSpeed1, acrobotSpeed1), clip(y[3], -acrobotSpeed2, acrobotSpeed2)
	if -math.Cos(a.Theta1)-math.Cos(a.Theta2+a.Theta1) > 1 {
		return a.observe(), 0, true, false
	}
	return a.observe(), -1, false, false
}

// wrap returns the angle x within ±π.
func wrap(x float64) float64 {
	for x > math.Pi {
		x -= 2 * math.Pi
	}
	for x < -math.Pi {
		x += 2 * math.Pi
	}
	return x
}

// acrobotSlope is the equation of motion of Sutton and Barto's book, for links
// of 1 kg and 1 m with their mass in the middle and moments of inertia of 1.
func acrobotSlope(s [4]float64, torque float64) [4]float64 {
	const g, lc = 9.8, 0.5
	theta1, theta2, dot1, dot2 := s[0], s[1], s[2], s[3]
	sin2, cos2 := math.Sincos(theta2)
	d1 := lc*lc + (1 + lc*lc + 2*lc*cos2) + 2
	d2 := lc*lc + lc*cos2 + 1
	phi2 := lc * g * math.Cos(theta1+theta2-math.Pi/2)
	phi1 := -lc*dot2*dot2*sin2 - 2*lc*dot2*dot1*sin2 + (lc+1)*g*math.Cos(theta1-math.Pi/2) + phi2
	acc2 := (torque + d2/d1*phi1 - lc*dot1*dot1*sin2 - phi2) / (lc*lc + 1 - d2*d2/d1)
	acc1 := -(d2*acc2 + phi1) / d1
	return [4]float64{dot1, dot2, acc1, acc2}
}
