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

type adder []float64

func (x *adder) Run(lo, hi int) {
	for i := lo; i < hi; i++ {
		(*x)[i]++
	}
}

func TestAllocations(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		x := adder(make([]float64, 64))
		kept := testing.AllocsPerRun(200, func() { Do(len(x), 4, &x) })
		require.Zero(t, kept)
		closure := testing.AllocsPerRun(200, func() { For(len(x), 4, func(lo, hi int) { x.Run(lo, hi) }) })
		require.LessOrEqual(t, closure, 1.0)
	})
}

// awaitParked returns once the workers have found nothing to do for so long
// that all are asleep.
func awaitParked(t *testing.T) {
	require.Eventually(t, func() bool { return parked.Load() == workers.Load() }, time.Minute, time.Millisecond)
}

// Loops that follow each other, with pauses in which workers fall asleep or
// are about to.
func TestForAfterIdling(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var total atomic.Int64
		for i := range 300 {
			For(8, 1, func(lo, hi int) { total.Add(1) })
			for start := time.Now(); time.Since(start) < time.Duration(i%5)*patience/2; {
			}
			if i%50 == 0 {
				awaitParked(t)
			}
		}
		require.EqualValues(t, 300*8, total.Load())
	})
}

// A caller that has no chunk left waits for one that takes long, asleep.
func TestForWaitsForLongChunks(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		var total atomic.Int64
		For(2, 1, func(lo, hi int) {
			if lo == 1 {
				for start := time.Now(); time.Since(start) < 5*patience; {
				}
			}
			total.Add(1)
		})
		require.EqualValues(t, 2, total.Load())
	})
}

// Goroutines that have nothing to do with loops get their turn while workers
// look for jobs.
func TestWorkersYield(t *testing.T) {
	withProcs(t, func(t *testing.T) {
		ping, pong := make(chan int), make(chan int)
		go func() {
			for i := range ping {
				pong <- i
			}
			close(pong)
		}()
		for i := range 200 {
			For(16, 1, func(lo, hi int) {})
			ping <- i
			require.Equal(t, i, <-pong)
		}
		close(ping)
		<-pong
	})
}

func BenchmarkFor(b *testing.B) {
	body := func(lo, hi int) {}
	for _, chunks := range []int{1, 2, 16} {
		b.Run(fmt.Sprint("chunks=", chunks), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				For(chunks, 1, body)
			}
		})
	}
	// A pause between loops, as a step of training has it.
	b.Run("work=10µs,pause=5µs", func(b *testing.B) {
		spend := func(d time.Duration) {
			for start := time.Now(); time.Since(start) < d; {
			}
		}
		for b.Loop() {
			For(10, 1, func(lo, hi int) { spend(time.Microsecond) })
			spend(5 * time.Microsecond)
		}
	})
}
