package parallel

import (
	"sync"
	"sync/atomic"
)

// board is where callers post jobs and workers look for them: one cache line,
// which stays in every core's cache while nobody posts. A caller that finds it
// full works alone, since every core is busy by then.
var board struct {
	_      [64]byte
	places [8]atomic.Pointer[job]
	_      [64]byte
}

// post puts j on the board and returns its place, nil if there is none.
func post(j *job) *atomic.Pointer[job] {
	for i := range board.places {
		p := &board.places[i]
		if p.Load() == nil && p.CompareAndSwap(nil, j) {
			return p
		}
	}
	return nil
}

// find joins a job on the board.
func find() *job {
	for i := range board.places {
		if j := board.places[i].Load(); j != nil && j.join() {
			return j
		}
	}
	return nil
}

var (
	growing sync.Mutex
	workers atomic.Int32 // started, for good
	parked  atomic.Int32 // sleeping, and not yet sent for
	wake    = make(chan struct{}, 1<<10)
)

// callWorkers sees to it that at least helpers workers are awake, started if
// need be. It never waits for them.
func callWorkers(helpers int) {
	if int(workers.Load()) < helpers {
		growing.Lock()
		for int(workers.Load()) < helpers {
			workers.Add(1)
			go work()
		}
		growing.Unlock()
	}
	for parked.Load() > 0 && int(workers.Load()-parked.Load()) < helpers {
		if unpark() {
			wake <- struct{}{}
		}
	}
}

// unpark takes one worker off the count of parked ones; who does so owes a
// token to wake.
func unpark() bool {
	p := parked.Load()
	return p > 0 && parked.CompareAndSwap(p, p-1)
}

// work is the life of a worker.
func work() {
	for {
		var j *job
		if !await(func() bool { j = find(); return j != nil }) {
			j = park()
		}
		if j != nil {
			j.work()
			j.leave()
		}
	}
}

// park sleeps until a caller asks for help, or returns a job that was posted
// while the worker was lying down.
func park() *job {
	parked.Add(1)
	j := find()
	if j == nil {
		<-wake
		return nil
	}
	for !unpark() {
		if parked.Load() == 0 { // somebody has sent for this worker already
			<-wake
			break
		}
	}
	return j
}
