package nn

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/noema-ml/noema/tensor"
)

func TestClone(t *testing.T) {
	type model struct {
		Layers     Stack
		Norm       Norm
		In, Out    *Linear
		Table      *tensor.Tensor
		Tied, None *Linear
		Name       string
	}
	r := pcg()
	m := &model{
		Layers: NewStack(r, 2, BlockConfig{Dim: 8, Heads: 2, MemoryDim: 4, CrossGate: true}), Norm: NewRMSNorm(8),
		In: NewLinear(r, 4, 8, true), Out: NewLinear(r, 8, 3, false), Table: tensor.New(tensor.Float32, 2), Name: "m",
	}
	m.Tied = m.In
	_, err := AddLoRA(r, m, 2, 4, "out")
	require.NoError(t, err)
	m.In.Bias.Frozen = true
	m.In.Bias.Grad = tensor.New(tensor.Float32, 8)

	c := Clone(m)
	want, got := Params(m), Params(c)
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i].Name, got[i].Name)
		require.NotSame(t, want[i].Param, got[i].Param)
		require.Equal(t, want[i].Param.Frozen, got[i].Param.Frozen)
		require.Equal(t, tensor.Data[float32](want[i].Param.Value), tensor.Data[float32](got[i].Param.Value))
		require.Nil(t, got[i].Param.Grad)
		tensor.Fill(got[i].Param.Value, 7)
	}
	tensor.Fill(c.Table, 7)
	require.Zero(t, m.Table.At(0))
	require.NotEqual(t, float64(7), m.In.Weight.Value.At(0, 0))
	require.Same(t, c.In, c.Tied)
	require.Nil(t, c.None)
	require.Equal(t, "m", c.Name)
}

// A field that is no part of the model may lead back to it.
type knot struct {
	Out  *Linear
	Back *knot `name:"-"`
}

func TestCloneOfACycle(t *testing.T) {
	m := &knot{Out: NewLinear(pcg(), 2, 2, false)}
	m.Back = m
	c := Clone(m)
	require.Same(t, c, c.Back)
	require.NotSame(t, m.Out, c.Out)
}
