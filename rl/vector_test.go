package rl

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/tensor"
)

// count is an env that counts its steps from its seed's remainder on and
// terminates at 5; action 1 counts double. Its reward is the count.
type count struct{ at float64 }

func (c *count) Observations() Space { return Box([]float64{0}, []float64{9}) }
func (c *count) Actions() Space      { return Discrete(2) }

func (c *count) Reset(seed uint64) []float64 {
	c.at = float64(seed % 2)
	return []float64{c.at}
}

func (c *count) Step(a []float64) ([]float64, float64, bool, bool) {
	c.at += 1 + a[0]
	return []float64{c.at}, c.at, c.at >= 5, false
}

func newCount() Env { return TimeLimit(&count{}, 4) }

func TestVectorResetsInTheSameStep(t *testing.T) {
	v := EpisodeStatistics(NewVector(2, 3, newCount))
	start := append([]float64(nil), v.Current()...)
	a := []float64{1, 0} // env 0 counts by two, env 1 by one
	total, steps := []float64{0, 0}, []int{0, 0}
	ended := 0
	at := append([]float64(nil), start...)
	for range 40 {
		tr := v.Step(a)
		for i := range 2 {
			at[i] += 1 + a[i]
			total[i], steps[i] = total[i]+at[i], steps[i]+1
			assert.Equal(t, at[i], tr.Next[i])
			assert.Equal(t, at[i], tr.Rewards[i])
			assert.Equal(t, at[i] >= 5, tr.Terminated[i])
			assert.Equal(t, steps[i] == 4, tr.Truncated[i])
			if !tr.Ended(i) {
				assert.Equal(t, tr.Next[i], tr.Obs[i])
				continue
			}
			assert.Contains(t, tr.Episodes, Episode{i, total[i], steps[i]})
			assert.Less(t, tr.Obs[i], 2.0)
			at[i], total[i], steps[i] = tr.Obs[i], 0, 0
			ended++
		}
		assert.Equal(t, tr.Obs, v.Current())
	}
	assert.Greater(t, ended, 20)
	assert.Equal(t, start, v.Reset(3))
}

// The wrappers, in the order of prepare, go on as they would have.
func TestVectorResumesBitEqual(t *testing.T) {
	made := func() (Vector, *Running) {
		stats := NewRunning(1)
		v := NormalizeObservations(EpisodeStatistics(NewVector(3, 5, newCount)), stats)
		return NormalizeRewards(v, 0.9), stats
	}
	act := func(step int) []float64 { return []float64{float64(step % 2), 1, float64(step / 2 % 2)} }
	whole, stats := made()
	for step := range 17 {
		whole.Step(act(step))
	}
	saved, err := whole.MarshalBinary()
	require.NoError(t, err)
	other, otherStats := made()
	*otherStats = Running{stats.Mean.Clone(), stats.Var.Clone(), stats.Count.Clone()} // saved with the agent
	require.NoError(t, other.UnmarshalBinary(saved))
	assert.Equal(t, whole.Current(), other.Current())
	for step := 17; step < 60; step++ {
		assert.Equal(t, whole.Step(act(step)), other.Step(act(step)))
	}
}

func TestVectorRefusesAnotherState(t *testing.T) {
	v := NewVector(2, 1, newCount)
	saved, err := v.MarshalBinary()
	require.NoError(t, err)
	assert.ErrorContains(t, NewVector(3, 1, newCount).UnmarshalBinary(saved), "2 environments, not 3")
	assert.Error(t, v.UnmarshalBinary(saved[:len(saved)/2]))
	v.Step([]float64{0, 0})
	saved, err = v.MarshalBinary()
	require.NoError(t, err)
	slow := func() Env { return &countFrom{count{}} }
	assert.ErrorContains(t, NewVector(2, 1, slow).UnmarshalBinary(saved), "has changed")
	bad, err := toGob(vectorState{Seeds: []byte("pcg:0123456789abcdef"), Played: []replay{{Actions: []float64{7}}, {}}, Current: []float64{0, 0}})
	require.NoError(t, err)
	assert.ErrorContains(t, v.UnmarshalBinary(bad), "action [7]")
}

// countFrom is another count, which begins at 1.
type countFrom struct{ count }

func (c *countFrom) Reset(seed uint64) []float64 {
	c.at = 1 + float64(seed%2)
	return []float64{c.at}
}

func TestNormalizeRewards(t *testing.T) {
	v := NormalizeRewards(NewVector(2, 3, newCount), 0.5)
	plain := NewVector(2, 3, newCount)
	stats, returns := NewRunning(1), make([]float64, 2)
	for range 30 {
		a := []float64{0, 1}
		got, want := v.Step(a), plain.Step(a)
		for i, r := range want.Rewards {
			returns[i] = 0.5*returns[i] + r
		}
		stats.Update(returns)
		for i, r := range want.Rewards {
			assert.InDelta(t, min(r/math.Sqrt(stats.Var.At(0)+1e-8), 10), got.Rewards[i], 1e-12)
			if want.Ended(i) {
				returns[i] = 0
			}
		}
	}
}

// marked is a count that also shows whether its episode has terminated: 0 or 1.
type marked struct{ count }

func (m *marked) Observations() Space { return Box([]float64{0, 0}, []float64{9, 1}) }

func (m *marked) Reset(seed uint64) []float64 { return append(m.count.Reset(seed), 0) }

func (m *marked) Step(a []float64) (obs []float64, reward float64, terminated, truncated bool) {
	obs, reward, terminated, truncated = m.count.Step(a)
	mark := 0.0
	if terminated {
		mark = 1
	}
	return append(obs, mark), reward, terminated, truncated
}

// Every observation to be answered is normalised with the mean and variance of
// all of them so far, itself included. The last one of an episode is not among
// them, and is normalised as they are.
func TestNormalizeObservations(t *testing.T) {
	newEnv := func() Env { return TimeLimit(&marked{}, 4) }
	stats := NewRunning(2)
	v, plain := NormalizeObservations(NewVector(3, 3, newEnv), stats), NewVector(3, 3, newEnv)
	n, sum, square := 0.0, [2]float64{}, [2]float64{}
	see := func(obs []float64) {
		for i, x := range obs {
			sum[i%2] += x
			square[i%2] += x * x
		}
		n += float64(len(obs) / 2)
	}
	normal := func(obs []float64) []float64 {
		out := make([]float64, len(obs))
		for i, x := range obs {
			mean := sum[i%2] / n
			out[i] = (x - mean) / math.Sqrt(square[i%2]/n-mean*mean+1e-8)
			out[i] = math.Max(-10, math.Min(10, out[i]))
		}
		return out
	}
	see(plain.Current())
	require.InDeltaSlice(t, normal(plain.Current()), v.Current(), 1e-9)
	require.Equal(t, Unbounded(2), v.Observations())
	terminated, truncated := 0, 0
	for step := range 40 {
		a := []float64{1, 0, float64(step % 2)}
		got, want := v.Step(a), plain.Step(a)
		see(want.Obs)
		require.InDeltaSlice(t, normal(want.Obs), got.Obs, 1e-9)
		require.InDeltaSlice(t, normal(want.Next), got.Next, 1e-9)
		require.Equal(t, got.Obs, v.Current())
		require.Equal(t, want.Rewards, got.Rewards)
		require.Equal(t, want.Terminated, got.Terminated)
		require.Equal(t, want.Truncated, got.Truncated)
		for i := range 3 {
			switch {
			case want.Terminated[i]: // the mark, which no observation before it has had, is off the scale
				require.Equal(t, 10.0, got.Next[2*i+1])
				terminated++
			case want.Truncated[i]:
				truncated++
			}
		}
	}
	require.Positive(t, terminated)
	require.Positive(t, truncated)
	again := plain.Reset(9)
	see(again)
	require.InDeltaSlice(t, normal(again), v.Reset(9), 1e-9)
	require.InDeltaSlice(t, []float64{sum[0] / n, sum[1] / n}, tensor.Data[float64](stats.Mean), 1e-9)
	require.Equal(t, n, stats.Count.At(0))
}

func TestSpaces(t *testing.T) {
	d, b := Discrete(3), Box([]float64{-1, 0}, []float64{1, 2})
	assert.Equal(t, []int{1, 2, 4}, []int{d.Size(), b.Size(), Unbounded(4).Size()})
	for _, c := range []struct {
		s  Space
		x  []float64
		in bool
	}{
		{d, []float64{2}, true}, {d, []float64{3}, false}, {d, []float64{-1}, false}, {d, []float64{0.5}, false}, {d, nil, false}, {d, []float64{math.NaN()}, false},
		{b, []float64{1, 0}, true}, {b, []float64{1.1, 0}, false}, {b, []float64{0}, false}, {b, []float64{math.NaN(), 0}, false},
		{Unbounded(1), []float64{math.Inf(1)}, true},
	} {
		assert.Equal(t, c.in, c.s.Contains(c.x), "%v %v", c.s, c.x)
	}
	x := []float64{-5, 5}
	b.Clip(x)
	assert.Equal(t, []float64{-1, 2}, x)
	d.Clip(x)
	assert.Equal(t, []float64{-1, 2}, x)
}

// An agent learns at a truncation from the state it was cut off in, not from
// the first of the next episode.
func TestRolloutBootstrapsFromTheStateThatWasCut(t *testing.T) {
	o := &rollout{envs: 1, n: 2, space: Discrete(2), obs: []float64{1, 2}, actions: []float64{0, 0}, rewards: []float64{0, 0}, ended: []bool{true, false}, term: []bool{false, false}, next: []float64{3}, cut: []int{0}, cutObs: []float64{7}}
	agent := newAgent(1, Unbounded(1), Discrete(2), nil, []int{4})
	s := scopeForTest(t)
	o.estimate(agent, s, 0.5, 0.9)
	value := func(x float64) float64 {
		s.Reset()
		return numbers(agent.Model.Value(s, matrix(s, []float64{x}, 1)).Value())[0]
	}
	assert.InDelta(t, 0.5*value(7)-value(1), o.advantage[0], 1e-6)
	assert.InDelta(t, 0.5*value(3)-value(2), o.advantage[1], 1e-6)
	assert.InDelta(t, o.advantage[1]+value(2), o.returns[1], 1e-6)
}
