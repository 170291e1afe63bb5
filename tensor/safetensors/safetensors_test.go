package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/noema-ml/noema/tensor"
	"github.com/stretchr/testify/require"
)

// file puts a header of any text before data, as Write would.
func file(header, data string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func open(b []byte) (*File, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func samples() []Named {
	r := rand.NewPCG(1, 2)
	var ts []Named
	for _, dt := range []tensor.DType{tensor.Bool, tensor.Float32, tensor.Float64, tensor.BFloat16, tensor.Float16, tensor.Int8, tensor.Int32, tensor.Int64} {
		x := tensor.Uniform(r, tensor.Float64, -100, 100, 3, 4, 5).Cast(tensor.Int32).Cast(dt)
		ts = append(ts,
			Named{dt.String() + ".dense", x},
			Named{dt.String() + ".strided", x.Slice(1, 1, 3).Transpose(0, 2)},
			Named{dt.String() + ".empty", tensor.New(dt, 2, 0, 3)},
			Named{dt.String() + ".scalar", tensor.Scalar(dt, 1)},
			Named{"\"<é\n>" + dt.String(), tensor.Arange(dt, 40000)}, // several chunks
		)
	}
	return ts
}

func TestRoundTrip(t *testing.T) {
	want := samples()
	meta := map[string]string{"format": "pt", "b": "\"é\"", "a": ""}
	var b bytes.Buffer
	require.NoError(t, Write(&b, want, meta))
	require.Zero(t, binary.LittleEndian.Uint64(b.Bytes())%8, "the tensors begin at a multiple of 8")
	f, err := open(b.Bytes())
	require.NoError(t, err)
	require.Equal(t, meta, f.Metadata())
	var names []string
	for _, n := range want {
		names = append(names, n.Name)
		got, err := f.Read(n.Name)
		require.NoError(t, err)
		require.Equal(t, n.Tensor.DType(), got.DType())
		require.Equal(t, n.Tensor.Shape(), got.Shape())
		require.Equal(t, n.Tensor.Clone().String(), got.String())
		if n.Tensor.Len() > 0 {
			require.Equal(t, tensor.Data[int64](n.Tensor.Cast(tensor.Int64).Contiguous()), tensor.Data[int64](got.Cast(tensor.Int64)), n.Name)
		}
		info, ok := f.Info(n.Name)
		require.True(t, ok)
		require.Equal(t, n.Tensor.Shape(), info.Shape)
	}
	require.Equal(t, names, f.Names())

	var again bytes.Buffer
	require.NoError(t, Write(&again, want, meta))
	require.Equal(t, b.Bytes(), again.Bytes())

	b.Reset()
	require.NoError(t, Write(&b, nil, nil))
	f, err = open(b.Bytes())
	require.NoError(t, err)
	require.Empty(t, f.Names())
	require.Empty(t, f.Metadata())
	_, ok := f.Info("x")
	require.False(t, ok)
	_, err = f.Read("x")
	require.EqualError(t, err, `safetensors: tensor "x": not in the file`)
}

// The bytes that the reference implementation (safetensors 0.8 for NumPy)
// writes for {"a": float32 [[1, 2]], "b": bool [true]} with metadata k: v.
func TestReferenceBytes(t *testing.T) {
	header := `{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"BOOL","shape":[1],"data_offsets":[8,9]}} `
	want := file(header, "\x00\x00\x80\x3f\x00\x00\x00\x40\x01")
	var b bytes.Buffer
	require.NoError(t, Write(&b, []Named{{"a", tensor.Of([]float32{1, 2}, 1, 2)}, {"b", tensor.Of([]bool{true})}}, map[string]string{"k": "v"}))
	require.Equal(t, string(want), b.String())
}

func TestOpenErrors(t *testing.T) {
	const a = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	data8 := strings.Repeat("x", 8)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "0 bytes are too short for a file"},
		{"short", []byte("1234567"), "7 bytes are too short for a file"},
		{"long header", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), "a header of 18446744073709551615 bytes does not fit a file of 10"},
		{"header past the end", []byte("\x03\x00\x00\x00\x00\x00\x00\x00{}"), "a header of 3 bytes does not fit a file of 10"},
		{"no header", file("", ""), "the header is not a JSON object"},
		{"array", file("[]", ""), "the header is not a JSON object"},
		{"leading space", file(" {}", ""), "the header is not a JSON object"},
		{"cut", file("{"+a, data8), "header: EOF"},
		{"after the end", file("{}x", ""), "1 bytes after the header's end"},
		{"named twice", file("{"+a+","+a+"}", data8), `tensor "a": named twice`},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, ""), "metadata: given twice"},
		{"metadata numbers", file(`{"__metadata__":{"a":1}}`, ""), "metadata: json: cannot unmarshal number into Go value of type string"},
		{"gap at first", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, data8), `tensor "a": a gap of 4 bytes before it`},
		{"overlap", file(`{`+a+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, data8), `tensor "b": overlaps the one before it`},
		{"trailing", file(`{`+a+`}`, data8+"x"), "1 bytes after the last tensor"},
		{"cut data", file(`{`+a+`}`, data8[1:]), `tensor "a": ends at 8 of 7 bytes`},
		{"size", file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, data8), `tensor "a": F32 of shape [3] takes 12 bytes, not the 8 of data_offsets`},
		{"foreign size", file(`{"a":{"dtype":"U16","shape":[3],"data_offsets":[0,8]}}`, data8), `tensor "a": U16 of shape [3] takes 6 bytes, not the 8 of data_offsets`},
		{"overflow", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, ""), `tensor "a": shape [4611686018427387904 4] is negative or too large`},
		{"empty overflow", file(`{"a":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[0,0]}}`, ""), `tensor "a": shape [0 4611686018427387904] is negative or too large`},
		{"negative", file(`{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}`, data8), `tensor "a": shape [-1 -2] is negative or too large`},
		{"rank", file(`{"a":{"dtype":"I8","shape":[1,1,1,1,1,1,1,1,8],"data_offsets":[0,8]}}`, data8), `tensor "a": 9 dimensions are more than 8`},
		{"backwards", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, data8), `tensor "a": data_offsets [8 0] are no range`},
		{"before the data", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}`, data8), `tensor "a": data_offsets [-8 0] are no range`},
		{"one offset", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}`, data8), `tensor "a": needs dtype, shape and two data_offsets`},
		{"no shape", file(`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, data8), `tensor "a": needs dtype, shape and two data_offsets`},
		{"more", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}`, data8), `tensor "a": json: unknown field "x"`},
		{"number", file(`{"a":7}`, ""), `tensor "a": json: cannot unmarshal number into Go value of type`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := open(c.file)
			require.ErrorContains(t, err, "safetensors: "+c.want)
		})
	}
}

func TestForeignTypes(t *testing.T) {
	f, err := open(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"F4","shape":[2],"data_offsets":[2,3]},"c":{"dtype":"I8","shape":[],"data_offsets":[3,4]}}`, "\x01\x02\x03\xff"))
	require.NoError(t, err, "a file may hold what is not read")
	_, err = f.Read("a")
	require.EqualError(t, err, `safetensors: tensor "a": dtype U8 is not supported`)
	_, err = f.Read("b")
	require.EqualError(t, err, `safetensors: tensor "b": dtype F4 is not supported`)
	c, err := f.Read("c")
	require.NoError(t, err)
	require.Equal(t, -1.0, c.Item())
}

func TestFailingFiles(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, []Named{{"a", tensor.Arange(tensor.Float32, 50000)}}, nil))
	size := int64(b.Len())
	f, err := Open(bytes.NewReader(b.Bytes()[:size-1]), size)
	require.NoError(t, err)
	_, err = f.Read("a")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the file shrank")
	require.ErrorContains(t, err, `tensor "a"`)
	for _, n := range []int64{4, 20} {
		_, err = Open(bytes.NewReader(b.Bytes()[:n]), size)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	broken := errors.New("broken")
	_, err = Open(readerAt(func([]byte, int64) (int, error) { return 0, broken }), size)
	require.ErrorIs(t, err, broken)

	for limit := range 4 {
		w := &limitedWriter{left: []int{0, 100, 70000, 1 << 17}[limit], err: broken}
		require.ErrorIs(t, Write(w, []Named{{"a", tensor.Arange(tensor.Float32, 50000)}}, nil), broken)
	}
}

type readerAt func(b []byte, at int64) (int, error)

func (r readerAt) ReadAt(b []byte, at int64) (int, error) { return r(b, at) }

type limitedWriter struct {
	left int
	err  error
}

func (w *limitedWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, w.err
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	x := tensor.Scalar(tensor.Float32, 1)
	for _, c := range []struct {
		ts   []Named
		meta map[string]string
		want string
	}{
		{[]Named{{"a", x}, {"a", x}}, nil, `safetensors: tensor "a": the name is taken`},
		{[]Named{{"__metadata__", x}}, nil, `safetensors: tensor "__metadata__": the name is taken`},
		{[]Named{{"\xff", x}}, nil, `safetensors: tensor "\xff": the name is not UTF-8`},
		{nil, map[string]string{"a": "\xff"}, `safetensors: metadata "a": not UTF-8`},
	} {
		require.EqualError(t, Write(io.Discard, c.ts, c.meta), c.want)
	}
}

// Whatever the bytes, Open and Read return; what they accept can be written
// and read again.
func FuzzOpen(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, samples()[:4], map[string]string{"a": "b"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[0],"data_offsets":[8,8]}}`, "12345678"))
	f.Add(file(`{"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}  `, "12345678"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		f, err := open(data)
		if err != nil {
			return
		}
		var ts []Named
		for _, name := range f.Names() {
			x, err := f.Read(name)
			if err == nil && !strings.Contains(name, "\ufffd") {
				ts = append(ts, Named{name, x})
			}
		}
		var out bytes.Buffer
		require.NoError(t, Write(&out, ts, f.Metadata()))
		g, err := open(out.Bytes())
		require.NoError(t, err)
		require.Len(t, g.Names(), len(ts))
	})
}
