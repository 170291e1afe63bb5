package optim

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// slot is what an optimizer remembers of one parameter.
type slot struct {
	steps   uint64
	tensors []*tensor.Tensor
	work    any // what the optimizer computes with, made again when needed
}

// states is the state of an optimizer by the parameters' names.
type states struct {
	slots map[string]*slot
}

// same returns the slot of p with n tensors of its shape, made of zeros when it
// is new. It panics with *tensor.ShapeError if an earlier state of that name
// is of another shape. In a later step it allocates nothing.
func (st *states) same(op string, p nn.Named, n int) *slot {
	s, v := st.slots[p.Name], p.Param.Value
	if s == nil {
		shapes := make([][]int, n)
		for i := range shapes {
			shapes[i] = v.Shape()
		}
		return st.add(p, shapes)
	}
	ok := len(s.tensors) == n
	for _, t := range s.tensors {
		ok = ok && t.DType() == v.DType() && t.SameShape(v)
	}
	return s.fits(op, p, ok)
}

// of is same for tensors of other shapes.
func (st *states) of(op string, p nn.Named, shapes ...[]int) *slot {
	s := st.slots[p.Name]
	if s == nil {
		return st.add(p, shapes)
	}
	ok := len(s.tensors) == len(shapes)
	for i := 0; ok && i < len(shapes); i++ {
		t := s.tensors[i]
		ok = t.DType() == p.Param.Value.DType() && slices.Equal(t.Shape(), shapes[i])
	}
	return s.fits(op, p, ok)
}

func (st *states) add(p nn.Named, shapes [][]int) *slot {
	s := new(slot)
	for _, shape := range shapes {
		s.tensors = append(s.tensors, tensor.New(p.Param.Value.DType(), shape...))
	}
	if st.slots == nil {
		st.slots = make(map[string]*slot)
	}
	st.slots[p.Name] = s
	return s
}

func (s *slot) fits(op string, p nn.Named, ok bool) *slot {
	if !ok {
		tensor.Fail(op, "the optimizer's state of "+p.Name+" does not fit the parameter", append([]*tensor.Tensor{p.Param.Value}, s.tensors...)...)
	}
	return s
}

// workOf returns what the optimizer keeps beside the slot's tensors, a new W
// the first time.
func workOf[W any](s *slot) *W {
	w, ok := s.work.(*W)
	if !ok {
		w = new(W)
		s.work = w
	}
	return w
}

// The format: magic, kind, number of slots, then for each slot in order of
// name its name, steps, number of tensors and the tensors (bytes of a float,
// rank, dimensions, elements); the SHA-256 of all that ends it. Numbers are
// uvarints, strings and elements are as they are, little-endian.
const stateMagic = "noema optimizer 1\n"

func (st *states) marshal(kind string) []byte {
	b := []byte(stateMagic)
	b = appendString(b, kind)
	b = binary.AppendUvarint(b, uint64(len(st.slots)))
	for _, name := range slices.Sorted(maps.Keys(st.slots)) {
		s := st.slots[name]
		b = appendString(b, name)
		b = binary.AppendUvarint(b, s.steps)
		b = binary.AppendUvarint(b, uint64(len(s.tensors)))
		for _, t := range s.tensors {
			b = append(b, byte(t.DType().Size()), byte(t.Rank()))
			for _, d := range t.Shape() {
				b = binary.AppendUvarint(b, uint64(d))
			}
			if t.DType() == tensor.Float32 {
				b = appendFloats(b, tensor.Data[float32](t))
			} else {
				b = appendFloats(b, tensor.Data[float64](t))
			}
		}
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFloats(b []byte, x any) []byte {
	b, err := binary.Append(b, binary.LittleEndian, x)
	if err != nil {
		panic(err) // only for types without a fixed size
	}
	return b
}

func (st *states) unmarshal(kind string, b []byte) error {
	if len(b) < len(stateMagic)+sha256.Size || !bytes.HasPrefix(b, []byte(stateMagic)) {
		return errors.New("optim: not an optimizer's state, or a truncated one")
	}
	body, want := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], want) {
		return errors.New("optim: the optimizer's state is damaged: its checksum does not match")
	}
	slots, err := parseState(kind, body[len(stateMagic):])
	if err != nil {
		return fmt.Errorf("optim: the optimizer's state is damaged: %w", err)
	}
	st.slots = slots
	return nil
}

// parseState reads what stands between the magic and the checksum.
func parseState(kind string, b []byte) (map[string]*slot, error) {
	r := &stateReader{b: b}
	if k := r.string(); r.err == nil && k != kind {
		return nil, fmt.Errorf("it is of %q, not of %q", k, kind)
	}
	slots := make(map[string]*slot)
	for range r.uvarint() {
		name := r.string()
		s := &slot{steps: r.uvarint()}
		for range r.uvarint() {
			s.tensors = append(s.tensors, r.tensor())
			if r.err != nil {
				return nil, fmt.Errorf("%q: %w", name, r.err)
			}
		}
		if r.err != nil {
			return nil, r.err
		}
		if slots[name] != nil {
			return nil, fmt.Errorf("%q stands in it twice", name)
		}
		slots[name] = s
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("%d bytes too many", len(r.b))
	}
	return slots, r.err
}

// stateReader takes values off the front of b; after an error it gives zeros.
// Nothing is allocated that b is not long enough to fill.
type stateReader struct {
	b   []byte
	err error
}

func (r *stateReader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.b)) {
		r.err = fmt.Errorf("%d bytes wanted, %d left", n, len(r.b))
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *stateReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.err == nil && n <= 0 {
		r.err = errors.New("a number is cut off")
	}
	if r.err != nil {
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *stateReader) string() string { return string(r.take(r.uvarint())) }

func (r *stateReader) tensor() *tensor.Tensor {
	head := r.take(2)
	if r.err != nil {
		return nil
	}
	dt, rank := tensor.Float32, int(head[1])
	if head[0] == 8 {
		dt = tensor.Float64
	}
	if int(head[0]) != dt.Size() || rank > tensor.MaxRank {
		r.err = fmt.Errorf("a tensor of %d-byte elements and rank %d", head[0], rank)
		return nil
	}
	shape := make([]int, rank)
	size := uint64(dt.Size())
	for i := range shape {
		d := r.uvarint()
		if d == 0 || size > math.MaxInt64/d { // empty parameters have no state
			r.err = errors.New("a dimension is zero or too large")
			return nil
		}
		shape[i], size = int(d), size*d
	}
	data := r.take(size)
	if r.err != nil {
		return nil
	}
	t := tensor.New(dt, shape...)
	var x any
	if dt == tensor.Float32 {
		x = tensor.Data[float32](t)
	} else {
		x = tensor.Data[float64](t)
	}
	if _, err := binary.Decode(data, binary.LittleEndian, x); err != nil {
		r.err = err
	}
	return t
}
