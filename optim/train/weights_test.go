package train

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/autograd"
	"github.com/noema-ml/noema/nn"
	"github.com/noema-ml/noema/tensor"
)

// pair is a model of a parameter and a buffer.
type pair struct {
	Weight *autograd.Param
	Scale  *tensor.Tensor
}

func newPair() *pair {
	return &pair{&autograd.Param{Value: tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)}, tensor.Of([]int32{7})}
}

// The number is Python's hashlib.sha256 of struct.pack('<Q', len(h)) + h +
// struct.pack('<6f', 1, 2, 3, 4, 5, 6), where h is the header
// {"weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}} filled up with
// spaces to a multiple of 8 bytes.
func TestWeightsSHA256(t *testing.T) {
	const want = "a54a6837655065903c593c0de24b136904dc6fd734fe3986213b23204832d542"
	m := newPair()
	require.Equal(t, want, WeightsSHA256(m))
	m.Scale = nil
	require.Equal(t, want, WeightsSHA256(m), "parameters only")
	m.Weight.Value = tensor.Of([]float32{1, 4, 2, 5, 3, 6}, 3, 2).Transpose(0, 1)
	require.Equal(t, want, WeightsSHA256(m), "strides do not count")
	m.Weight.Value = tensor.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	require.NotEqual(t, want, WeightsSHA256(m), "shapes do")
	require.NotEqual(t, WeightsSHA256([]*pair{newPair()}), want, "and names")
}

func TestSaveAndLoadModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	m := newPair()
	require.NoError(t, SaveModel(path, m))
	tensor.Fill(m.Weight.Value, 0)
	tensor.Fill(m.Scale, 0)
	require.NoError(t, LoadModel(path, m))
	require.Equal(t, newPair(), m)

	nn.Cast(m, tensor.BFloat16)
	require.NoError(t, SaveModel(path, m), "an earlier file is replaced")
	wide := newPair()
	tensor.Fill(wide.Weight.Value, 0)
	require.NoError(t, LoadModel(path, wide), "and widened")
	require.Equal(t, newPair(), wide)
	require.Equal(t, []string{"m.safetensors"}, names(t, filepath.Dir(path)))
}

func TestLoadModelNamesEveryMisfit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.safetensors")
	r := rand.NewPCG(1, 1)
	type model struct{ A, B, C *nn.Linear }
	require.NoError(t, SaveModel(path, &model{A: nn.NewLinear(r, 2, 3, true), C: nn.NewLinear(r, 2, 2, false)}))
	m := &model{A: nn.NewLinear(r, 3, 2, false), B: nn.NewLinear(r, 1, 1, false), C: nn.NewLinear(r, 2, 2, false)}
	before := WeightsSHA256(m)
	err := LoadModel(path, m)
	for _, want := range []string{path, "a.weight has shape [3 2], not [2 3]", "b.weight is missing", "a.bias is not expected"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "c.weight")
	require.Equal(t, before, WeightsSHA256(m))

	narrow := newPair()
	require.NoError(t, SaveModel(path, narrow))
	narrow.Scale = tensor.Of([]int64{7})
	require.ErrorContains(t, LoadModel(path, narrow), "scale is int32, not int64")

	// A checkpoint's dtypes must be the model's own.
	b, err := Weights(newPair()).MarshalBinary()
	require.NoError(t, err)
	wide := newPair()
	nn.Cast(wide, tensor.Float64)
	require.ErrorContains(t, Weights(wide).UnmarshalBinary(b), "weight is float32, not float64")
}

func TestLoadModelOfRubbish(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.ErrorContains(t, LoadModel(path, newPair()), path)
	require.NoError(t, SaveModel(path, newPair()))
	good, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := range good {
		require.NoError(t, os.WriteFile(path, good[:n], 0o644))
		require.ErrorContains(t, LoadModel(path, newPair()), path)
	}
	require.Error(t, SaveModel(filepath.Join(path, "no", "folder"), newPair()))
}
