package parallel

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withProcs runs f under several values of GOMAXPROCS and fails, with all
// stacks, if one of them does not end.
func withProcs(t *testing.T, f func(t *testing.T)) {
	for _, procs := range []int{1, 2, 4, 9} {
		t.Run(fmt.Sprint("procs=", procs), func(t *testing.T) {
			old := runtime.GOMAXPROCS(procs)
			defer runtime.GOMAXPROCS(old)
			timer := time.AfterFunc(time.Minute, func() {
				buf := make([]byte, 1<<20)
				panic("deadlock:\n" + string(buf[:runtime.Stack(buf, true)]))
			})
			defer timer.Stop()
			f(t)
		})
	}
}

func TestForCoversEachIndexOnce(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		for _, n := range []int{-1, 0, 1, 2, 7, 64, 1000} {
			for _, grain := range []int{-3, 0, 1, 3, 64, 5000} {
				count := make([]atomic.Int32, max(n, 0))
				For(n, grain, func(lo, hi int) {
					g := max(grain, 1)
					if lo%g != 0 || hi != min(n, lo+g) {
						t.Errorf("n=%d grain=%d: chunk [%d, %d)", n, grain, lo, hi)
					}
					for i := lo; i < hi; i++ {
						count[i].Add(1)
					}
				})
				for i := range count {
					require.EqualValues(t, 1, count[i].Load(), "n=%d grain=%d i=%d", n, grain, i)
				}
			}
		}
	})
}

func TestForNests(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var total atomic.Int64
		for range 50 {
			For(13, 1, func(lo, hi int) {
				For(7, 2, func(lo, hi int) {
					For(5, 1, func(lo, hi int) { total.Add(int64(hi - lo)) })
				})
			})
		}
		// Chunks of the middle loop: 4 of the outer's 13.
		require.EqualValues(t, 50*13*4*5, total.Load())
	})
}

func TestForFromManyGoroutines(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var total atomic.Int64
		done := make(chan bool)
		for range 16 {
			go func() {
				for range 100 {
					For(9, 2, func(lo, hi int) {
						For(3, 1, func(int, int) {})
						total.Add(int64(hi - lo))
					})
				}
				done <- true
			}()
		}
		for range 16 {
			<-done
		}
		require.EqualValues(t, 16*100*9, total.Load())
	})
}

func TestForRaisesPanicInCaller(t *testing.T) {
	boom := errors.New("boom")
	withProcs(t, func(t *testing.T) {
		for _, at := range []int{0, 5, 99} {
			require.PanicsWithValue(t, boom, func() {
				For(100, 1, func(lo, hi int) {
					For(4, 1, func(l, h int) {
						if lo == at && l == 3 {
							panic(boom)
						}
					})
				})
			})
			var ran atomic.Int32
			For(100, 1, func(lo, hi int) { ran.Add(1) }) // the pool is whole again
			require.EqualValues(t, 100, ran.Load())
		}
	})
}

func TestForAllocates(t *testing.T) {
	old := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(old)
	var x [64]float64
	per := testing.AllocsPerRun(200, func() {
		For(len(x), 4, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				x[i]++
			}
		})
	})
	require.LessOrEqual(t, per, 1.0)
}

func BenchmarkFor(b *testing.B) {
	for _, chunks := range []int{1, 2, 16} {
		b.Run(fmt.Sprint("chunks=", chunks), func(b *testing.B) {
			body := func(lo, hi int) {}
			for b.Loop() {
				For(chunks, 1, body)
			}
		})
	}
}
