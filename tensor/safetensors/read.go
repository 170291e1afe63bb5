package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/noema-ml/noema/tensor"
)

// A File is an open safetensors file. It may be read by several goroutines if
// its io.ReaderAt may.
type File struct {
	r        io.ReaderAt
	data     int64 // where the tensors' bytes begin
	names    []string
	entries  map[string]entry
	metadata map[string]string
}

// Open reads and checks the header of a file of size bytes. It returns an
// error that names the tensor if the header is too long, is no JSON of the
// format, or does not fit the file: offsets out of range, overlapping or
// leaving gaps, a size that shape and dtype do not make, a name twice, bytes
// left over.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r}
	if err := f.open(size); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

func (f *File) open(size int64) error {
	var length [prefix]byte
	if size < prefix {
		return fmt.Errorf("%d bytes are too short for a file", size)
	}
	if err := readFull(f.r, length[:], 0); err != nil {
		return fmt.Errorf("header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || n > uint64(size-prefix) {
		return fmt.Errorf("a header of %d bytes does not fit a file of %d", n, size)
	}
	header := make([]byte, n)
	if err := readFull(f.r, header, prefix); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	f.data = prefix + int64(n)
	if err := f.decodeHeader(header); err != nil {
		return err
	}
	return f.checkLayout(size - f.data)
}

// readFull fills b from offset at; the end of the file before that is
// io.ErrUnexpectedEOF.
func readFull(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// Names returns the tensors' names in the order of the header.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata returns a copy of the file's metadata.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// Info returns what the header says of a tensor, and whether there is one.
func (f *File) Info(name string) (Info, bool) {
	e, ok := f.entries[name]
	return Info{DType: e.dtype, Shape: slices.Clone(e.shape)}, ok
}

// Read returns a tensor on the heap, in the file's dtype. It returns an error
// if there is no such tensor, if its dtype has no counterpart here, or if the
// file cannot be read.
func (f *File) Read(name string) (*tensor.Tensor, error) {
	t, err := f.read(name)
	if err != nil {
		return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
	}
	return t, nil
}

func (f *File) read(name string) (*tensor.Tensor, error) {
	e, ok := f.entries[name]
	if !ok {
		return nil, errors.New("not in the file")
	}
	dt, ok := typeOf(e.dtype)
	if !ok {
		return nil, fmt.Errorf("dtype %s is not supported", e.dtype)
	}
	t := tensor.New(dt, e.shape...)
	r := io.NewSectionReader(f.r, f.data+e.begin, e.end-e.begin)
	var err error
	switch dt {
	case tensor.Float32:
		err = decode(r, tensor.Data[float32](t))
	case tensor.Float64:
		err = decode(r, tensor.Data[float64](t))
	case tensor.BFloat16, tensor.Float16:
		err = decode(r, tensor.Data[uint16](t))
	case tensor.Int8:
		err = decode(r, tensor.Data[int8](t))
	case tensor.Int32:
		err = decode(r, tensor.Data[int32](t))
	case tensor.Int64:
		err = decode(r, tensor.Data[int64](t))
	default:
		err = decode(r, tensor.Data[bool](t))
	}
	return t, err
}

// decode fills x from little-endian bytes, a chunk at a time. Any bool but 0
// is true.
func decode[T tensor.Elem](r io.Reader, x []T) error {
	size := tensor.TypeOf[T]().Size()
	buf := make([]byte, min(chunk, len(x)*size))
	for len(x) > 0 {
		n := min(len(buf)/size, len(x))
		if _, err := io.ReadFull(r, buf[:n*size]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if _, err := binary.Decode(buf[:n*size], binary.LittleEndian, x[:n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}
