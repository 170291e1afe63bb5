package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// storedCase is a product with weights in a storage type, and what they are
// when widened.
type storedCase struct {
	s          Storage
	m, n, k    int
	ldx, ldy   int
	x, wide, b []float32
	w          []byte
}

// newStoredCase leaves the operands misaligned and the rows of x and y apart.
func newStoredCase(r *rand.Rand, s Storage, m, n, k int) *storedCase {
	c := &storedCase{s: s, m: m, n: n, k: k, ldx: k + 3, ldy: n + 5}
	values := func(n int) []float32 {
		v := make([]float32, n+1)[1:]
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	c.x, c.b = values(m*c.ldx), values(n)
	c.w = make([]byte, s.Bytes(n*k)+2)[2:]
	Narrow(s, c.w, values(n*k))
	c.wide = make([]float32, n*k)
	Widen(s, c.wide, c.w)
	return c
}

func (c *storedCase) run(e *Epilogue[float32]) []float32 {
	y := make([]float32, c.m*c.ldy+1)[1:]
	for i := range y {
		y[i] = 99
	}
	LinearStored(c.s, c.m, c.n, c.k, c.x, c.ldx, c.w, y, c.ldy, e)
	return y
}

// reference returns element i, j of the widened product, how much rounding may
// move it, and how much the rounding of x to 8 bits may.
func (c *storedCase) reference(i, j int) (want, eps, q8 float64) {
	scale := 0.0
	for p := 0; p < c.k; p += q8Values {
		top, sum := 0.0, 0.0
		for q := p; q < min(c.k, p+q8Values); q++ {
			x, w := float64(c.x[i*c.ldx+q]), float64(c.wide[j*c.k+q])
			want += x * w
			scale += math.Abs(x * w)
			sum += math.Abs(w)
			top = max(top, math.Abs(x))
		}
		q8 += sum * top / 254
	}
	return want, 1e-6 * (1 + scale), q8
}

func eachStorage(t *testing.T, f func(t *testing.T, s Storage)) {
	for s, name := range []string{"bfloat16", "float16", "q8"} {
		t.Run(name, func(t *testing.T) { f(t, Storage(s)) })
	}
}

func TestLinearStored(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		eachStorage(t, func(t *testing.T, s Storage) {
			r := rand.New(rand.NewPCG(1, 2))
			for _, m := range []int{1, 2, 3, 4, 5, 7, 8, 9, 20} {
				for _, n := range []int{1, 3, 4, 5, 8, 33, 301} {
					for _, k := range []int{1, 7, 8, 16, 24, 31, 32, 33, 64, 96, 288, 1000, 4000, 4017} {
						if s == Q8 && k%q8Values != 0 || n > 100 && k > 288 || n > 5 && k > 1000 {
							continue
						}
						c := newStoredCase(r, s, m, n, k)
						y := c.run(nil)
						biased := c.run(&Epilogue[float32]{Bias: c.b})
						for i := range m {
							for j := range c.ldy {
								at := i*c.ldy + j
								if j >= n {
									require.Equal(t, float32(99), y[at], "written beyond a row")
									continue
								}
								want, eps, q8 := c.reference(i, j)
								if s == Q8 && m <= fewRows {
									eps += q8
								}
								require.InDelta(t, want, y[at], eps, "%dx%dx%d at %d,%d", m, n, k, i, j)
								require.InDelta(t, want+float64(c.b[j]), biased[at], 1e-6+eps)
							}
						}
					}
				}
			}
		})
	})
}

// Every variant rounds x alike, so that what they return differs by the order
// of the sums alone.
func TestStoredTwins(t *testing.T) {
	vs := variants()
	plain := vs[len(vs)-1]
	for _, v := range vs[:len(vs)-1] {
		t.Run(v.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 50 {
				x := make([]float32, 4*q8Values)
				for i := range x {
					x[i] = float32(r.NormFloat64() * math.Exp(20*r.NormFloat64()))
				}
				x[r.IntN(len(x))] = []float32{0, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-45, 3e38}[r.IntN(6)]
				if r.IntN(4) == 0 {
					clear(x[:q8Values])
					x[5] = 1e-40
				}
				a, b := make([]float32, 4*q8Row), make([]float32, 4*q8Row)
				plain.stored[Q8].quantise(a, x)
				v.stored[Q8].quantise(b, x)
				for i := range a {
					if i%q8Row == 0 && a[i] != a[i] {
						require.True(t, b[i] != b[i])
						continue
					}
					require.Equal(t, math.Float32bits(a[i]), math.Float32bits(b[i]), "word %d of %v", i, x)
				}
			}
			c := newStoredCase(r, Q8, 3, 21, 256)
			for j := 7; j < len(c.w); j += 50 { // what other writers of the format may store
				if j%q8Bytes > 1 {
					c.w[j] = 0x80
				}
			}
			use(t, v)
			got := c.run(nil)
			use(t, plain)
			for i, want := range c.run(nil) {
				require.InDelta(t, want, got[i], 1e-4)
			}
		})
	}
}

// Every variant widens to the same bits, whatever the weights and wherever
// they lie.
func TestWidenTwins(t *testing.T) {
	vs := variants()
	plain := vs[len(vs)-1]
	for _, v := range vs[:len(vs)-1] {
		t.Run(v.name, func(t *testing.T) {
			eachStorage(t, func(t *testing.T, s Storage) {
				r := rand.New(rand.NewPCG(7, 8))
				for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 31, 32, 63, 64, 65, 96, 1 << 16, 1<<16 + 160} {
					n -= n % storages[s].values
					src := make([]byte, s.Bytes(n)+2)[2:]
					for i := range src { // all bits: also NaN, infinities and subnormals
						src[i] = byte(r.Uint32())
					}
					want, got := make([]float32, n), make([]float32, n+2)
					plain.stored[s].widen(want, src)
					got[n+1] = 99
					v.stored[s].widen(got[1:n+1], src)
					for i, w := range want {
						if w != w { // a signalling NaN may come out quiet
							require.True(t, got[1+i] != got[1+i])
							continue
						}
						require.Equal(t, math.Float32bits(w), math.Float32bits(got[1+i]), "%d of %d", i, n)
					}
					require.Equal(t, float32(99), got[n+1], "written beyond the end")
				}
			})
		})
	}
}

// What is not finite stays so, in the same row only, and zeros and denormals
// of the weights count as what they are.
func TestStoredSpecialValues(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachVariant(t, func(t *testing.T) {
		eachStorage(t, func(t *testing.T, s Storage) {
			r := rand.New(rand.NewPCG(5, 6))
			for _, bad := range []float32{nan, inf, -inf} {
				for _, k := range []int{64, 96} {
					c := newStoredCase(r, s, 3, 5, k)
					c.x[c.ldx+k-1] = bad
					for i, v := range c.run(nil) {
						if i%c.ldy < c.n {
							require.Equal(t, i/c.ldy != 1, v-v == 0, "x %v, row %d: %v", bad, i/c.ldy, v)
						}
					}
					c = newStoredCase(r, s, 3, 5, k)
					c.wide[2*k+40] = bad
					Narrow(s, c.w, c.wide)
					for i, v := range c.run(nil) {
						if i%c.ldy < c.n {
							require.Equal(t, i%c.ldy != 2, v-v == 0, "w %v, column %d: %v", bad, i%c.ldy, v)
						}
					}
				}
			}
			c := newStoredCase(r, s, 1, 4, 32)
			clear(c.wide)
			for i := range c.wide[:32] {
				c.wide[i] = 1e-5 // a denormal of float16, and so is its scale
			}
			c.wide[33] = float32(math.Copysign(0, -1))
			Narrow(s, c.w, c.wide)
			Widen(s, c.wide, c.w)
			y := c.run(nil)
			want, _, q8 := c.reference(0, 0)
			require.InDelta(t, want, y[0], q8+1e-11)
			require.NotZero(t, y[0])
			require.Zero(t, y[1])
		})
	})
}

func TestNarrowQ8(t *testing.T) {
	src := make([]float32, 2*q8Values)
	for i := range src {
		src[i] = float32(i-20) / 8
	}
	b, back := make([]byte, Q8.Bytes(len(src))), make([]float32, len(src))
	Narrow(Q8, b, src)
	Widen(Q8, back, b)
	require.Equal(t, byte(0x81), b[2], "the largest magnitude is ±127")
	for i, v := range src {
		top := max(math.Abs(float64(src[i/32*32])), math.Abs(float64(src[i/32*32+31])))
		require.InDelta(t, v, back[i], top/254*1.1) // a scale of 11 bits
	}
	clear(src)
	Narrow(Q8, b, src)
	Widen(Q8, back, b)
	require.Equal(t, src, back)
	require.Panics(t, func() {
		LinearStored(Q8, 1, 1, 33, make([]float32, 33), 33, make([]byte, 68), make([]float32, 1), 1, nil)
	})
}

var benchStoredRows = []int{1, 4, 8, 16, 64, 512} // one token, a few sequences, a prompt

func BenchmarkLinearStored(b *testing.B) {
	for s, name := range []string{"bf16", "f16", "q8"} {
		for _, m := range benchStoredRows {
			for _, nk := range [][2]int{{256, 256}, {1024, 256}, {256, 1024}, {4096, 256}, {2048, 2048}} {
				b.Run(fmt.Sprintf("%s/%dx%dx%d", name, m, nk[0], nk[1]), func(b *testing.B) {
					c := newStoredCase(rand.New(rand.NewPCG(1, 2)), Storage(s), m, nk[0], nk[1])
					y := make([]float32, m*c.ldy)
					b.SetBytes(int64(len(c.w)))
					for b.Loop() {
						LinearStored(c.s, m, c.n, c.k, c.x, c.ldx, c.w, y, c.ldy, nil)
					}
				})
			}
		}
	}
	for _, m := range benchStoredRows {
		for _, nk := range [][2]int{{256, 256}, {1024, 256}, {256, 1024}, {4096, 256}, {2048, 2048}} {
			b.Run(fmt.Sprintf("f32/%dx%dx%d", m, nk[0], nk[1]), func(b *testing.B) {
				c := newStoredCase(rand.New(rand.NewPCG(1, 2)), BFloat16, m, nk[0], nk[1])
				y := make([]float32, m*c.ldy)
				b.SetBytes(int64(4 * len(c.wide)))
				for b.Loop() {
					Gemm(m, c.n, c.k, c.x, c.ldx, 1, c.wide, 1, c.k, 0, y, c.ldy)
				}
			})
		}
	}
}
