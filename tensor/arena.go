package tensor

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"
)

// storage is a buffer that tensors view. Its generation moves on when the
// buffer is released, which makes every older header stale.
type storage struct {
	mem   []byte // 64-byte aligned
	gen   uint64
	class int32
	arena *Arena // nil: on the heap, never released
	index int    // place in arena.live
}

const alignment = 64

func newStorage(bytes int) *storage {
	mem := make([]byte, bytes+alignment)
	adviseHuge(mem)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(mem)))) & (alignment - 1)
	return &storage{mem: mem[skip : skip+bytes : skip+bytes]}
}

// Size classes: four to an octave, so a buffer wastes a fifth at most.
func classOf(bytes int) int {
	if bytes <= alignment {
		return 0
	}
	top := bits.Len(uint(bytes-1)) - 1 // bytes-1 lies in [2^top, 2^(top+1))
	return (top-5)*4 - 3 + (bytes-1)>>(top-2)&3
}

func classBytes(class int) int {
	if class == 0 {
		return alignment
	}
	top, quarter := (class-1)/4+6, (class-1)%4
	return (1 << top) + (quarter+1)<<(top-2)
}

const numClasses = 4 * 58

// An Arena owns the buffers of one pass and hands them out again after Reset,
// so that a steady-state step allocates nothing. It serves one goroutine.
// The zero value is ready to use.
type Arena struct {
	// Poison fills released floating-point buffers with NaN, which shows a
	// raw slice that was kept too long. Stale tensors are caught without it.
	Poison bool

	lists  *freeLists
	live   []*storage
	parent *Arena
	depth  int
	peak   int
	bytes  int
}

// freeLists is what an arena shares with its children.
type freeLists struct {
	free    [numClasses][]*storage
	headers atomic.Pointer[slab]
}

// slab holds headers to hand out, each once: one that came back would not be
// known for stale. Headers are atomic, unlike the rest of an arena, because
// goroutines may view the tensors of one pass at the same time.
type slab struct {
	next    atomic.Int32
	headers [64]Tensor
}

// header returns a zero header.
func (l *freeLists) header() *Tensor {
	s := l.headers.Load()
	if s != nil {
		if i := int(s.next.Add(1)) - 1; i < len(s.headers) {
			return &s.headers[i]
		}
	}
	s = new(slab)
	s.next.Store(1)
	l.headers.Store(s)
	return &s.headers[0]
}

// shared keeps the buffers of closed arenas for the next ones, up to a cap.
var shared struct {
	sync.Mutex
	free  [numClasses][]*storage
	bytes int
}

const sharedCap = 1 << 30

// Child returns an arena that shares a's free lists: what it releases, a can
// reuse at once. Both belong to one goroutine.
func (a *Arena) Child() *Arena {
	a.init()
	return &Arena{Poison: a.Poison, lists: a.lists, parent: a, depth: a.depth + 1}
}

func (a *Arena) init() {
	if a.lists == nil {
		a.lists = new(freeLists)
	}
}

// New returns a tensor whose contents are undefined. It lives until Free,
// Reset or Close.
func (a *Arena) New(dt DType, shape ...int) *Tensor {
	a.init()
	t := a.lists.header()
	t.init(dt, shape)
	t.st = a.take(dt.bytes(t.Len()))
	t.gen = t.st.gen
	return t
}

func (a *Arena) take(bytes int) *storage {
	c := classOf(bytes)
	list := &a.lists.free[c]
	var st *storage
	if n := len(*list); n > 0 {
		st = (*list)[n-1]
		*list = (*list)[:n-1]
	} else if st = takeShared(c); st == nil {
		st = newStorage(classBytes(c))
		st.class = int32(c)
	}
	st.arena, st.index = a, len(a.live)
	a.live = append(a.live, st)
	for p := a; p != nil; p = p.parent {
		p.bytes += len(st.mem)
		p.peak = max(p.peak, p.bytes)
	}
	return st
}

func takeShared(c int) *storage {
	shared.Lock()
	defer shared.Unlock()
	list := &shared.free[c]
	n := len(*list)
	if n == 0 {
		return nil
	}
	st := (*list)[n-1]
	*list = (*list)[:n-1]
	shared.bytes -= len(st.mem)
	return st
}

// Free releases t's buffer at once. Every tensor that views it is stale.
// It panics with *ReleasedError on a stale t and ignores a heap tensor.
func (a *Arena) Free(t *Tensor) {
	t.check("free")
	st := t.st
	if st.arena == nil {
		return
	}
	owner := st.arena
	last := owner.live[len(owner.live)-1]
	owner.live[st.index], last.index = last, st.index
	owner.live = owner.live[:len(owner.live)-1]
	owner.release(st)
}

func (a *Arena) release(st *storage) {
	st.gen++
	for p := a; p != nil; p = p.parent {
		p.bytes -= len(st.mem)
	}
	if a.Poison {
		f := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(st.mem))), len(st.mem)/4)
		for i := range f {
			f[i] = math.MaxUint32 // a NaN in float32 and, in pairs, in float64
		}
	}
	list := &a.lists.free[st.class]
	*list = append(*list, st)
}

// Reset releases every buffer that a handed out.
func (a *Arena) Reset() {
	for _, st := range a.live {
		a.release(st)
	}
	a.live = a.live[:0]
}

// Close releases every buffer and gives the arena's memory to the pool that
// all arenas draw from. Closing a child only resets it. The arena may be used
// again.
func (a *Arena) Close() {
	a.Reset()
	if a.parent != nil || a.lists == nil {
		return
	}
	shared.Lock()
	defer shared.Unlock()
	for c := range a.lists.free {
		for _, st := range a.lists.free[c] {
			if shared.bytes+len(st.mem) <= sharedCap {
				st.arena = nil
				shared.free[c] = append(shared.free[c], st)
				shared.bytes += len(st.mem)
			}
		}
	}
	a.lists.free = [numClasses][]*storage{} // the children share the lists
}

// Bytes returns how many bytes are handed out now, and the most that ever were.
func (a *Arena) Bytes() (now, peak int) { return a.bytes, a.peak }
