package rl

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// A Model is a pointer to a module (see nn.Params) that says what to do and
// what that is worth, for observations [n, dim].
type Model interface {
	Policy(s *autograd.Scope, obs *autograd.Var) Distribution
	Value(s *autograd.Scope, obs *autograd.Var) *autograd.Var // [n]
}

// ActorCritic is a Model of two multilayer perceptrons. Its policy is
// categorical, or Gaussian with a standard deviation that does not depend on
// the observation.
type ActorCritic struct {
	Actor, Critic *MLP
	LogStd        *autograd.Param // [actions], or nil: categorical
}

// NewActorCritic returns a model for the given spaces with hidden layers of the
// given sizes, initialised as PPO's (orthogonal; gain √2, of the policy's last
// layer 0.01 and of the value's 1): at first all actions are about as likely.
func NewActorCritic(r *rand.PCG, obs, actions Space, hidden ...int) *ActorCritic {
	m := &ActorCritic{}
	out := actions.N
	if !actions.IsDiscrete() {
		out = actions.Size()
		m.LogStd = nn.Zeros(out)
	}
	sizes := append([]int{obs.Size()}, hidden...)
	m.Actor = NewMLP(r, 0.01, append(slices.Clone(sizes), out)...)
	m.Critic = NewMLP(r, 1, append(slices.Clone(sizes), 1)...)
	return m
}

// Policy returns the distribution of actions for obs [n, dim].
func (m *ActorCritic) Policy(s *autograd.Scope, obs *autograd.Var) Distribution {
	y := m.Actor.Forward(s, obs)
	if m.LogStd == nil {
		return NewCategorical(y)
	}
	return Gaussian{y, s.Use(m.LogStd)}
}

// Value returns the value of obs [n, dim]: [n].
func (m *ActorCritic) Value(s *autograd.Scope, obs *autograd.Var) *autograd.Var {
	return autograd.Squeeze(m.Critic.Forward(s, obs), 1)
}

// MLP is a multilayer perceptron with tanh between its layers.
type MLP struct {
	Layers []*nn.Linear
}

// NewMLP returns layers from sizes[0] to the last size, with orthogonal
// weights of gain √2, of the last layer of gain last, and biases of 0.
func NewMLP(r *rand.PCG, last float64, sizes ...int) *MLP {
	m := &MLP{}
	for i := range len(sizes) - 1 {
		gain := math.Sqrt2
		if i == len(sizes)-2 {
			gain = last
		}
		m.Layers = append(m.Layers, &nn.Linear{Weight: Orthogonal(r, gain, sizes[i+1], sizes[i]), Bias: nn.Zeros(sizes[i+1])})
	}
	return m
}

// Forward maps x [n, sizes[0]] to [n, last size].
func (m *MLP) Forward(s *autograd.Scope, x *autograd.Var) *autograd.Var {
	for i, l := range m.Layers {
		if x = l.Forward(s, x); i < len(m.Layers)-1 {
			x = autograd.Tanh(x)
		}
	}
	return x
}

// Orthogonal returns an [out, in] parameter whose rows, or columns if those are
// fewer, are orthogonal and of length gain (Saxe, McClelland and Ganguli 2014,
// arXiv 1312.6120).
func Orthogonal(r *rand.PCG, gain float64, out, in int) *autograd.Param {
	g := rand.New(r)
	rows, dim := min(out, in), max(out, in)
	q := make([][]float64, 0, rows)
	for len(q) < rows { // Gram and Schmidt's method, modified
		v := make([]float64, dim)
		for i := range v {
			v[i] = g.NormFloat64()
		}
		for range 2 { // once more removes what rounding left
			for _, u := range q {
				c := dot(u, v)
				for i := range v {
					v[i] -= c * u[i]
				}
			}
		}
		norm := math.Sqrt(dot(v, v))
		if norm < 1e-6 {
			continue
		}
		for i := range v {
			v[i] /= norm
		}
		q = append(q, v)
	}
	p := nn.Zeros(out, in)
	w := tensor.Data[float32](p.Value)
	for i, v := range q {
		for j, x := range v {
			if out <= in {
				w[i*in+j] = float32(gain * x)
			} else {
				w[j*in+i] = float32(gain * x)
			}
		}
	}
	return p
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
