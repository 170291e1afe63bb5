package tensor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	hugePage = 2 << 20
	// hugeFrom is the size from which a buffer is worth a system call.
	hugeFrom = 64 << 10
)

// adviseHuge asks for huge pages below a new buffer: where the system gives
// them on request only, streaming over large matrices otherwise waits for the
// translation of addresses. The range is rounded outwards, to pages that other
// objects of the heap may share: it is a hint, which changes nothing that can
// be read. An error means that the hint was not taken.
func adviseHuge(mem []byte) {
	if len(mem) < hugeFrom {
		return
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
	lo := at &^ (hugePage - 1)
	hi := (at + uintptr(len(mem)) + hugePage - 1) &^ (hugePage - 1)
	unix.Syscall(unix.SYS_MADVISE, lo, hi-lo, unix.MADV_HUGEPAGE)
}
