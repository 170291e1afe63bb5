//go:build unix

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// fences lay operands out against pages that nobody may touch, so that a
// kernel which reads or writes beyond a slice is caught at once. Each
// [fences.try] uses the same memory again.
type fences struct {
	t     *testing.T
	regs  [][]byte
	next  int
	after bool // slices end at the page behind them, rather than begin after the one before
}

const fenceBytes = 1 << 18

func newFences(t *testing.T) *fences {
	if raceEnabled {
		t.Skip("slow under the race detector, which does not look into assembly")
	}
	// In one goroutine a fault becomes a panic, and that names the operands.
	procs := runtime.GOMAXPROCS(1)
	onFault := debug.SetPanicOnFault(true)
	f := &fences{t: t}
	t.Cleanup(func() {
		runtime.GOMAXPROCS(procs)
		debug.SetPanicOnFault(onFault)
		for _, b := range f.regs {
			require.NoError(t, syscall.Munmap(b))
		}
	})
	return f
}

// fenced returns n zeros between fences.
func fenced[T any](f *fences, n int) []T {
	page := os.Getpagesize()
	if f.next == len(f.regs) {
		b, err := syscall.Mmap(-1, 0, fenceBytes+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		require.NoError(f.t, err)
		require.NoError(f.t, syscall.Mprotect(b[:page], syscall.PROT_NONE))
		require.NoError(f.t, syscall.Mprotect(b[page+fenceBytes:], syscall.PROT_NONE))
		f.regs = append(f.regs, b)
	}
	inner := f.regs[f.next][page : page+fenceBytes]
	f.next++
	var zero T
	bytes := n * int(unsafe.Sizeof(zero))
	require.LessOrEqual(f.t, bytes, fenceBytes)
	if f.after {
		inner = inner[fenceBytes-bytes:]
	}
	if n == 0 {
		return nil
	}
	s := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(inner))), n)
	clear(s)
	return s
}

// random returns n normal numbers between fences.
func random[T Float](f *fences, r *rand.Rand, n int) []T {
	s := fenced[T](f, n)
	for i := range s {
		s[i] = T(r.NormFloat64())
	}
	return s
}

// try runs call with slices at either fence.
func (f *fences) try(name string, call func()) {
	f.t.Helper()
	for _, f.after = range []bool{false, true} {
		f.next = 0
		func() {
			defer func() {
				if v := recover(); v != nil {
					f.t.Fatalf("%s, fence behind %v: %v", name, f.after, v)
				}
			}()
			call()
		}()
	}
}

func eachVariantFenced(t *testing.T, f func(t *testing.T, fe *fences)) {
	eachVariant(t, func(t *testing.T) { f(t, newFences(t)) })
}

func TestFunctionsStayInside(t *testing.T) {
	eachVariantFenced(t, func(t *testing.T, f *fences) {
		probesStayInside[float32](f)
		probesStayInside[float64](f)
	})
}

func probesStayInside[T Float](f *fences) {
	r := rng(50)
	for _, p := range probes[T]() {
		for n := range 140 {
			f.try(fmt.Sprintf("%s n=%d", p.name, n), func() {
				x := make([][]T, p.slices)
				for k := range x {
					x[k] = random[T](f, r, n)
				}
				p.call(tableOf[T](), x)
			})
		}
	}
}

func TestProductsStayInside(t *testing.T) {
	eachVariantFenced(t, func(t *testing.T, f *fences) {
		productsStayInside[float32](f)
		productsStayInside[float64](f)
	})
}

func productsStayInside[T Float](f *fences) {
	r := rng(51)
	side := func() int { return 1 + r.IntN([]int{4, 20, 40, 130}[r.IntN(4)]) }
	// A matrix that ends with its last element.
	matrix := func(rows, cols, kind int) ([]T, int, int) {
		_, rs, cs := layout(rows, cols, kind)
		return random[T](f, r, (rows-1)*rs+(cols-1)*cs+1), rs, cs
	}
	for range 400 {
		m, n, k, ka, kb := side(), side(), side(), r.IntN(5), r.IntN(5)
		beta, fused := T(r.IntN(3))/2, r.IntN(2) == 0
		f.try(fmt.Sprintf("%d×%d×%d, a %d, b %d, beta %v, fused %v", m, n, k, ka, kb, beta, fused), func() {
			a, ar, ac := matrix(m, k, ka)
			b, br, bc := matrix(k, n, kb)
			c, cr, _ := matrix(m, n, r.IntN(2))
			was := append([]T(nil), c...)
			var e *Epilogue[T]
			if fused {
				e = &Epilogue[T]{Act: ActNone}
				e.Bias, _, _ = matrix(1, n, 0)
				e.Pre, e.PreRow, _ = matrix(m, n, 1)
				e.Residual, e.ResRow, _ = matrix(m, n, 0)
			}
			GemmEpilogue(m, n, k, a, ar, ac, b, br, bc, beta, c, cr, e)
			for at, got := range c {
				i, j := at/cr, at%cr
				if j >= n {
					require.Equal(f.t, was[at], got, "written between rows")
					continue
				}
				want, size := product64(k, a, ar, ac, b, br, bc, i, j)
				want += float64(beta) * float64(was[at])
				if fused {
					want += float64(e.Bias[j]) + float64(e.Residual[i*e.ResRow+j])
				}
				require.InDelta(f.t, want, float64(got), 16*epsilon[T]()*math.Sqrt(float64(k+1))*(size+8), "C(%d,%d)", i, j)
			}
		})
	}
}

func TestStoredStaysInside(t *testing.T) {
	eachVariantFenced(t, func(t *testing.T, f *fences) {
		r := rng(52)
		for s := range numStorages {
			for i := range 300 {
				m, n := 1+r.IntN(10), 1+r.IntN(40)
				k := (1 + r.IntN(200/storages[s].values)) * storages[s].values
				if i%30 == 0 { // long rows
					n, k = 1+n%6, 4096+k
				}
				f.try(fmt.Sprintf("storage %d, %d×%d×%d", s, m, n, k), func() {
					w, ldx, ldy := fenced[byte](f, s.Bytes(n*k)), k+r.IntN(2), n+r.IntN(2)
					Narrow(s, w, random[float32](f, r, n*k))
					x, y := random[float32](f, r, (m-1)*ldx+k), fenced[float32](f, (m-1)*ldy+n)
					LinearStored(s, m, n, k, x, ldx, w, y, ldy, &Epilogue[float32]{Bias: random[float32](f, r, n)})
					Widen(s, random[float32](f, r, n*k), w)
				})
			}
		}
	})
}

func TestAttentionStaysInside(t *testing.T) {
	eachVariantFenced(t, func(t *testing.T, f *fences) {
		attentionStaysInside[float32](f)
		attentionStaysInside[float64](f)
	})
}

func attentionStaysInside[T Float](f *fences) {
	r := rng(53)
	for range 120 {
		kv := 1 + r.IntN(2)
		p := &Attn{
			Batch: 1 + r.IntN(2), Heads: kv * (1 + r.IntN(3)), KVHeads: kv,
			Queries: 1 + r.IntN(2)*r.IntN(80), Keys: 1 + r.IntN(150), Dim: 1 + r.IntN(40), Scale: 0.3,
		}
		kind := []string{"none", "causal", "random", "shared", "random shared"}[r.IntN(5)]
		p.Lo, p.Hi = masks(kind, p)
		if strings.Contains(kind, "shared") {
			p.Shared = sharedKeys(kind, p)
		}
		f.try(fmt.Sprintf("%+v", *p), func() {
			nq, nk := p.Batch*p.Queries*p.Heads*p.Dim, p.Batch*p.Keys*p.KVHeads*p.Dim
			q, k, v := random[T](f, r, nq), random[T](f, r, nk), random[T](f, r, nk)
			o, lse, do := fenced[T](f, nq), fenced[T](f, p.Batch*p.Heads*p.Queries), random[T](f, r, nq)
			Attention(p, o, lse, q, k, v)
			AttentionGrad(p, AttnFresh{}, fenced[T](f, nq), fenced[T](f, nk), fenced[T](f, nk), q, k, v, o, lse, do)
		})
	}
}
