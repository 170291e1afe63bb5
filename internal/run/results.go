package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"

	"github.com/noema-ml/noema/internal/file"
)

// A Row is one measured number. Low and High bound its 95 % interval; nil
// means that it has none. N counts what was averaged (users, queries), Seeds
// the runs behind it.
type Row struct {
	Dataset string   `json:"dataset"`
	Task    string   `json:"task"`
	Method  string   `json:"method"`
	Metric  string   `json:"metric"`
	Value   float64  `json:"value"`
	Low     *float64 `json:"low"`
	High    *float64 `json:"high"`
	N       int      `json:"n"`
	Seeds   int      `json:"seeds"`
}

// Within returns the row with the interval from low to high.
func (r Row) Within(low, high float64) Row {
	r.Low, r.High = &low, &high
	return r
}

// HasInterval reports whether the row has a finite interval.
func (r Row) HasInterval() bool {
	return r.Low != nil && r.High != nil && isFinite(*r.Low) && isFinite(*r.High)
}

// MarshalJSON writes a value or a bound that is NaN or ±Inf as null.
func (r Row) MarshalJSON() ([]byte, error) {
	type plain Row // without this method
	out := struct {
		plain
		Value *float64 `json:"value"`
		Low   *float64 `json:"low"`
		High  *float64 `json:"high"`
		N     int      `json:"n"`
		Seeds int      `json:"seeds"`
	}{plain: plain(r), Value: orNil(&r.Value), Low: orNil(r.Low), High: orNil(r.High), N: r.N, Seeds: r.Seeds}
	return encode(out)
}

// UnmarshalJSON reads a null value as NaN.
func (r *Row) UnmarshalJSON(data []byte) error {
	type plain Row
	p := plain{Value: math.NaN()}
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	*r = Row(p)
	return nil
}

func orNil(v *float64) *float64 {
	if v == nil || !isFinite(*v) {
		return nil
	}
	return v
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Results is what a run's results.json holds.
type Results struct {
	Results       []Row          `json:"results"`
	Config        any            `json:"config"`
	Seed          uint64         `json:"seed"`
	Commit        string         `json:"commit"`  // see Commit
	Machine       string         `json:"machine"` // see Machine
	Go            string         `json:"go"`      // runtime.Version()
	WeightsSHA256 string         `json:"weights_sha256"`
	Seconds       float64        `json:"seconds,omitempty"` // wall clock of the process that wrote them, not of those a resumed run had before
	Extra         map[string]any `json:"extra,omitempty"`   // what one program adds
}

// Write puts the results at path, whole or not at all. It fills Commit,
// Machine and Go where they are empty.
func (r Results) Write(path string) error {
	if r.Results == nil {
		r.Results = []Row{}
	}
	if r.Commit == "" {
		r.Commit = Commit()
	}
	if r.Machine == "" {
		r.Machine = Machine()
	}
	if r.Go == "" {
		r.Go = runtime.Version()
	}
	if !isFinite(r.Seconds) {
		r.Seconds = 0
	}
	data, err := marshal(r, "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return file.Write(path, data)
}

// ReadResults reads what Write wrote. Config comes back as json.Unmarshal's
// maps and numbers.
func ReadResults(path string) (Results, error) {
	var r Results
	data, err := os.ReadFile(path)
	if err != nil {
		return r, file.Explain("read", path, err)
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
