package kernel

// Activation is a function that a product may end with.
type Activation uint8

// The activations are the functions of the same names.
const (
	ActNone Activation = iota
	ActGELU
	ActGELUTanh
	ActSiLU
	ActReLU
)

// Epilogue is what happens to C as it is written for the last time, while it
// is in the cache: C = act(A·B + beta·C + Bias) + Residual.
type Epilogue[T Float] struct {
	Bias     []T        // added to every row, n long; nil for none
	Act      Activation // applied to the sum
	Pre      []T        // if not nil, keeps what Act is applied to
	PreRow   int        // from one row of Pre to the next
	Residual []T        // added after Act; nil for none
	ResRow   int        // from one row of Residual to the next
}

// finish does rows [i0, i1) and columns [j0, j1) of C.
func (e *Epilogue[T]) finish(t *table[T], i0, i1, j0, j1 int, c []T, cr int) {
	for i := i0; i < i1; i++ {
		row := c[i*cr+j0 : i*cr+j1]
		if e.Bias != nil {
			t.add(row, row, e.Bias[j0:j1])
		}
		if e.Pre != nil {
			copy(e.Pre[i*e.PreRow+j0:i*e.PreRow+j1], row)
		}
		switch e.Act {
		case ActGELU:
			t.gelu(row, row)
		case ActGELUTanh:
			t.geluTanh(row, row)
		case ActSiLU:
			t.silu(row, row)
		case ActReLU:
			ReLU(row, row)
		}
		if e.Residual != nil {
			t.add(row, row, e.Residual[i*e.ResRow+j0:i*e.ResRow+j1])
		}
	}
}
