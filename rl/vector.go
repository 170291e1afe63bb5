package rl

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// A Vector is several copies of an Env that step together. Where an episode
// ends, the next one begins in the same step (Gymnasium's same-step autoreset),
// and the last observation of the old one is kept in Transition.Next.
//
// MarshalBinary and UnmarshalBinary save and restore it in the middle of
// episodes, so that it goes on bit for bit.
type Vector interface {
	Len() int // number of copies
	Observations() Space
	Actions() Space
	// Reset begins new episodes everywhere, whose seeds follow from seed, and
	// returns what Current does.
	Reset(seed uint64) []float64
	// Current returns the observations that the next actions answer:
	// [envs, observation].
	Current() []float64
	// Step takes the actions [envs, action]. The Transition is valid until
	// the next call.
	Step(actions []float64) *Transition
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// A Transition is what one step of a Vector led to. Its slices are in the
// order of the envs.
type Transition struct {
	Obs        []float64 // what to answer next: [envs, observation]
	Next       []float64 // what the actions led to: Obs, but for envs whose episode ended its last observation
	Rewards    []float64
	Terminated []bool
	Truncated  []bool
	Episodes   []Episode // that ended in this step, if EpisodeStatistics is there
}

// Ended reports whether env i's episode ended, in either way.
func (t *Transition) Ended(i int) bool { return t.Terminated[i] || t.Truncated[i] }

// NewVector returns n envs made by newEnv. Their first episodes have begun,
// with seeds that follow from seed. They step one after the other: the envs
// for which that is too slow are worth a Vector of their own.
func NewVector(n int, seed uint64, newEnv func() Env) Vector {
	v := &vector{envs: make([]Env, n), played: make([]replay, n)}
	for i := range v.envs {
		v.envs[i] = newEnv()
	}
	d := v.Observations().Size()
	v.t = Transition{
		Obs: make([]float64, n*d), Next: make([]float64, n*d), Rewards: make([]float64, n),
		Terminated: make([]bool, n), Truncated: make([]bool, n),
	}
	v.Reset(seed)
	return v
}

type vector struct {
	envs   []Env
	seeds  rand.PCG // the next episodes'
	played []replay
	t      Transition
}

// A replay is an episode so far.
type replay struct {
	Seed    uint64
	Actions []float64
}

func (v *vector) Len() int            { return len(v.envs) }
func (v *vector) Observations() Space { return v.envs[0].Observations() }
func (v *vector) Actions() Space      { return v.envs[0].Actions() }
func (v *vector) Current() []float64  { return v.t.Obs }

func (v *vector) Reset(seed uint64) []float64 {
	v.seeds.Seed(seed, streamEnvs)
	for i := range v.envs {
		v.begin(i, v.seeds.Uint64())
	}
	return v.t.Obs
}

// begin starts an episode of env i.
func (v *vector) begin(i int, seed uint64) {
	v.played[i] = replay{Seed: seed, Actions: v.played[i].Actions[:0]}
	copy(row(v.t.Obs, i, len(v.envs)), v.envs[i].Reset(seed))
}

func (v *vector) Step(actions []float64) *Transition {
	n, t := len(v.envs), &v.t
	for i, env := range v.envs {
		a := row(actions, i, n)
		v.played[i].Actions = append(v.played[i].Actions, a...)
		var obs []float64
		obs, t.Rewards[i], t.Terminated[i], t.Truncated[i] = env.Step(a)
		copy(row(t.Next, i, n), obs)
		copy(row(t.Obs, i, n), obs)
		if t.Ended(i) {
			v.begin(i, v.seeds.Uint64())
		}
	}
	return t
}

// row returns the i-th of n equal parts of x.
func row(x []float64, i, n int) []float64 {
	d := len(x) / n
	return x[i*d : (i+1)*d : (i+1)*d]
}

// vectorState is what a checkpoint holds of a vector: episodes are played
// again to where they were, which asks nothing of an Env but to be
// deterministic.
type vectorState struct {
	Seeds   []byte
	Played  []replay
	Current []float64
}

func (v *vector) MarshalBinary() ([]byte, error) {
	seeds, err := v.seeds.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return toGob(vectorState{seeds, v.played, v.t.Obs})
}

func (v *vector) UnmarshalBinary(b []byte) error {
	var st vectorState
	if err := fromGob(b, &st); err != nil {
		return fmt.Errorf("rl: state of the environments: %w", err)
	}
	if len(st.Played) != len(v.envs) || len(st.Current) != len(v.t.Obs) {
		return fmt.Errorf("rl: the state is of %d environments, not %d, or of another kind", len(st.Played), len(v.envs))
	}
	if err := v.seeds.UnmarshalBinary(st.Seeds); err != nil {
		return fmt.Errorf("rl: state of the environments: %w", err)
	}
	for i, env := range v.envs {
		p, space := st.Played[i], env.Actions()
		obs := env.Reset(p.Seed)
		for a := range slices.Chunk(p.Actions, space.Size()) {
			if space.IsDiscrete() && !space.Contains(a) || len(a) != space.Size() {
				return fmt.Errorf("rl: the state holds the action %v, which this environment does not have", a)
			}
			var terminated, truncated bool
			if obs, _, terminated, truncated = env.Step(a); terminated || truncated {
				return errors.New("rl: an episode of the state ends earlier now: the environment has changed, or is not deterministic")
			}
		}
		if !slices.Equal(obs, row(st.Current, i, len(v.envs))) {
			return errors.New("rl: an episode of the state runs otherwise now: the environment has changed, or is not deterministic")
		}
		v.played[i] = p
	}
	copy(v.t.Obs, st.Current)
	return nil
}

func toGob(x any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(x)
	return b.Bytes(), err
}

func fromGob(b []byte, x any) error { return gob.NewDecoder(bytes.NewReader(b)).Decode(x) }
