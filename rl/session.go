package rl

import (
	"bytes"
	"cmp"
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"

	"github.com/noema-ml/noema/optim"
	"github.com/noema-ml/noema/optim/train"
)

// Run says how long an algorithm trains, and what it reports and saves.
type Run struct {
	// Steps are those of the environment, over all its copies; the last
	// update may take more. 0 means 100,000.
	Steps int
	Seed  uint64 // of everything that is random

	// Dir is the folder of checkpoints (train.Saver); "" saves none. Training
	// goes on from the newest good checkpoint in it, bit for bit.
	Dir       string `json:"-"`
	SaveEvery int    `json:"-"` // updates between checkpoints; 0 means 50
	// Start is called once before the first update with the steps done already:
	// 0, or the checkpoint's.
	Start func(step int) `json:"-"`
	// Progress is called after every update.
	Progress func(Progress) `json:"-"`
	// Warn is told what went wrong without stopping the run; nil means the
	// standard logger.
	Warn func(msg string) `json:"-"`
}

// Progress is how far training is.
type Progress struct {
	Step, Steps int // of the environment
	Update      int
	Episodes    int     // that have ended
	Return      float64 // mean of the last 100 of them; NaN before the first
	// Metrics are those of the update, such as "policy_loss", "entropy", "kl".
	Metrics map[string]float64
}

// recent is how many episodes Progress.Return is the mean of.
const recent = 100

// The files of a checkpoint.
const (
	agentPart     = "agent.safetensors"
	optimizerPart = "optimizer.bin"
	statePart     = "state.bin"
	envPart       = "env.bin"
	penaltyPart   = "penalty.bin"
	referencePart = "reference.bin"

	referenceModelPart = "reference.safetensors"
	valuePart          = "value.safetensors"
	valueOptimizerPart = "value_optimizer.bin"
)

// session is what the algorithms share: counting, reporting, checkpoints.
type session struct {
	run   Run
	rng   *rand.PCG // what the algorithm draws from
	parts map[string]train.Part
	saver train.Saver
	state sessionState
	saved int // the step last saved
}

type sessionState struct {
	Algorithm string
	Config    []byte
	Tier      string
	Rand      []byte // after the last update
	Step      int
	Update    int
	Episodes  int
	Returns   []float64 // of the last ones
}

// begin starts an algorithm, or goes back to where its newest checkpoint was.
func begin(run Run, algorithm string, config any, rng *rand.PCG, parts map[string]train.Part) (*session, error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("rl: the configuration cannot be kept: %w", err)
	}
	s := &session{run: run, rng: rng, parts: parts, saver: train.Saver{Dir: run.Dir, Warn: run.Warn}, saved: -1}
	s.state = sessionState{Algorithm: algorithm, Config: text}
	if s.state.Rand, err = rng.MarshalBinary(); err != nil {
		return nil, err
	}
	if err := s.resume(); err != nil {
		return nil, err
	}
	if run.Start != nil {
		run.Start(s.state.Step)
	}
	return s, nil
}

// resume loads the newest checkpoint, or writes the first one, so that a folder
// that cannot be written is known at once.
func (s *session) resume() error {
	if s.run.Dir == "" {
		return nil
	}
	step, err := s.saver.Latest()
	if errors.Is(err, train.ErrNoCheckpoint) {
		return s.save()
	}
	if err != nil {
		return err
	}
	if err := s.load(step); err != nil {
		return fmt.Errorf("rl: cannot continue from the checkpoint of step %d in %s: %w", step, s.run.Dir, err)
	}
	return nil
}

func (s *session) load(step int) error {
	old := stateOf{new(sessionState)}
	if err := s.saver.Load(step, map[string]encoding.BinaryUnmarshaler{statePart: old}); err != nil {
		return err
	}
	if old.Algorithm != s.state.Algorithm || !bytes.Equal(old.Config, s.state.Config) {
		return fmt.Errorf("it was made by %s with the configuration %s, now it is %s with %s: put it back, or choose another folder for a new run", old.Algorithm, old.Config, s.state.Algorithm, s.state.Config)
	}
	if tier := optim.Tier(); old.Tier != tier {
		warn := s.run.Warn
		if warn == nil {
			warn = func(msg string) { log.Print(msg) }
		}
		warn(fmt.Sprintf("the checkpoint of step %d was computed with %s kernels; with %s ones the run goes on, but not bit for bit as it would have", step, old.Tier, tier))
	}
	parts := map[string]encoding.BinaryUnmarshaler{}
	for name, p := range s.parts {
		parts[name] = p
	}
	if err := s.saver.Load(step, parts); err != nil {
		return err
	}
	s.state, s.saved = *old.sessionState, step
	return s.rng.UnmarshalBinary(old.Rand)
}

// save writes a checkpoint of the moment after the last update: what an update
// that was broken off has drawn is to be drawn again.
func (s *session) save() error {
	if s.run.Dir == "" || s.saved == s.state.Step {
		return nil
	}
	s.state.Tier = optim.Tier()
	parts := map[string]encoding.BinaryMarshaler{statePart: stateOf{&s.state}}
	for name, p := range s.parts {
		parts[name] = p
	}
	if err := s.saver.Save(s.state.Step, parts); err != nil {
		return err
	}
	s.saved = s.state.Step
	return nil
}

// more reports whether there is anything left to do; at the end, and when ctx
// is cancelled, it saves.
func (s *session) more(ctx context.Context) (bool, error) {
	if err := context.Cause(ctx); err != nil {
		return false, errors.Join(fmt.Errorf("rl: stopped at step %d: %w", s.state.Step, err), s.save())
	}
	if s.state.Step < s.run.Steps {
		return true, nil
	}
	return false, s.save()
}

// left returns the share of the run that is still to come, from 1 down to 0.
func (s *session) left() float64 { return max(0, 1-float64(s.state.Step)/float64(s.run.Steps)) }

// done counts and reports an update, and saves now and then.
func (s *session) done(steps int, ended []Episode, metrics map[string]float64) (err error) {
	st := &s.state
	if st.Rand, err = s.rng.MarshalBinary(); err != nil {
		return err
	}
	st.Step += steps
	st.Update++
	st.Episodes += len(ended)
	for _, e := range ended {
		st.Returns = append(st.Returns, e.Return)
	}
	st.Returns = st.Returns[max(0, len(st.Returns)-recent):]
	if s.run.Progress != nil {
		mean := math.NaN()
		if len(st.Returns) > 0 {
			mean, _ = moments(st.Returns)
		}
		s.run.Progress(Progress{st.Step, s.run.Steps, st.Update, st.Episodes, mean, metrics})
	}
	if st.Update%cmp.Or(s.run.SaveEvery, 50) == 0 {
		return s.save()
	}
	return nil
}

// stateOf makes a part of a plain struct.
type stateOf struct{ *sessionState }

// MarshalBinary returns the state as gob.
func (p stateOf) MarshalBinary() ([]byte, error) { return toGob(p.sessionState) }

// UnmarshalBinary reads what MarshalBinary returned.
func (p stateOf) UnmarshalBinary(b []byte) error { return fromGob(b, p.sessionState) }

// floor raises negative settings, which stand for 0 where 0 stands for the
// usual value, to 0.
func floor(settings ...*float64) {
	for _, v := range settings {
		*v = max(0, *v)
	}
}
