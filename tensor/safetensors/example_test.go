package safetensors_test

import (
	"bytes"
	"fmt"

	"github.com/noema-ml/noema/tensor"
	"github.com/noema-ml/noema/tensor/safetensors"
)

func Example() {
	var file bytes.Buffer // os.Create gives one that lasts
	err := safetensors.Write(&file, []safetensors.Named{
		{Name: "weight", Tensor: tensor.Arange(tensor.Float32, 6).Reshape(2, 3)},
		{Name: "bias", Tensor: tensor.Full(tensor.BFloat16, 0.5, 2)},
	}, map[string]string{"format": "pt"})
	if err != nil {
		fmt.Println(err)
		return
	}

	f, err := safetensors.Open(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range f.Names() {
		t, err := f.Read(name)
		fmt.Println(name, t, err)
	}
	_, err = f.Read("scale")
	fmt.Println(err)
	// Output:
	// weight float32[2 3] [0 1 2 3 4 5] <nil>
	// bias bfloat16[2] [0.5 0.5] <nil>
	// safetensors: tensor "scale": not in the file
}
