package train

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/noema-ml/noema/internal/file"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/tensor/safetensors"
)

// Weights returns a model's parameters and buffers as a part of a checkpoint,
// in the safetensors format. Its UnmarshalBinary checks that names, shapes and
// dtypes are exactly the model's before it changes any.
func Weights(model any) Part { return weightsPart{model} }

type weightsPart struct{ model any }

func (p weightsPart) WriteTo(w io.Writer) (int64, error) {
	c := &counter{}
	err := safetensors.Write(io.MultiWriter(w, c), tensors(p.model), nil)
	return c.n, err
}

func (p weightsPart) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	_, err := p.WriteTo(&b)
	return b.Bytes(), err
}

func (p weightsPart) UnmarshalBinary(b []byte) error {
	return readInto(p.model, bytes.NewReader(b), int64(len(b)), true)
}

// SaveModel writes a model's parameters and buffers to a safetensors file at
// path, whole or not at all. The format has no Q8_0: save before the Cast.
func SaveModel(path string, model any) error {
	err := file.WriteWith(path, func(w io.Writer) error { return safetensors.Write(w, tensors(model), nil) })
	if err != nil {
		return fmt.Errorf("train: saving the model: %w", err)
	}
	return nil
}

// LoadModel reads a file of SaveModel, or any safetensors file with the same
// names and shapes, into a model. Weights of another floating-point type are
// converted, to Q8_0 too. An error lists every name that is missing or not expected and
// every shape that differs, and leaves the model as it was.
func LoadModel(path string, model any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("train: loading the model: %w", file.Explain("read", path, err))
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("train: loading the model: %w", file.Explain("read", path, err))
	}
	if err := readInto(model, f, st.Size(), false); err != nil {
		return fmt.Errorf("train: loading the model: %s: %w", path, err)
	}
	return nil
}

// params lists a model's parameters in the order of names.
func params(model any) []safetensors.Named {
	var list []safetensors.Named
	for _, p := range nn.Params(model) {
		list = append(list, safetensors.Named{Name: p.Name, Tensor: p.Param.Value})
	}
	return sorted(list)
}

// tensors lists what a file of a model holds, in the order of names.
func tensors(model any) []safetensors.Named {
	list := params(model)
	for _, b := range nn.Buffers(model) {
		list = append(list, safetensors.Named{Name: b.Name, Tensor: b.Tensor})
	}
	return sorted(list)
}

func sorted(list []safetensors.Named) []safetensors.Named {
	slices.SortFunc(list, func(a, b safetensors.Named) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// readInto copies the tensors of a safetensors file into the model's.
func readInto(model any, r io.ReaderAt, size int64, sameDType bool) error {
	f, err := safetensors.Open(r, size)
	if err != nil {
		return err
	}
	var wrong []string
	list := tensors(model)
	expected := map[string]bool{}
	for _, e := range list {
		expected[e.Name] = true
		switch info, ok := f.Info(e.Name); {
		case !ok:
			wrong = append(wrong, e.Name+" is missing")
		case !slices.Equal(info.Shape, e.Tensor.Shape()):
			wrong = append(wrong, fmt.Sprintf("%s has shape %v, not %v", e.Name, info.Shape, e.Tensor.Shape()))
		}
	}
	for _, name := range f.Names() {
		if !expected[name] {
			wrong = append(wrong, name+" is not expected")
		}
	}
	if len(wrong) > 0 {
		return misfit(wrong)
	}
	read := make([]*tensor.Tensor, len(list))
	for i, e := range list {
		if read[i], err = f.Read(e.Name); err != nil {
			return err
		}
		from, to := read[i].DType(), e.Tensor.DType()
		if from != to && (sameDType || !convertible(from) || !convertible(to)) {
			wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", e.Name, from, to))
		}
	}
	if len(wrong) > 0 {
		return misfit(wrong)
	}
	for i, e := range list {
		tensor.Copy(e.Tensor, read[i].Cast(e.Tensor.DType()))
	}
	return nil
}

func misfit(wrong []string) error {
	return errors.New("the weights are not this model's: " + strings.Join(wrong, "; "))
}

func convertible(dt tensor.DType) bool {
	_, stored := dt.Storage()
	return stored || dt.IsFloat()
}

// WeightsSHA256 returns the SHA-256, in hexadecimal, of a model's parameters:
// of their names, dtypes, shapes and bytes, in the order of names. It is that
// of the safetensors file of them without metadata, so for a model without
// buffers it is what sha256sum says of the file of SaveModel.
func WeightsSHA256(model any) string {
	h := sha256.New()
	if err := safetensors.Write(h, params(model), nil); err != nil {
		panic(err) // a name that is not UTF-8, or Q8_0; the hash cannot fail
	}
	return hex.EncodeToString(h.Sum(nil))
}
