// Package safetensors reads and writes the safetensors format: named tensors
// behind a JSON header (https://github.com/huggingface/safetensors, "Format").
//
// A header is never trusted: [Open] checks every length, offset, shape and
// name before anything is read, and a file's tensors never take more memory
// than the file is long. Errors name the tensor.
package safetensors

import "github.com/noema-ml/noema/tensor"

// The layout: 8 bytes of header length, little-endian; the header, a JSON
// object padded with spaces; the tensors' bytes, little-endian and row-major,
// one after another without gaps.
const (
	prefix      = 8
	maxHeader   = 100_000_000 // the reference implementation's limit
	metadataKey = "__metadata__"
	chunk       = 1 << 16 // bytes converted at a time
)

// A Named is a tensor with its name in the file.
type Named struct {
	Name   string
	Tensor *tensor.Tensor
}

// Info describes a tensor of a file.
type Info struct {
	DType string // as the file names it, such as "BF16"
	Shape []int
}

// codes are the format's names of our types.
var codes = map[tensor.DType]string{
	tensor.Float32: "F32", tensor.Float64: "F64",
	tensor.BFloat16: "BF16", tensor.Float16: "F16", tensor.Int8: "I8",
	tensor.Int32: "I32", tensor.Int64: "I64", tensor.Bool: "BOOL",
}

// typeOf returns the type that a file calls code.
func typeOf(code string) (tensor.DType, bool) {
	for dt, c := range codes {
		if c == code {
			return dt, true
		}
	}
	return 0, false
}

// foreign are the sizes of types that a file may hold and Read refuses.
var foreign = map[string]int{
	"U8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
	"I16": 2, "U16": 2, "U32": 4, "U64": 8, "C64": 8,
}
