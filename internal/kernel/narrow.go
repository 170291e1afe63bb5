package kernel

import (
	"fmt"
	"sync"

	"github.com/noema-ml/noema/internal/parallel"
)

// Storage is a type that weights are stored in, narrower than the float32 that
// they are multiplied in: reading them is what a product of few rows costs.
// Another block-quantised type is a constant, a row in storages and its
// functions in [stored].
type Storage uint8

const (
	BFloat16 Storage = iota // the upper half of a float32
	Float16                 // IEEE 754 binary16
	Q8                      // GGUF's Q8_0: see quantiseQ8
	numStorages
)

// storages are the values of a block and the bytes that they take.
var storages = [numStorages]struct{ values, bytes int }{
	BFloat16: {1, 2}, Float16: {1, 2}, Q8: {q8Values, q8Bytes},
}

// Bytes returns what n values take; n is a multiple of a block.
func (s Storage) Bytes(n int) int { return n / storages[s].values * storages[s].bytes }

// stored is how weights of one storage type are read. Like [table] it has a
// portable variant, and a tier sets what it improves.
type stored struct {
	widen  func(dst []float32, src []byte)
	narrow func(dst []byte, src []float32)
	// dots sets out[i*ldo+j] to the product of row i < m of x and row j < n of
	// w, k terms each and ldw bytes apart.
	dots func(m, n, k int, x []float32, ldx int, w []byte, ldw int, out []float32, ldo int)
	// quantise, if there is one, turns a row of x into what dots takes as such;
	// a block of k terms becomes q8Row words of 32 bits.
	quantise func(dst, src []float32)
}

func portableStored() [numStorages]stored {
	return [numStorages]stored{
		BFloat16: {widenHalf(FromBFloat16), narrowHalf(ToBFloat16), dotsHalf(FromBFloat16), nil},
		Float16:  {widenHalf(FromFloat16), narrowHalf(ToFloat16), dotsHalf(FromFloat16), nil},
		Q8:       {widenQ8, narrowQ8, dotsQ8, quantiseQ8},
	}
}

// Widen sets dst to the values in src.
func Widen(s Storage, dst []float32, src []byte) {
	active.stored[s].widen(dst, src[:s.Bytes(len(dst))])
}

// Narrow stores src, rounded to nearest, in dst.
func Narrow(s Storage, dst []byte, src []float32) {
	active.stored[s].narrow(dst[:s.Bytes(len(src))], src)
}

const (
	fewRows    = 8       // products of up to this many rows read the stored weights once
	storedTile = 1 << 13 // bytes of them for several rows, to stay in the first-level cache
	storedRun  = 1 << 17 // and for one row: assembly cannot be preempted
	widePanel  = 1 << 17 // weights that are widened at a time for more rows
)

// LinearStored sets Y = X·Wᵀ, followed by e if it is not nil, for X [m, k], W
// [n, k] in dense rows and Y [m, n]. For up to 8 rows the weights are widened in
// registers; a Q8 product also rounds X to 8 bits there, a block at a time, so
// that an element of Y is off by at most Σ |w|·max|x|/254 over its blocks
// (max|x| is the block's), and is NaN or infinite where X is. More rows widen
// a panel of W at a time.
func LinearStored(s Storage, m, n, k int, x []float32, ldx int, w []byte, y []float32, ldy int, e *Epilogue[float32]) {
	if k%storages[s].values != 0 {
		panic(fmt.Sprintf("kernel: rows of %d values are not whole blocks", k))
	}
	if m <= 0 || n <= 0 {
		return
	}
	if m > fewRows {
		linearWide(s, m, n, k, x, ldx, w, y, ldy, e)
		return
	}
	t := &active.stored[s]
	if t.quantise != nil {
		words := k / q8Values * q8Row
		buf := grab[float32](m * words)
		defer buf.drop()
		for i := range m {
			t.quantise(buf.s[i*words:(i+1)*words], x[i*ldx:i*ldx+k])
		}
		x, ldx = buf.s, words
	}
	ldw := s.Bytes(k)
	l := linears.Get().(*linearStored)
	*l = linearStored{t: t, m: m, k: k, ldx: ldx, ldw: ldw, ldy: ldy, x: x, w: w, y: y, fused: e != nil}
	if e != nil {
		l.end = *e
	}
	chunks := max(1, n*ldw/fewChunk(n*ldw))
	parallel.Do(n, roundUp(ceilDiv(n, chunks), 4), l)
	*l = linearStored{}
	linears.Put(l)
}

// linearStored is one call of LinearStored for few rows. It is pooled and is
// its own task, so a call allocates nothing.
type linearStored struct {
	t                   *stored
	m, k, ldx, ldw, ldy int
	x                   []float32
	w                   []byte
	y                   []float32
	fused               bool
	end                 Epilogue[float32] // if fused
}

var linears = sync.Pool{New: func() any { return new(linearStored) }}

// Run computes columns [lo, hi) of y.
func (l *linearStored) Run(lo, hi int) {
	tile := storedTile
	if l.m == 1 {
		tile = storedRun
	}
	step := max(4, tile/max(1, l.ldw)&^3)
	for j := lo; j < hi; j += step {
		n := min(step, hi-j)
		l.t.dots(l.m, n, l.k, l.x, l.ldx, l.w[j*l.ldw:(j+n)*l.ldw], l.ldw, l.y[j:], l.ldy)
	}
	if l.fused {
		l.end.finish(&active.f32, 0, l.m, lo, hi, l.y, l.ldy)
	}
}

func linearWide(s Storage, m, n, k int, x []float32, ldx int, w []byte, y []float32, ldy int, e *Epilogue[float32]) {
	ldw := s.Bytes(k)
	fused := e != nil
	var end Epilogue[float32] // a copy, so that the caller's stays on its stack
	if fused {
		end = *e
	}
	parallel.For(n, max(32, widePanel/max(1, k)&^31), func(lo, hi int) {
		panel := grab[float32]((hi - lo) * k)
		defer panel.drop()
		Widen(s, panel.s, w[lo*ldw:])
		Gemm(m, hi-lo, k, x, ldx, 1, panel.s, 1, k, 0, y[lo:], ldy)
		if fused {
			end.finish(&active.f32, 0, m, lo, hi, y, ldy)
		}
	})
}
