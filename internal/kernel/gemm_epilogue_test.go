package kernel

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func testGemmEpilogue[T Float](t *testing.T) {
	r := rng(51)
	apply := map[Activation]func(dst, x []T){
		ActNone: func(dst, x []T) { copy(dst, x) }, ActGELU: GELU[T], ActGELUTanh: GELUTanh[T], ActSiLU: SiLU[T], ActReLU: ReLU[T],
	}
	for _, s := range [][3]int{{0, 3, 2}, {3, 0, 2}, {3, 5, 0}, {1, 7, 9}, {1, 200, 300}, {5, 33, 70}, {8, 130, 400}, {30, 65, 31}, {150, 140, 500}, {17, 1, 40}} {
		m, n, k := s[0], s[1], s[2]
		for kind := range 32 {
			bias, keep, residual, transposed := kind&1 != 0, kind&2 != 0, kind&4 != 0, kind&8 != 0
			beta := []T{0, 1, 0.5}[kind%3]
			act := Activation(kind % 5)
			br, bc := n, 1
			if transposed {
				br, bc = 1, k
			}
			cr, pr, rr := n+1, n+2, n+3
			a, b, c := randn[T](r, m*k), randn[T](r, n*k), randn[T](r, m*cr+1)
			e := &Epilogue[T]{Act: act, PreRow: pr, ResRow: rr}
			if bias {
				e.Bias = randn[T](r, n)
			}
			if keep {
				e.Pre = randn[T](r, m*pr+1)
			}
			if residual {
				e.Residual = randn[T](r, m*rr+1)
			}
			want, pre := append([]T(nil), c...), append([]T(nil), e.Pre...)
			Gemm(m, n, k, a, k, 1, b, br, bc, beta, want, cr)
			for i := range m {
				row := want[i*cr : i*cr+n]
				if bias {
					addVec(row, row, e.Bias)
				}
				if keep {
					copy(pre[i*pr:], row)
				}
				apply[act](row, row)
				if residual {
					addVec(row, row, e.Residual[i*rr:i*rr+n])
				}
			}
			GemmEpilogue(m, n, k, a, k, 1, b, br, bc, beta, c, cr, e)
			name := fmt.Sprint(s, " kind ", kind)
			agree(t, want, c, 1e3*epsilon[T](), name)
			agree(t, pre, e.Pre, 1e3*epsilon[T](), name)
		}
	}
}

// agree is [near] for all elements.
func agree[T Float](t *testing.T, want, got []T, tol float64, msg string) {
	t.Helper()
	require.Len(t, got, len(want), msg)
	for i, w := range want {
		near(t, w, got[i], tol, "%s: [%d]", msg, i)
	}
}

func TestGemmEpilogue(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", testGemmEpilogue[float32])
		t.Run("float64", testGemmEpilogue[float64])
	})
}

func TestGemmEpilogueSameBitsForAnyCores(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, s := range [][3]int{{200, 150, 300}, {1, 1000, 300}, {7, 900, 300}} {
			eachProcs(t, func() []float32 {
				r := rng(3)
				m, n, k := s[0], s[1], s[2]
				c := make([]float32, m*n)
				e := &Epilogue[float32]{Bias: randn[float32](r, n), Act: ActGELU, Residual: randn[float32](r, m*n), ResRow: n}
				GemmEpilogue(m, n, k, randn[float32](r, m*k), k, 1, randn[float32](r, n*k), 1, k, 0, c, n, e)
				return c
			})
		}
	})
}
