// Package parallel splits a loop over the cores of the machine.
//
// There is one function, [For]. How a loop is cut into chunks depends on its
// length and grain alone, never on the number of cores, so a body whose chunks
// write to disjoint places gives the same bits for every GOMAXPROCS.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// For calls body for the chunks [i*grain, min(n, (i+1)*grain)) of [0, n), each
// once, in any order and possibly at the same time, and returns when all are
// done. A grain below one counts as one; n <= grain runs inline.
//
// The caller takes chunks itself and idle workers help it. It waits only for
// chunks that some goroutine is already running, never for a worker to become
// free, so calls may nest to any depth. If a body panics, the chunks not yet
// begun are skipped and For panics with the first value once the running ones
// have ended. A body must not call [runtime.Goexit].
func For(n, grain int, body func(lo, hi int)) {
	grain = max(grain, 1)
	if n <= grain {
		if n > 0 {
			body(0, n)
		}
		return
	}
	chunks := (n-1)/grain + 1
	helpers := min(chunks, runtime.GOMAXPROCS(0)) - 1
	if helpers == 0 {
		for lo := 0; lo < n; lo += grain {
			body(lo, min(n, lo+grain))
		}
		return
	}
	ensureWorkers(helpers)

	j := jobs.Get().(*job)
	j.body, j.n, j.grain, j.chunks = body, n, grain, int64(chunks)
	j.next.Store(0)
	j.pending.Store(int64(chunks))
	j.refs.Store(int32(helpers) + 1)
	invited := 0
invite:
	for invited < helpers {
		select {
		case queue <- j:
			invited++
		default: // every worker has work waiting already
			break invite
		}
	}
	j.refs.Add(int32(invited - helpers))

	j.work()
	j.wait()
	failure := j.failure.Swap(nil)
	j.release()
	if failure != nil {
		panic(failure.value)
	}
}

// job is one call of For. It is reused: the caller and every invitation in the
// queue hold a reference, and the last to let go returns it to the pool, so an
// invitation that is read late never meets another call's job.
type job struct {
	body    func(lo, hi int)
	n       int
	grain   int
	chunks  int64
	next    atomic.Int64 // next chunk to take
	pending atomic.Int64 // chunks not yet ended
	refs    atomic.Int32
	failure atomic.Pointer[failure]
	done    chan struct{} // one token when pending reaches zero
}

type failure struct{ value any }

var jobs = sync.Pool{New: func() any { return &job{done: make(chan struct{}, 1)} }}

// work takes chunks until none is left.
func (j *job) work() {
	for {
		i := j.next.Add(1) - 1
		if i >= j.chunks {
			return
		}
		j.run(int(i))
	}
}

// run does chunk i, or only counts it once another chunk has panicked.
func (j *job) run(i int) {
	defer j.end()
	if j.failure.Load() == nil {
		lo := i * j.grain
		j.body(lo, min(j.n, lo+j.grain))
	}
}

// end counts a chunk as ended and keeps its panic, if any.
func (j *job) end() {
	if v := recover(); v != nil {
		j.failure.CompareAndSwap(nil, &failure{v})
	}
	if j.pending.Add(-1) == 0 {
		j.done <- struct{}{}
	}
}

// spins bounds how often the caller looks for the last chunks to end before it
// sleeps: waking a goroutine costs microseconds, as much as a small chunk.
const spins = 2000

func (j *job) wait() {
	for i := 0; i < spins && j.pending.Load() != 0; i++ {
	}
	<-j.done
}

func (j *job) release() {
	if j.refs.Add(-1) == 0 {
		j.body = nil
		jobs.Put(j)
	}
}

var (
	queue   = make(chan *job, 256)
	workers atomic.Int32
	growing sync.Mutex
)

// ensureWorkers starts persistent workers until there are at least n.
func ensureWorkers(n int) {
	if int(workers.Load()) >= n {
		return
	}
	growing.Lock()
	defer growing.Unlock()
	for int(workers.Load()) < n {
		workers.Add(1)
		go worker()
	}
}

func worker() {
	for j := range queue {
		j.work()
		j.release()
	}
}
