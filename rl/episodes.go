package rl

import "fmt"

// An Episode is one that has ended: the sum of its rewards, undiscounted, and
// its steps.
type Episode struct {
	Env    int // in the Vector
	Return float64
	Length int
}

// EpisodeStatistics returns v with Transition.Episodes filled in. It stands
// below NormalizeRewards, to count the rewards of the problem.
func EpisodeStatistics(v Vector) Vector {
	return &episodes{Vector: v, returns: make([]float64, v.Len()), lengths: make([]int, v.Len())}
}

type episodes struct {
	Vector
	returns []float64
	lengths []int
	ended   []Episode
}

func (e *episodes) Reset(seed uint64) []float64 {
	clear(e.returns)
	clear(e.lengths)
	return e.Vector.Reset(seed)
}

func (e *episodes) Step(actions []float64) *Transition {
	t := e.Vector.Step(actions)
	e.ended = e.ended[:0]
	for i, r := range t.Rewards {
		e.returns[i] += r
		e.lengths[i]++
		if t.Ended(i) {
			e.ended = append(e.ended, Episode{i, e.returns[i], e.lengths[i]})
			e.returns[i], e.lengths[i] = 0, 0
		}
	}
	t.Episodes = e.ended
	return t
}

type episodesState struct {
	Returns []float64
	Lengths []int
	Inner   []byte
}

func (e *episodes) MarshalBinary() ([]byte, error) {
	inner, err := e.Vector.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return toGob(episodesState{e.returns, e.lengths, inner})
}

func (e *episodes) UnmarshalBinary(b []byte) error {
	var st episodesState
	if err := fromGob(b, &st); err != nil {
		return fmt.Errorf("rl: state of episode statistics: %w", err)
	}
	if len(st.Returns) != len(e.returns) || len(st.Lengths) != len(e.lengths) {
		return fmt.Errorf("rl: the state is of %d environments, not %d", len(st.Returns), len(e.returns))
	}
	copy(e.returns, st.Returns)
	copy(e.lengths, st.Lengths)
	return e.Vector.UnmarshalBinary(st.Inner)
}
