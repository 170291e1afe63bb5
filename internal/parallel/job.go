package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// job is one call of [Do]. It is reused once nobody takes part in it; whoever
// looks at it late either fails to join or joins a later call, which needs
// help as much.
type job struct {
	task     Task
	n, grain int
	chunks   int64
	next     atomic.Int64 // next chunk to take
	pending  atomic.Int64 // chunks not yet ended, plus asleep
	members  atomic.Int32 // the caller and the workers that joined; 0: free
	failure  atomic.Pointer[failure]
	done     chan struct{} // wakes the caller
}

// asleep is added to pending once the caller sleeps until it is zero.
const asleep = 1 << 62

type failure struct{ value any }

var jobs = sync.Pool{New: func() any { return &job{done: make(chan struct{}, 1)} }}

func newJob(n, grain, chunks int, task Task) *job {
	j := jobs.Get().(*job)
	j.task, j.n, j.grain, j.chunks = task, n, grain, int64(chunks)
	j.next.Store(0)
	j.pending.Store(int64(chunks))
	j.members.Store(1) // from here on workers may join
	return j
}

// join makes the calling worker a member, unless the job is free.
func (j *job) join() bool {
	for {
		m := j.members.Load()
		if m == 0 {
			return false
		}
		if j.members.CompareAndSwap(m, m+1) {
			return true
		}
	}
}

func (j *job) leave() {
	if j.members.Add(-1) == 0 {
		j.task = nil
		jobs.Put(j)
	}
}

// work takes chunks until none is left.
func (j *job) work() {
	for !j.takeChunks() {
	}
}

// takeChunks reports whether it came to the last chunk; it did not if one of
// its own panicked.
func (j *job) takeChunks() (all bool) {
	var taken int64
	defer func() {
		if v := recover(); v != nil {
			j.failure.CompareAndSwap(nil, &failure{v})
		}
		if taken > 0 && j.pending.Add(-taken) == asleep {
			j.done <- struct{}{}
		}
	}()
	task, n, grain, chunks := j.task, j.n, j.grain, j.chunks
	for {
		i := j.next.Add(1) - 1
		if i >= chunks {
			return true
		}
		taken++
		if j.failure.Load() == nil {
			lo := int(i) * grain
			task.Run(lo, min(n, lo+grain))
		}
	}
}

// patience is how long a caller looks for its last chunks to end, and a worker
// for its next job, before it sleeps. Waking a goroutine takes tens of
// microseconds, more than most gaps between the loops of a training step; this
// bounds what an idle worker burns.
const patience = 100 * time.Microsecond

// await returns whether ready became true within patience. It yields now and
// then, so that goroutines which wait for a processor get it.
func await(ready func() bool) bool {
	const looks = 256
	var start time.Time
	for {
		for range looks {
			if ready() {
				return true
			}
		}
		switch {
		case start.IsZero():
			start = time.Now()
		case time.Since(start) > patience:
			return false
		}
		runtime.Gosched()
	}
}

// wait returns when every chunk has ended.
func (j *job) wait() {
	if j.pending.Load() == 0 || await(func() bool { return j.pending.Load() == 0 }) {
		return
	}
	if j.pending.Add(asleep) != asleep {
		<-j.done
	}
}
