package train

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/noema-ml/noema/optim"
)

// The files of a checkpoint that Run writes.
const (
	weightsFile   = "weights.safetensors"
	optimizerFile = "optimizer.bin"
	stateFile     = "state.json"
	bestFile      = "best.safetensors"
)

// state is what a run remembers beside weights and moments. What would make
// the rest of the run another one is in it to be compared.
type state struct {
	Step       int    `json:"step"` // done
	Seed       uint64 `json:"seed"`
	Accumulate int    `json:"accumulate"`
	Items      int    `json:"items"`
	Batch      int    `json:"batch"`
	DataSeed   uint64 `json:"data_seed"`
	Pos        int    `json:"pos"`
	Rand       []byte `json:"rand"` // the noise's PCG
	FLOPs      int64  `json:"flops"`
	Tier       string `json:"tier"`

	Evaluated int   `json:"evaluated"` // the step last evaluated
	Best      exact `json:"best"`
	BestStep  int   `json:"best_step"` // 0: none yet
	Worse     int   `json:"worse"`     // evaluations since the best
	Stopped   bool  `json:"stopped"`   // early
}

// exact is a float64 that JSON carries bit for bit, infinities included.
type exact float64

// MarshalText writes the shortest decimal that reads back as the same value.
func (x exact) MarshalText() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(x), 'g', -1, 64), nil
}

// UnmarshalText reads what MarshalText wrote.
func (x *exact) UnmarshalText(b []byte) error {
	v, err := strconv.ParseFloat(string(b), 64)
	*x = exact(v)
	return err
}

// MarshalBinary returns the state as JSON.
func (st *state) MarshalBinary() ([]byte, error) { return json.MarshalIndent(st, "", "  ") }

// UnmarshalBinary reads what MarshalBinary returned.
func (st *state) UnmarshalBinary(b []byte) error { return json.Unmarshal(b, st) }

// fits returns an error if a run that has st's settings cannot go on from old.
func (st *state) fits(old *state) error {
	for _, d := range []struct {
		what     string
		was, now uint64
	}{
		{"Seed", old.Seed, st.Seed},
		{"Accumulate", uint64(old.Accumulate), uint64(st.Accumulate)},
		{"number of items", uint64(old.Items), uint64(st.Items)},
		{"Batch", uint64(old.Batch), uint64(st.Batch)},
		{"data Seed", old.DataSeed, st.DataSeed},
	} {
		if d.was != d.now {
			return fmt.Errorf("it was made with %s %d, now %d: put it back, or choose another folder for a new run", d.what, d.was, d.now)
		}
	}
	if old.Step < 0 || old.Pos < 0 {
		return errors.New("its state makes no sense")
	}
	return nil
}

// capture brings st up to date with the run.
func (r *run[E]) capture() error {
	var err error
	if r.st.Rand, err = r.rng.MarshalBinary(); err != nil {
		return err
	}
	r.st.Pos, r.st.FLOPs, r.st.Tier = r.t.Data.Pos, r.scope.FLOPs, optim.Tier()
	return nil
}

// parts is what a checkpoint holds.
func (r *run[E]) parts() map[string]encoding.BinaryMarshaler {
	parts := map[string]encoding.BinaryMarshaler{
		weightsFile:   Weights(r.t.Model),
		optimizerFile: r.t.Opt,
		stateFile:     &r.st,
	}
	if r.best != nil {
		parts[bestFile] = &r.best
	}
	for name, p := range r.c.Parts {
		parts[name] = p
	}
	return parts
}

// save writes a checkpoint of this moment, unless it was the last to be saved.
func (r *run[E]) save() (err error) {
	if r.c.Dir == "" || r.saved == r.st.Step {
		return nil
	}
	defer func() { r.broken = err != nil }()
	if err := r.capture(); err != nil {
		return err
	}
	if err := r.saver.Save(r.st.Step, r.parts()); err != nil {
		return err
	}
	r.saved = r.st.Step
	if r.st.BestStep == r.st.Step && r.st.Step > 0 {
		return r.saver.MarkBest(r.st.Step)
	}
	return nil
}

// resume goes back to the newest good checkpoint, if there is one.
func (r *run[E]) resume() error {
	if r.c.Dir == "" {
		return nil
	}
	step, err := r.saver.Latest()
	if errors.Is(err, ErrNoCheckpoint) {
		return nil
	}
	if err != nil {
		return err
	}
	var old state
	if err := r.saver.Load(step, map[string]encoding.BinaryUnmarshaler{stateFile: &old}); err != nil {
		return err
	}
	if err := r.st.fits(&old); err != nil {
		return fmt.Errorf("train: cannot continue from the checkpoint of step %d in %s: %w", step, r.c.Dir, err)
	}
	if tier := optim.Tier(); old.Tier != tier {
		r.warn(fmt.Sprintf("the checkpoint of step %d was computed with %s kernels; with %s ones the run goes on, but not bit for bit as it would have", step, old.Tier, tier))
	}
	parts := map[string]encoding.BinaryUnmarshaler{
		weightsFile:   Weights(r.t.Model),
		optimizerFile: r.t.Opt,
	}
	if r.c.RestoreBest && old.BestStep > 0 {
		parts[bestFile] = &r.best
	}
	for name, p := range r.c.Parts {
		parts[name] = p
	}
	if err := r.saver.Load(step, parts); err != nil {
		return err
	}
	if err := r.rng.UnmarshalBinary(old.Rand); err != nil {
		return fmt.Errorf("train: checkpoint of step %d: %w", step, err)
	}
	r.st, r.saved = old, step
	r.t.Data.Pos, r.scope.FLOPs = old.Pos, old.FLOPs
	return nil
}

// raw is a part that is bytes already.
type raw []byte

// MarshalBinary returns the bytes.
func (r *raw) MarshalBinary() ([]byte, error) { return *r, nil }

// UnmarshalBinary keeps the bytes.
func (r *raw) UnmarshalBinary(b []byte) error {
	*r = b
	return nil
}
