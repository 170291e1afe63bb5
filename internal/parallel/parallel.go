// Package parallel splits a loop over the cores of the machine.
//
// How a loop is cut into chunks depends on its length and grain alone, never
// on the number of cores, so a body whose chunks write to disjoint places
// gives the same bits for every GOMAXPROCS.
package parallel

import "runtime"

// A Task is the body of a loop. One that is kept and used again costs no
// allocation, unlike a function that closes over its variables.
type Task interface {
	// Run does the iterations [lo, hi).
	Run(lo, hi int)
}

type function func(lo, hi int)

func (f function) Run(lo, hi int) { f(lo, hi) }

// For is [Do] for a function.
func For(n, grain int, body func(lo, hi int)) { Do(n, grain, function(body)) }

// Do runs task on the chunks [i*grain, min(n, (i+1)*grain)) of [0, n), each
// once, in any order and possibly at the same time, and returns when all are
// done. A grain below one counts as one; n <= grain runs inline.
//
// The caller takes chunks itself and idle workers help it. It waits only for
// chunks that some goroutine is already running, never for a worker to become
// free, so calls may nest to any depth. If a chunk panics, the chunks not yet
// begun are skipped and Do panics with the first value once the running ones
// have ended. A task must not call [runtime.Goexit].
func Do(n, grain int, task Task) {
	grain = max(grain, 1)
	if n <= grain {
		if n > 0 {
			task.Run(0, n)
		}
		return
	}
	chunks := (n-1)/grain + 1
	helpers := min(chunks, runtime.GOMAXPROCS(0)) - 1
	if helpers == 0 {
		for lo := 0; lo < n; lo += grain {
			task.Run(lo, min(n, lo+grain))
		}
		return
	}

	j := newJob(n, grain, chunks, task)
	place := post(j)
	if place != nil {
		callWorkers(helpers)
	}
	j.work()
	if place != nil {
		place.Store(nil)
	}
	j.wait()
	failure := j.failure.Swap(nil)
	j.leave()
	if failure != nil {
		panic(failure.value)
	}
}
