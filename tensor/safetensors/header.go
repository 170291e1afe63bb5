package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/noema-ml/noema/tensor"
)

// entry is a tensor of the header, its offsets counted from the end of it.
type entry struct {
	dtype      string
	shape      []int
	begin, end int64
}

// decodeHeader reads the header's names token by token: a name that is there
// twice would be lost in a map.
func (f *File) decodeHeader(header []byte) error {
	dec := json.NewDecoder(bytes.NewReader(header))
	dec.DisallowUnknownFields()
	if len(header) == 0 || header[0] != '{' {
		return errors.New("the header is not a JSON object")
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	f.entries = make(map[string]entry)
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return fmt.Errorf("header: %w", err)
		}
		name := key.(string) // of an object
		if name == metadataKey {
			if f.metadata != nil {
				return errors.New("metadata: given twice")
			}
			f.metadata = make(map[string]string)
			if err := dec.Decode(&f.metadata); err != nil {
				return fmt.Errorf("metadata: %w", err)
			}
			continue
		}
		if _, ok := f.entries[name]; ok {
			return fmt.Errorf("tensor %q: named twice", name)
		}
		e, err := decodeEntry(dec)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		f.entries[name] = e
		f.names = append(f.names, name)
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if rest := strings.TrimRight(string(header[dec.InputOffset():]), " \t\r\n"); rest != "" {
		return fmt.Errorf("%d bytes after the header's end", len(rest))
	}
	return nil
}

func decodeEntry(dec *json.Decoder) (entry, error) {
	var raw struct {
		DType   string  `json:"dtype"`
		Shape   []int64 `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	if err := dec.Decode(&raw); err != nil {
		return entry{}, err
	}
	if raw.DType == "" || raw.Shape == nil || len(raw.Offsets) != 2 {
		return entry{}, errors.New("needs dtype, shape and two data_offsets")
	}
	e := entry{dtype: raw.DType, begin: raw.Offsets[0], end: raw.Offsets[1]}
	if e.begin < 0 || e.end < e.begin {
		return e, fmt.Errorf("data_offsets %v are no range", raw.Offsets)
	}
	size := foreign[e.dtype]
	if dt, ok := typeOf(e.dtype); ok {
		size = dt.Size()
		if len(raw.Shape) > tensor.MaxRank {
			return e, fmt.Errorf("%d dimensions are more than %d", len(raw.Shape), tensor.MaxRank)
		}
	}
	// The product is kept far from overflow even where a dimension is 0, as
	// the tensor's strides must be.
	bytes, empty := int64(max(size, 1)), false
	for _, d := range raw.Shape {
		if d < 0 || d > 0 && bytes > math.MaxInt/32/d {
			return e, fmt.Errorf("shape %v is negative or too large", raw.Shape)
		}
		empty = empty || d == 0
		bytes *= max(d, 1)
		e.shape = append(e.shape, int(d))
	}
	if empty {
		bytes = 0
	}
	if size > 0 && bytes != e.end-e.begin {
		return e, fmt.Errorf("%s of shape %v takes %d bytes, not the %d of data_offsets", e.dtype, raw.Shape, bytes, e.end-e.begin)
	}
	return e, nil
}

// checkLayout makes sure that the tensors follow one another without gaps and
// fill the file.
func (f *File) checkLayout(size int64) error {
	order := slices.Clone(f.names)
	slices.SortStableFunc(order, func(a, b string) int {
		x, y := f.entries[a], f.entries[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end))
	})
	at := int64(0)
	for _, name := range order {
		e := f.entries[name]
		switch {
		case e.end > size:
			return fmt.Errorf("tensor %q: ends at %d of %d bytes", name, e.end, size)
		case e.begin < at:
			return fmt.Errorf("tensor %q: overlaps the one before it", name)
		case e.begin > at:
			return fmt.Errorf("tensor %q: a gap of %d bytes before it", name, e.begin-at)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("%d bytes after the last tensor", size-at)
	}
	return nil
}
