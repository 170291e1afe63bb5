package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// randn returns n normal numbers.
func randn[T Float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

func epsilon[T Float]() float64 {
	if single[T]() {
		return 0x1p-23
	}
	return 0x1p-52
}

// product64 is the reference: element (i, j) of A·B and the sum of absolute
// values of its terms, which scales the error that rounding may cause.
func product64[T Float](k int, a []T, ar, ac int, b []T, br, bc, i, j int) (sum, size float64) {
	for p := range k {
		term := float64(a[i*ar+p*ac]) * float64(b[p*br+j*bc])
		sum += term
		size += math.Abs(term)
	}
	return sum, size
}

// layout lays out a rows×cols matrix in a larger slice, from element 1 so that
// it is misaligned, transposed or with a gap or both.
func layout(rows, cols, kind int) (size, rowStride, colStride int) {
	gap := kind % 2 * 3
	if kind < 2 {
		return 1 + rows*(cols+gap), cols + gap, 1
	}
	if kind < 4 {
		return 1 + cols*(rows+gap), 1, rows + gap
	}
	return 1 + rows*(2*cols+1), 2*cols + 1, 2 // contiguous neither way
}

var gemmSizes = [][3]int{
	{0, 3, 4}, {3, 0, 4}, {3, 4, 0}, {1, 1, 1}, {1, 7, 5}, {2, 3, 1}, {4, 2, 3}, {5, 3, 9},
	{1, 300, 70}, {8, 130, 257}, {9, 65, 33}, {13, 1, 300}, {130, 1, 20}, {64, 64, 64},
	{67, 35, 300}, {129, 131, 17}, {33, 140, 513}, {1030, 5, 7}, {3, 4100, 2}, {12, 4100, 3},
}

func testGemm[T Float](t *testing.T) {
	r := rng(1)
	for _, s := range gemmSizes {
		m, n, k := s[0], s[1], s[2]
		for ka := range 5 {
			for kb := range 5 {
				if m*n*k > 1<<19 && ka != kb {
					continue
				}
				beta := []T{0, 1, 0.5, -1}[(ka+2*kb)%4]
				as, ar, ac := layout(m, k, ka)
				bs, br, bc := layout(k, n, kb)
				a, b := randn[T](r, as)[1:], randn[T](r, bs)[1:]
				cr := n + 2
				c := randn[T](r, 1+m*cr)[1:]
				old := append([]T(nil), c...)
				if beta == 0 {
					for i := range m {
						fill(c[i*cr:i*cr+n], T(math.NaN()))
					}
				}
				Gemm(m, n, k, a, ar, ac, b, br, bc, beta, c, cr)
				name := fmt.Sprintf("%v a %d b %d beta %v", s, ka, kb, beta)
				for i := range m {
					for j := range cr {
						got, was := float64(c[i*cr+j]), float64(old[i*cr+j])
						if j >= n {
							require.Equal(t, was, got, name)
							continue
						}
						want, size := product64(k, a, ar, ac, b, br, bc, i, j)
						want += float64(beta) * was
						size += math.Abs(float64(beta) * was)
						if !(math.Abs(got-want) <= 4*epsilon[T]()*math.Sqrt(float64(k+1))*size) {
							t.Fatalf("%s: C(%d,%d) = %v, want %v", name, i, j, got, want)
						}
					}
				}
			}
		}
	}
}

func TestGemm(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", testGemm[float32])
		t.Run("float64", testGemm[float64])
	})
}

// A pitch of a page has A copied, block after block, a far B is read in short
// blocks of rows, and every height and width of tile occurs.
func testGemmShapes[T Float](t *testing.T) {
	r := rng(8)
	check := func(m, n, k, ar, ac, br, bc int, a, b []T) {
		c, want := randn[T](r, m*n), 0.0
		Gemm(m, n, k, a, ar, ac, b, br, bc, 0, c, n)
		for range 50 {
			i, j := r.IntN(m), r.IntN(n)
			var size float64
			want, size = product64(k, a, ar, ac, b, br, bc, i, j)
			if got := float64(c[i*n+j]); !(math.Abs(got-want) <= 4*epsilon[T]()*math.Sqrt(float64(k+1))*size) {
				t.Fatalf("%d×%d×%d: C(%d,%d) = %v, want %v", m, n, k, i, j, got, want)
			}
		}
	}
	big := randn[T](r, 1050*1030)
	check(20, 70, 900, 1024, 1, 70, 1, big, big)
	check(120, 40, 400, 1, 1024, 40, 1, big, big)
	check(240, 70, 900, 1024, 1, 70, 1, big, big)
	check(240, 70, 900, 1, 1024, 1, 900, big, big)
	check(3, 1030, 1040, 1040, 1, 1030, 1, big, big)
	check(12, 1030, 1040, 1040, 1, 1030, 1, big, big)
	for m := 1; m <= 16; m++ {
		for _, n := range []int{1, 7, 16, 17, 32, 33, 64, 95, 128, 150, 300} {
			check(m, n, 19, 19, 1, n, 1, big, big)
			check(m, n, 35, 35, 1, 1, 35, big, big)
			check(n, m, 35, 35, 1, m, 1, big, big)
		}
	}
}

func TestGemmShapes(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		t.Run("float32", testGemmShapes[float32])
		t.Run("float64", testGemmShapes[float64])
	})
}

func TestGemmPropagatesNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachVariant(t, func(t *testing.T) {
		for _, m := range []int{1, 5, 40, 70} {
			for _, turned := range []bool{false, true} {
				a, b, c := make([]float32, m*40), make([]float32, 40*40), make([]float32, m*40)
				b[3*40+5], b[7*40+6] = nan, inf
				br, bc := 40, 1
				if turned {
					b[3*40+5], b[7*40+6], b[5*40+3], b[6*40+7] = 0, 0, nan, inf
					br, bc = 1, 40
				}
				Gemm(m, 40, 40, a, 40, 1, b, br, bc, 0, c, 40)
				for i := range m {
					for j := range 40 {
						require.Equal(t, j == 5 || j == 6, c[i*40+j] != c[i*40+j], "C(%d,%d)", i, j)
					}
				}
			}
		}
	})
}

// sameBits fails at the first element that differs.
func sameBits[T Float](t *testing.T, want, got []T, msg string, args ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, w := range want {
		if w != got[i] && !(w != w && got[i] != got[i]) {
			require.Failf(t, "bits differ", "[%d] is %v, want %v: "+msg, append([]any{i, got[i], w}, args...)...)
		}
	}
}

// eachProcs runs f under several values of GOMAXPROCS and wants equal results.
func eachProcs(t *testing.T, f func() []float32) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := f()
	for _, procs := range []int{2, 4} {
		runtime.GOMAXPROCS(procs)
		sameBits(t, want, f(), "GOMAXPROCS=%d", procs)
	}
}

func TestGemmSameBitsForAnyCores(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		for _, s := range [][3]int{{200, 150, 300}, {1, 1000, 300}, {1100, 70, 40}, {300, 1, 300}, {3, 900, 1200}, {130, 600, 70}, {1100, 1, 1000}, {1100, 5, 1001}} {
			for _, turned := range []bool{false, true} {
				eachProcs(t, func() []float32 {
					r := rng(3)
					m, n, k := s[0], s[1], s[2]
					br, bc := n, 1
					if turned {
						br, bc = 1, k
					}
					c := make([]float32, m*n)
					Gemm(m, n, k, randn[float32](r, m*k), k, 1, randn[float32](r, n*k), br, bc, 0, c, n)
					return c
				})
			}
		}
	})
}

func TestGemmBatch(t *testing.T) {
	r := rng(4)
	for _, s := range [][4]int{{0, 2, 2, 2}, {1, 3, 4, 5}, {9, 7, 5, 3}, {5, 40, 30, 50}, {3, 4, 5, 0}} {
		batch, m, n, k := s[0], s[1], s[2], s[3]
		for _, beta := range []float64{0, 1, 0.5} {
			// Two dimensions: A is shared along the first, B along the second.
			a, b := randn[float64](r, batch*m*k), randn[float64](r, 2*k*n)
			got := randn[float64](r, 2*batch*m*n)
			want := append([]float64(nil), got...)
			for i := range 2 * batch {
				Gemm(m, n, k, a[i%batch*m*k:], k, 1, b[i/batch*k*n:], n, 1, beta, want[i*m*n:], n)
			}
			GemmBatch([]int{2, batch}, m, n, k, a, []int{0, m * k}, k, 1, b, []int{k * n, 0}, n, 1, beta, got, []int{batch * m * n, m * n}, n)
			sameBits(t, want, got, "%v beta %v", s, beta)
		}
	}
}

func TestGemmAllocates(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	const n = 128
	r := rng(5)
	a, b, c := randn[float32](r, n*n), randn[float32](r, n*n), make([]float32, n*n)
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
		Gemm(n, n, n, a, n, 1, b, n, 1, 0, c, n)
	}), 1.0)
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
		Gemm(1, n, n, a, n, 1, b, n, 1, 0, c, n)
	}), 1.0)
	dims, step := []int{4}, []int{n * n / 4}
	require.LessOrEqual(t, testing.AllocsPerRun(20, func() {
		GemmBatch(dims, n/4, n, n, a, step, n, 1, b, []int{0}, n, 1, 0, c, step, n)
	}), 1.0)
}
