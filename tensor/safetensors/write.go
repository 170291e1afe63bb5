package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/noema-ml/noema/tensor"
)

// Write writes the tensors, in the order given, and the metadata, which may be
// nil. The same arguments give the same bytes. It returns an error if a name
// is used twice, is "__metadata__" or is not UTF-8, if the format has no such
// dtype as a tensor's (Q8_0), or if w does.
func Write(w io.Writer, tensors []Named, metadata map[string]string) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	buf := make([]byte, 0, chunk)
	for _, n := range tensors {
		if err := writeData(w, n.Tensor, buf); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", n.Name, err)
		}
	}
	return nil
}

func encodeHeader(tensors []Named, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, prefix))
	b.WriteByte('{')
	comma := ""
	if len(metadata) > 0 {
		for k, v := range metadata {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("metadata %q: not UTF-8", k)
			}
		}
		fmt.Fprintf(&b, "%q:%s", metadataKey, quote(metadata))
		comma = ","
	}
	seen := make(map[string]bool, len(tensors))
	at := 0
	for _, n := range tensors {
		switch {
		case seen[n.Name] || n.Name == metadataKey:
			return nil, fmt.Errorf("tensor %q: the name is taken", n.Name)
		case !utf8.ValidString(n.Name):
			return nil, fmt.Errorf("tensor %q: the name is not UTF-8", n.Name)
		case codes[n.Tensor.DType()] == "":
			return nil, fmt.Errorf("tensor %q: the format has no %v; cast it to float16 or float32", n.Name, n.Tensor.DType())
		}
		seen[n.Name] = true
		end := at + n.Tensor.Len()*n.Tensor.DType().Size()
		shape := strings.ReplaceAll(fmt.Sprint(n.Tensor.Shape()), " ", ",")
		fmt.Fprintf(&b, `%s%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}`, comma, quote(n.Name), codes[n.Tensor.DType()], shape, at, end)
		at, comma = end, ","
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	n := b.Len() - prefix
	if n > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes is longer than the format's %d", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(n))
	return b.Bytes(), nil
}

// quote returns v, strings only, as JSON; the keys of a map are sorted.
func quote(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}

func writeData(w io.Writer, t *tensor.Tensor, buf []byte) error {
	t = t.Contiguous()
	switch t.DType() {
	case tensor.Float32:
		return encode(w, tensor.Data[float32](t), buf)
	case tensor.Float64:
		return encode(w, tensor.Data[float64](t), buf)
	case tensor.BFloat16, tensor.Float16:
		return encode(w, tensor.Data[uint16](t), buf)
	case tensor.Int8:
		return encode(w, tensor.Data[int8](t), buf)
	case tensor.Int32:
		return encode(w, tensor.Data[int32](t), buf)
	case tensor.Int64:
		return encode(w, tensor.Data[int64](t), buf)
	default:
		return encode(w, tensor.Data[bool](t), buf)
	}
}

// encode writes x little-endian, a chunk at a time.
func encode[T tensor.Elem](w io.Writer, x []T, buf []byte) error {
	per := chunk / tensor.TypeOf[T]().Size()
	for len(x) > 0 {
		n := min(per, len(x))
		b, err := binary.Append(buf[:0], binary.LittleEndian, x[:n])
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}
