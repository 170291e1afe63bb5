package tensor

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var errTest = errors.New("test")

func TestSizeClasses(t *testing.T) {
	check := func(n int) {
		c := classOf(n)
		require.GreaterOrEqual(t, c, 0)
		require.Less(t, c, numClasses)
		size := classBytes(c)
		require.GreaterOrEqual(t, size, n)
		require.Zero(t, size%16)
		require.Positive(t, size+alignment, "does not overflow")
		if n > alignment {
			require.LessOrEqual(t, float64(size-n), 0.25*float64(n), "%d bytes in %d", n, size)
			require.Less(t, classBytes(c-1), n, "no smaller class holds it")
		}
	}
	for n := range 5000 {
		check(n)
	}
	for shift := 6; shift < 62; shift++ {
		for d := -2; d <= 2; d++ {
			check(1<<shift + d)
		}
	}
	check(mostElements * 8)
	r := rand.New(rand.NewPCG(1, 2))
	for range 10000 {
		check(r.IntN(1 << (7 + r.IntN(50))))
	}
}

// stale requires that f panics with a *ReleasedError of the given text.
func stale(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		var re *ReleasedError
		err, _ := recover().(error)
		require.ErrorAs(t, err, &re)
		require.EqualError(t, err, want)
	}()
	f()
}

func TestStaleUseIsCaught(t *testing.T) {
	live := New(Float32, 2, 3)
	cond := New(Bool, 2, 3)
	uses := map[string]func(x *Tensor){
		"data":        func(x *Tensor) { Data[float32](x) },
		"bytes":       func(x *Tensor) { Bytes(x) },
		"span":        func(x *Tensor) { Span[float32](x) },
		"at":          func(x *Tensor) { x.At(0, 0) },
		"item":        func(x *Tensor) { x.Item() },
		"reshape":     func(x *Tensor) { x.Reshape(6) },
		"permute":     func(x *Tensor) { x.Permute(1, 0) },
		"transpose":   func(x *Tensor) { x.Transpose(0, 1) },
		"slice":       func(x *Tensor) { x.Slice(0, 0, 1) },
		"expand":      func(x *Tensor) { x.Expand(2, 2, 3) },
		"unsqueeze":   func(x *Tensor) { x.Unsqueeze(0) },
		"copy":        func(x *Tensor) { x.Clone() },
		"cast":        func(x *Tensor) { x.Cast(Float64) },
		"fill":        func(x *Tensor) { Fill(x, 1) },
		"add":         func(x *Tensor) { AddTo(x, live) },
		"sub":         func(x *Tensor) { Sub(live, x) },
		"mul":         func(x *Tensor) { Mul(x, live) },
		"add scaled":  func(x *Tensor) { AddScaled(x, live, 2) },
		"exp":         func(x *Tensor) { Exp(x) },
		"scale":       func(x *Tensor) { ScaleTo(x, 2) },
		"matmul":      func(x *Tensor) { MatMul(x, live.Transpose(0, 1)) },
		"sum":         func(x *Tensor) { Sum(x) },
		"sum to":      func(x *Tensor) { SumTo(x, 3) },
		"mean":        func(x *Tensor) { Mean(x) },
		"max":         func(x *Tensor) { Max(x, 0) },
		"softmax":     func(x *Tensor) { Softmax(x, 0) },
		"log sum exp": func(x *Tensor) { LogSumExp(x, 0) },
		"cumsum":      func(x *Tensor) { CumSum(x, 0) },
		"all finite":  func(x *Tensor) { AllFinite(x) },
		"gather":      func(x *Tensor) { Gather(x, 0, New(Int32, 2, 3)) },
		"scatter add": func(x *Tensor) { ScatterAdd(live, 0, New(Int32, 2, 3), x) },
		"concat":      func(x *Tensor) { Concat(0, live, x) },
		"less":        func(x *Tensor) { Less(live, x) },
		"where":       func(x *Tensor) { Where(cond, live, x) },
		"masked fill": func(x *Tensor) { MaskedFill(x, cond, 1) },
		"sort":        func(x *Tensor) { Sort(x, true) },
		"top k":       func(x *Tensor) { TopK(x, 1) },
		"free":        func(x *Tensor) { new(Arena).Free(x) },
		"contiguous":  func(x *Tensor) { x.Contiguous() },
	}
	for op, use := range uses {
		a := new(Arena)
		x := a.New(Float32, 2, 3)
		v := x.Transpose(0, 1).Transpose(0, 1)
		for how, release := range map[string]func(){
			"free":  func() { a.Free(x) },
			"reset": a.Reset,
			"close": a.Close,
			"reuse": func() { a.Reset(); a.New(Float32, 2, 3) },
		} {
			a.Reset()
			x = a.New(Float32, 2, 3)
			v = x.Transpose(0, 1).Transpose(0, 1)
			release()
			require.False(t, x.Valid(), how)
			for _, y := range []*Tensor{x, v} {
				stale(t, op+": float32 tensor [2 3] was released by its arena; Clone or Detach what must outlive a step", func() { use(y) })
				require.Equal(t, "float32[2 3] (released)", y.String())
			}
		}
	}
}

func TestArenaReuse(t *testing.T) {
	a := new(Arena)
	x, y := a.New(Float32, 100), a.New(Float64, 50)
	st := x.st
	now, peak := a.Bytes()
	require.Equal(t, [2]int{896, 896}, [2]int{now, peak})
	a.Free(x)
	require.True(t, y.Valid(), "only one buffer was released")
	z := a.New(Int8, 400)
	require.Same(t, st, z.st, "the buffer is used again")
	require.Equal(t, 400, len(Data[int8](z)))
	a.Free(y)
	a.Free(z)
	now, peak = a.Bytes()
	require.Equal(t, [2]int{0, 896}, [2]int{now, peak})

	heap := New(Float32, 1)
	a.Free(heap)
	require.True(t, heap.Valid(), "the heap is never released")
	require.Empty(t, Data[float32](a.New(Float32, 0)))
	require.Equal(t, 1, a.New(Float32).Len())
}

func TestChildArena(t *testing.T) {
	a := new(Arena)
	c := a.Child()
	x, y := a.New(Float32, 8), c.New(Float32, 8)
	require.Same(t, c, Add(x, y).st.arena, "a result lives where its shortest-lived operand lives")
	require.Same(t, c, Add(y, x).st.arena)
	require.Same(t, a, Add(x, New(Float32, 8)).st.arena)
	require.Nil(t, Add(New(Float32, 8), New(Float32, 8)).st.arena)
	require.Same(t, c, Where(New(Bool, 8), x, y).st.arena)
	require.Same(t, c, Concat(0, x, y).st.arena)
	st := y.st
	c.Reset()
	require.True(t, x.Valid())
	require.False(t, y.Valid())
	var found bool
	for range 8 { // y's and the results' buffers
		found = found || a.New(Float32, 8).st == st
	}
	require.True(t, found, "what a child releases serves its parent")
	c.Free(x)
	require.False(t, x.Valid(), "a child may free its parent's")
	y = c.New(Float32, 8)
	now, _ := a.Bytes()
	require.Positive(t, now, "a parent counts its child's bytes")
	c.Close()
	require.False(t, y.Valid())
	a.Close()
	now, _ = a.Bytes()
	require.Zero(t, now)
	require.Equal(t, 4, a.New(Float32, 4).Len(), "a closed arena may be used again")
}

func TestCloneOutlivesArena(t *testing.T) {
	a := &Arena{Poison: true}
	x := a.New(Float32, 3)
	Fill(x, 2)
	held := Data[float32](x)
	c := x.Transpose(0, 0).Clone()
	a.Reset()
	near(t, Full(Float32, 2, 3), c)
	require.True(t, math.IsNaN(float64(held[1])), "poison shows a raw slice that was kept")
	d := a.New(Float64, 3)
	held64 := Data[float64](d)
	a.Free(d)
	require.True(t, math.IsNaN(held64[0]))
}

func TestClosedArenasFeedOthers(t *testing.T) {
	var a, b Arena
	x := a.New(Float32, 12345)
	st := x.st
	a.Close()
	y := b.New(Float32, 12345)
	for y.st != st && shared.bytes > 0 && len(shared.free[st.class]) > 0 {
		y = b.New(Float32, 12345)
	}
	require.Same(t, st, y.st)
	require.False(t, x.Valid())
}

// A step whose shapes do not change allocates headers and nothing else.
func TestSteadyState(t *testing.T) {
	a := new(Arena)
	w := New(Float32, 64, 64)
	step := func() {
		x := a.New(Float32, 128, 64)
		y := MatMul(x, w)
		z := Add(y, SumTo(y, 64))
		a.Free(y)
		Softmax(z, 1)
		a.Reset()
	}
	for range 5 {
		step()
	}
	before, _ := peakAndLive(a)
	allocs := testing.AllocsPerRun(50, step)
	require.LessOrEqual(t, allocs, 25.0)
	after, live := peakAndLive(a)
	require.Equal(t, before, after, "no new buffers")
	require.Zero(t, live)
	require.LessOrEqual(t, testing.AllocsPerRun(50, func() { a.New(Float32, 4, 5); a.Reset() }), 1.0, "the header")
}

// peakAndLive returns how many buffers the arena holds, and how many are out.
func peakAndLive(a *Arena) (all, live int) {
	for _, l := range a.lists.free {
		all += len(l)
	}
	return all + len(a.live), len(a.live)
}
