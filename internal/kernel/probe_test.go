package kernel

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A probe calls one function of a table. A function that is not tested
// elsewhere has at least one, and every variant is held to it.
type probe[T Float] struct {
	name string // the table's field, then perhaps a remark
	// slices is how many operands it takes, all of n elements; it may write to
	// any of them, and returns what it computes beside.
	slices int
	call   func(tb *table[T], x [][]T) []T
	// tol is the error allowed, in units of epsilon of the larger of the value
	// and one; with 0 it must have the portable variant's bits.
	tol float64
	// sums says that elements are added up: the error grows with n, and what
	// overflows depends on the order and on fused multiply-adds.
	sums bool
	// inPlace says that the first operand may be any of the others.
	inPlace bool
}

func probes[T Float]() []probe[T] {
	unary := func(name string, tol float64, f func(tb *table[T]) func(dst, x []T)) probe[T] {
		return probe[T]{name, 2, func(tb *table[T], x [][]T) []T { f(tb)(x[0], x[1]); return nil }, tol, false, true}
	}
	binary := func(name string, tol float64, f func(tb *table[T]) func(dst, a, b []T)) probe[T] {
		return probe[T]{name, 3, func(tb *table[T], x [][]T) []T { f(tb)(x[0], x[1], x[2]); return nil }, tol, false, true}
	}
	grad := func(name string, tol float64, f func(tb *table[T]) func(dst, x, dy []T)) probe[T] {
		p := binary(name, tol, f)
		p.sums = true // a large dy brings out the tail's absolute error
		return p
	}
	scalar := func(name string, tol, c float64, f func(tb *table[T]) func(dst, x []T, c T)) probe[T] {
		return probe[T]{name, 2, func(tb *table[T], x [][]T) []T { f(tb)(x[0], x[1], T(c)); return nil }, tol, false, true}
	}
	gated := func(name string, f func(tb *table[T]) func(dgate, dup, gate, up, dy []T)) probe[T] {
		return probe[T]{name, 5, func(tb *table[T], x [][]T) []T { f(tb)(x[0], x[1], x[2], x[3], x[4]); return nil }, 32, true, false}
	}
	return append(attnProbes[T](), []probe[T]{
		binary("add", 0, func(tb *table[T]) func(dst, a, b []T) { return tb.add }),
		binary("sub", 0, func(tb *table[T]) func(dst, a, b []T) { return tb.sub }),
		binary("mul", 0, func(tb *table[T]) func(dst, a, b []T) { return tb.mul }),
		binary("div", 0, func(tb *table[T]) func(dst, a, b []T) { return tb.div }),
		binary("max", 0, func(tb *table[T]) func(dst, a, b []T) { return tb.max }),
		binary("min", 0, func(tb *table[T]) func(dst, a, b []T) { return tb.min }),
		scalar("addScalar", 0, 0.75, func(tb *table[T]) func(dst, x []T, c T) { return tb.addScalar }),
		scalar("divScalar", 0, 0.75, func(tb *table[T]) func(dst, x []T, c T) { return tb.divScalar }),
		scalar("scalarSub", 0, 0.75, func(tb *table[T]) func(dst, x []T, c T) { return tb.scalarSub }),
		scalar("scalarDiv", 0, 0.75, func(tb *table[T]) func(dst, x []T, c T) { return tb.scalarDiv }),
		scalar("maxScalar", 0, 0.75, func(tb *table[T]) func(dst, x []T, c T) { return tb.maxScalar }),
		scalar("maxScalar of NaN", 0, math.NaN(), func(tb *table[T]) func(dst, x []T, c T) { return tb.maxScalar }),
		scalar("minScalar", 0, 0, func(tb *table[T]) func(dst, x []T, c T) { return tb.minScalar }),
		{"addMul", 3, func(tb *table[T], x [][]T) []T { tb.addMul(x[0], x[1], x[2]); return nil }, 2, true, false},
		{"addScaled", 2, func(tb *table[T], x [][]T) []T { tb.addScaled(x[0], x[1], -1.5); return nil }, 2, true, false},
		{"scale", 2, func(tb *table[T], x [][]T) []T { tb.scale(x[0], x[1], 0.75); return nil }, 0, false, true},
		{"subMul", 2, func(tb *table[T], x [][]T) []T { tb.subMul(x[0], x[1], 0.5, 7); return nil }, 0, false, true},
		unary("neg", 0, func(tb *table[T]) func(dst, x []T) { return tb.neg }),
		unary("abs", 0, func(tb *table[T]) func(dst, x []T) { return tb.abs }),
		unary("sqrt", 0, func(tb *table[T]) func(dst, x []T) { return tb.sqrt }),
		unary("square", 0, func(tb *table[T]) func(dst, x []T) { return tb.square }),
		unary("relu", 0, func(tb *table[T]) func(dst, x []T) { return tb.relu }),
		unary("softplus", 8, func(tb *table[T]) func(dst, x []T) { return tb.softplus }),
		unary("exp", 4, func(tb *table[T]) func(dst, x []T) { return tb.exp }),
		unary("log", 4, func(tb *table[T]) func(dst, x []T) { return tb.log }),
		unary("tanh", 8, func(tb *table[T]) func(dst, x []T) { return tb.tanh }),
		unary("erf", 8, func(tb *table[T]) func(dst, x []T) { return tb.erf }),
		unary("sigmoid", 8, func(tb *table[T]) func(dst, x []T) { return tb.sigmoid }),
		unary("gelu", 16, func(tb *table[T]) func(dst, x []T) { return tb.gelu }),
		unary("geluTanh", 16, func(tb *table[T]) func(dst, x []T) { return tb.geluTanh }),
		unary("silu", 16, func(tb *table[T]) func(dst, x []T) { return tb.silu }),
		grad("geluGrad", 32, func(tb *table[T]) func(dst, a, b []T) { return tb.geluGrad }),
		grad("geluTanhGrad", 32, func(tb *table[T]) func(dst, a, b []T) { return tb.geluTanhGrad }),
		grad("siluGrad", 32, func(tb *table[T]) func(dst, a, b []T) { return tb.siluGrad }),
		grad("swiGLU", 32, func(tb *table[T]) func(dst, gate, up []T) { return tb.swiGLU }),
		grad("geGLU", 32, func(tb *table[T]) func(dst, gate, up []T) { return tb.geGLU }),
		gated("swiGLUGrad", func(tb *table[T]) func(dgate, dup, gate, up, dy []T) { return tb.swiGLUGrad }),
		gated("geGLUGrad", func(tb *table[T]) func(dgate, dup, gate, up, dy []T) { return tb.geGLUGrad }),
		binary("reluGrad", 0, func(tb *table[T]) func(dst, x, dy []T) { return tb.reluGrad }),
		grad("tanhGrad", 4, func(tb *table[T]) func(dst, y, dy []T) { return tb.tanhGrad }),
		grad("sigmoidGrad", 4, func(tb *table[T]) func(dst, y, dy []T) { return tb.sigmoidGrad }),
		grad("softplusGrad", 8, func(tb *table[T]) func(dst, x, dy []T) { return tb.softplusGrad }),
		{"softmaxRow", 2, func(tb *table[T], x [][]T) []T { tb.softmaxRow(x[0], x[1]); return nil }, 8, true, true},
		{"softmaxRow with -Inf alone", 2, func(tb *table[T], x [][]T) []T {
			fill(x[1], T(math.Inf(-1)))
			tb.softmaxRow(x[0], x[1])
			return nil
		}, 0, true, true},
		{"softmaxGradRow", 3, func(tb *table[T], x [][]T) []T { tb.softmaxGradRow(x[0], x[1], x[2]); return nil }, 8, true, true},
		{"subExp", 3, func(tb *table[T], x [][]T) []T { tb.subExp(x[0], x[1], x[2], 0.75); return nil }, 8, true, true},
		{"expScaled", 2, func(tb *table[T], x [][]T) []T { tb.expScaled(x[0], x[1], 0.5, 0.75, -0.25); return nil }, 8, true, true},
		{"expTotal", 1, func(tb *table[T], x [][]T) []T { return []T{tb.expTotal(x[0], 0.25)} }, 8, true, false},
		{"expSum", 2, func(tb *table[T], x [][]T) []T { return []T{tb.expSum(x[0], x[1], 0.25)} }, 8, true, true},
		{"sum", 1, func(tb *table[T], x [][]T) []T { return []T{tb.sum(x[0])} }, 2, true, false},
		{"dot", 2, func(tb *table[T], x [][]T) []T { return []T{tb.dot(x[0], x[1])} }, 2, true, false},
		{"maxOf", 1, func(tb *table[T], x [][]T) []T { return []T{tb.maxOf(x[0])} }, 0, false, false},
		{"centredSq", 1, func(tb *table[T], x [][]T) []T { return []T{tb.centredSq(x[0], 0.5)} }, 4, true, false},
		{"layerNorm", 4, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			stats := make([]T, 2*rows)
			tb.layerNorm(x[0], x[1], x[2][:cols], x[3][:cols], stats[:rows], stats[rows:], cols, 0.125)
			return stats
		}, 8, true, false},
		{"layerNorm without weights", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			stats := make([]T, 2*rows)
			tb.layerNorm(x[0], x[1], nil, nil, stats[:rows], stats[rows:], cols, 0.125)
			return stats
		}, 8, true, true},
		{"layerNormGrad", 6, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			mean, rstd := []T{0.25, -0.5}[:rows], []T{1.5, 0.75}[:rows]
			tb.layerNormGrad(x[0], x[1][:cols], x[2][:cols], x[3], x[4][:cols], mean, rstd, x[5], cols)
			return nil
		}, 16, true, false},
		{"layerNormGrad without weights", 3, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			mean, rstd := []T{0.25, -0.5}[:rows], []T{1.5, 0.75}[:rows]
			tb.layerNormGrad(x[0], nil, nil, x[1], nil, mean, rstd, x[2], cols)
			return nil
		}, 16, true, false},
		{"layerNormGrad of weights", 4, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			mean, rstd := []T{0.25, -0.5}[:rows], []T{1.5, 0.75}[:rows]
			tb.layerNormGrad(nil, x[0][:cols], x[1][:cols], x[2], x[3][:cols], mean, rstd, x[3], cols)
			return nil
		}, 16, true, false},
		{"rmsNorm", 3, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			rstd := make([]T, rows)
			tb.rmsNorm(x[0], x[1], x[2][:cols], rstd, cols, 0.125)
			return rstd
		}, 8, true, false},
		{"rmsNorm without weights", 2, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			rstd := make([]T, rows)
			tb.rmsNorm(x[0], x[1], nil, rstd, cols, 0.125)
			return rstd
		}, 8, true, true},
		{"rmsNormGrad", 5, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			tb.rmsNormGrad(x[0], x[1][:cols], x[2], x[3][:cols], []T{1.5, 0.75}[:rows], x[4], cols)
			return nil
		}, 16, true, false},
		{"rmsNormGrad without weights", 3, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			tb.rmsNormGrad(x[0], nil, x[1], nil, []T{1.5, 0.75}[:rows], x[2], cols)
			return nil
		}, 16, true, false},
		{"rmsNormGrad of weights", 4, func(tb *table[T], x [][]T) []T {
			rows, cols := matrix(x[0])
			tb.rmsNormGrad(nil, x[0][:cols], x[1], x[2][:cols], []T{1.5, 0.75}[:rows], x[3], cols)
			return nil
		}, 16, true, false},
		{"sumRows", 2, func(tb *table[T], x [][]T) []T {
			rows := 1 + len(x[0])%19
			cols := len(x[0]) / rows
			tb.sumRows(x[0][:cols], x[1], cols, rows)
			return nil
		}, 4, true, false},
		{"sumRows apart", 2, func(tb *table[T], x [][]T) []T {
			rows := 1 + len(x[0])%11
			ld := len(x[0]) / rows
			tb.sumRows(x[0][:ld/2], x[1], ld, rows)
			return nil
		}, 4, true, false},
		{"adamW", 4, func(tb *table[T], x [][]T) []T {
			tb.mul(x[3], x[3], x[3])
			tb.adamW(x[0], x[1], x[2], x[3], adamCoefs[T]{0.5, 0.125, 0.75, 0.25, 0.875, 0.125, 0.9375, 0.01, 2, 1e-8})
			return nil
		}, 8, true, false},
		{"momentum", 3, func(tb *table[T], x [][]T) []T {
			tb.momentum(x[0], x[1], x[2], momentumCoefs[T]{0.5, 0.125, 0.75, 0.25, 0.0625})
			return nil
		}, 4, true, false},
		{"addSquares", 2, func(tb *table[T], x [][]T) []T { return []T{tb.addSquares(x[0], x[1])} }, 4, true, false},
		{"dotSquares", 2, func(tb *table[T], x [][]T) []T { return []T{tb.dotSquares(x[0], x[1])} }, 4, true, false},
		{"mixMul", 3, func(tb *table[T], x [][]T) []T { tb.mixMul(x[0], x[1], x[2], 0.75, -0.5); return nil }, 4, true, false},
		{"dropout", 2, func(tb *table[T], x [][]T) []T {
			tb.dropout(x[0], x[1], splitMixEnd(7), 3<<62, 1.25)
			return []T{0} // a value's fate hangs on its place
		}, 0, false, true},
		{"rope", 2, func(tb *table[T], x [][]T) []T {
			heads := 1 + len(x[0])%3
			half := len(x[0]) / (2 * heads)
			n := 2 * half * heads
			tb.rope(x[0][:n], x[1][:n], slices.Clone(x[1][:2*half]), half, heads, -1)
			clear(x[0][n:])
			return nil
		}, 4, true, true},
	}...)
}

// matrix cuts a slice of even length into two rows, an odd one into one.
func matrix[T Float](x []T) (rows, cols int) {
	switch n := len(x); {
	case n == 0:
		return 0, 0
	case n%2 == 0:
		return 2, n / 2
	default:
		return 1, n
	}
}

// probedElsewhere are the functions of the matrix product, which have tests of
// their own for every variant.
var probedElsewhere = []string{"micro", "microAhead", "packB", "copyRows", "dots"}

func TestEveryTableFunctionIsProbed(t *testing.T) {
	named := slices.Clone(probedElsewhere)
	for _, p := range probes[float32]() {
		name, _, _ := strings.Cut(p.name, " ")
		named = append(named, name)
	}
	for f := range reflect.TypeFor[table[float32]]().Fields() {
		if f.Type.Kind() == reflect.Func {
			require.Contains(t, named, f.Name, "has no row in probes")
		}
	}
}

func TestVariants(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Run("float32", func(t *testing.T) { testVariant(t, v, func(v *variant) *table[float32] { return &v.f32 }) })
			t.Run("float64", func(t *testing.T) { testVariant(t, v, func(v *variant) *table[float64] { return &v.f64 }) })
		})
	}
}

func testVariant[T Float](t *testing.T, v variant, tableIn func(*variant) *table[T]) {
	use(t, v)
	vs := variants()
	plain := &vs[len(vs)-1]
	exact := probes[float64]()
	sizes := []int{255, 1025, 3000}
	for n := range 68 {
		sizes = append(sizes, n)
	}
	for i, p := range probes[T]() {
		r := rng(40)
		for _, n := range sizes {
			for _, rare := range []bool{false, true} {
				in := operands[T](r, p.slices, n, rare, p.sums)
				got, loose := run(t, &v, tableIn(&v), p, in)
				same, sameLoose := run(t, plain, tableIn(plain), p, in)
				want, wantLoose := same, sameLoose
				if !rare { // a reference that float32's range does not bend
					wide := make([][]float64, len(in))
					for k := range in {
						wide[k] = widen(in[k])
					}
					w, l := run(t, plain, &plain.f64, exact[i], wide)
					want, wantLoose = make([][]T, len(w)), round[T](l)
					for k := range w {
						want[k] = round[T](w[k])
					}
				}
				for k := range got {
					held(t, p, n, want[k], same[k], got[k])
				}
				held(t, p, n, wantLoose, sameLoose, loose)
				if p.inPlace {
					for k := 1; k < p.slices; k++ {
						aliased(t, &v, tableIn(&v), p, in, k, got[0])
					}
				}
				if !p.sums && n > 1 && len(loose) == 0 {
					// A result does not depend on where in the vector it stands.
					at := r.IntN(n)
					one := make([][]T, len(in))
					for k := range in {
						one[k] = in[k][at : at+1]
					}
					alone, _ := run(t, &v, tableIn(&v), p, one)
					for k := range alone {
						sameBits(t, got[k][at:at+1], alone[k], "%s alone, n=%d", p.name, n)
					}
				}
			}
		}
	}
}

// held compares with the reference, and where the reference is not exact for
// T with the portable variant.
func held[T Float](t *testing.T, p probe[T], n int, want, same, got []T) {
	t.Helper()
	tol := p.tol * epsilon[T]()
	if p.sums {
		tol *= 1 + math.Sqrt(float64(n))
	}
	for i := range got {
		if p.tol == 0 {
			if got[i] != same[i] && (got[i] == got[i] || same[i] == same[i]) || math.Signbit(float64(got[i])) != math.Signbit(float64(same[i])) && got[i] == got[i] {
				require.Failf(t, "not the portable bits", "%s n=%d [%d]: got %v, want %v", p.name, n, i, got[i], same[i])
			}
			continue
		}
		near(t, want[i], got[i], tol, "%s n=%d [%d]", p.name, n, i)
	}
}

// rareValues are where a function may go a way of its own.
func rareValues[T Float](sums bool) []T {
	tiny, normal, top := math.SmallestNonzeroFloat32, 0x1p-126, math.MaxFloat32
	if !single[T]() {
		tiny, normal, top = math.SmallestNonzeroFloat64, 0x1p-1022, math.MaxFloat64
	}
	all := []float64{0, math.Copysign(0, -1), tiny, -tiny, 3 * tiny, normal, -normal / 2, 1e-20,
		math.NaN(), math.Inf(1), math.Inf(-1)}
	if !sums {
		all = append(all, -88, 88.72, 88.73, 89.1, -87.4, -103.9, -104.1, -200, 709.7, 709.8, -708.3, -745.2, -746,
			4, -4.01, 7.9, -7.95, 9, 1e30, -1e30, top, -top)
	}
	return round[T](all)
}

func round[T Float](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

func operands[T Float](r *rand.Rand, count, n int, rare, sums bool) [][]T {
	in := make([][]T, count)
	values := rareValues[T](sums)
	for k := range in {
		in[k] = randn[T](r, n)
		for i := range in[k] {
			if rare && r.IntN(6) == 0 {
				in[k][i] = values[r.IntN(len(values))]
			}
		}
	}
	return in
}

// run calls p with copies of the operands at uneven places, wants what lies
// around them left alone, and returns them as they are then.
func run[T Float](t *testing.T, v *variant, tb *table[T], p probe[T], in [][]T) (out [][]T, loose []T) {
	t.Helper()
	old := active
	active = *v
	defer func() { active = old }()
	const guard, mark = 17, 12345
	out = make([][]T, len(in))
	whole := make([][]T, len(in))
	for k := range in {
		n, at := len(in[k]), guard+(k+len(in[k]))%5
		whole[k] = make([]T, at+n+guard)
		fill(whole[k], mark)
		out[k] = whole[k][at : at+n : at+n]
		copy(out[k], in[k])
	}
	loose = p.call(tb, out)
	for k := range in {
		n, at := len(in[k]), guard+(k+len(in[k]))%5
		for i, w := range whole[k] {
			if (i < at || i >= at+n) && w != mark {
				require.Failf(t, "writes outside", "%s n=%d operand %d [%d]", p.name, n, k, i-at)
			}
		}
	}
	return out, loose
}

// aliased calls p with its first operand in the place of operand k.
func aliased[T Float](t *testing.T, v *variant, tb *table[T], p probe[T], in [][]T, k int, want []T) {
	t.Helper()
	old := active
	active = *v
	defer func() { active = old }()
	x := make([][]T, len(in))
	for i := range in {
		x[i] = slices.Clone(in[i])
	}
	x[0] = x[k]
	p.call(tb, x)
	sameBits(t, want, x[k], "%s in the place of operand %d, n=%d", p.name, k, len(want))
}
